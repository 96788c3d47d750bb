/** Run by dtls-engine.test.ts with --expose-gc: closed engines are collected, and then the last one stops libdatachannel. */
import { setTimeout as delay } from 'node:timers/promises';
import { DtlsEngine } from '../../../simulator/media/dtls-engine.js';

const nothing = (): void => undefined;
const create = (): Promise<DtlsEngine> =>
  DtlsEngine.create({ onDatagram: nothing, onPacket: nothing, onReady: nothing });

let collected = 0;
const registry = new FinalizationRegistry(() => (collected += 1));

async function openAndClose(): Promise<void> {
  const engine = await create();
  registry.register(engine, undefined);
  await engine.close();
}

const last = await create();
for (let i = 0; i < 20; i++) await openAndClose();
for (let i = 0; i < 50 && collected < 20; i++) {
  globalThis.gc?.();
  await delay(20);
}
await last.close();
process.stdout.write(`collected ${collected}\n`);
