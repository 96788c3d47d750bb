import { after, before, describe, test } from 'node:test';
import { startEngine, type Engine } from '../../gateway/engine/index.js';
import { callsIn } from './contract/calls-in.js';
import { callsOut, embeddedOnly } from './contract/calls-out.js';
import { inDialog, inDialogEmbedded } from './contract/in-dialog.js';
import { link } from './contract/link.js';
import { TestPki } from './support/pki.js';
import type { FarEndUnderTest } from './contract/far-end.js';

const T1 = 40;

describe("drachtio's app protocol at the embedded SIP server", () => {
  let pki: TestPki;
  let engine: Engine;
  let far: FarEndUnderTest;

  before(async () => {
    pki = await TestPki.create();
    engine = await startEngine({
      admin: { host: '127.0.0.1', port: 0, secret: 'contract' },
      listen: (['udp', 'tcp', 'tls'] as const).map((transport) => ({ transport, host: '127.0.0.1', port: 0 })),
      tls: await pki.files(pki.server('gw.example.com')),
      timers: { t1: T1 },
    });
    const at = (transport: string): { address: string; port: number } => ({
      address: '127.0.0.1',
      port: engine.addresses.find((a) => a.transport === transport)?.port ?? 0,
    });
    far = {
      host: '127.0.0.1',
      port: engine.adminPort,
      secret: 'contract',
      udp: at('udp'),
      tcp: at('tcp'),
      tls: at('tls'),
      t1: T1,
    };
  });

  after(async () => {
    await engine.close();
    await pki.remove();
  });

  for (const { name, run } of [...link, ...callsIn, ...callsOut, ...inDialog, ...embeddedOnly, ...inDialogEmbedded])
    test(name, () => run(far));
});
