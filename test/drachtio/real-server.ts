import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FarEndUnderTest } from '../engine/contract/far-end.js';
import { TestPki } from '../engine/support/pki.js';

export interface RealServer {
  far: FarEndUnderTest;
  close: () => Promise<void>;
}

/** The server's default: measured, 0.9.10 goes on repeating at this whatever its <timers> say. */
const T1 = 500;
const NEEDED =
  'needs a drachtio-server 0.9.10 or later of the 0.9 line: set DRACHTIO_BIN to its binary, ' +
  'or DRACHTIO_HOST, DRACHTIO_PORT and DRACHTIO_SECRET of a running one with SIP on 5060 (udp, tcp) and 5061 (tls)';

/** What the environment lacks, in one line; `undefined` when it names a drachtio-server. */
export function lacking(env: NodeJS.ProcessEnv): string | undefined {
  const given =
    env.DRACHTIO_BIN !== undefined || (env.DRACHTIO_HOST !== undefined && env.DRACHTIO_SECRET !== undefined);
  return given ? undefined : NEEDED;
}

/** The drachtio-server named by the environment, started or found running. */
export async function realServer(env: NodeJS.ProcessEnv): Promise<RealServer> {
  const { DRACHTIO_BIN, DRACHTIO_HOST, DRACHTIO_PORT, DRACHTIO_SECRET } = env;
  if (DRACHTIO_BIN !== undefined) return startServer(DRACHTIO_BIN);
  if (DRACHTIO_HOST === undefined || DRACHTIO_SECRET === undefined) throw new Error(NEEDED);
  const at = (port: number): { address: string; port: number } => ({ address: DRACHTIO_HOST, port });
  const far = { host: DRACHTIO_HOST, port: Number(DRACHTIO_PORT ?? 9022), secret: DRACHTIO_SECRET, t1: 500 };
  return { far: { ...far, udp: at(5060), tcp: at(5060), tls: at(5061) }, close: () => Promise.resolve() };
}

async function startServer(binary: string): Promise<RealServer> {
  const pki = await TestPki.create();
  const folder = await mkdtemp(join(tmpdir(), 'wa-trunk-drachtio-'));
  const [admin, sip, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  const files = await pki.files(pki.server('gw.example.com'));
  const config = join(folder, 'drachtio.conf.xml');
  await writeFile(
    config,
    `<drachtio>
  <admin port="${admin}" secret="contract">127.0.0.1</admin>
  <sip>
    <contacts>
      <contact>sip:127.0.0.1:${sip};transport=udp,tcp</contact>
      <contact>sips:127.0.0.1:${tls};transport=tls</contact>
    </contacts>
    <tls>
      <key-file>${files.privateKey}</key-file><cert-file>${files.certificate}</cert-file><chain-file>${files.ca}</chain-file>
      <min-tls-version>1.2</min-tls-version>
    </tls>
  </sip>
  <cdrs>false</cdrs>
  <logging><console/><sofia-loglevel>0</sofia-loglevel><loglevel>error</loglevel></logging>
</drachtio>
`,
  );
  const process = spawn(binary, ['-f', config, '--stdout'], { stdio: 'ignore' });
  const at = (port: number): { address: string; port: number } => ({ address: '127.0.0.1', port });
  const close = async (): Promise<void> => {
    await stop(process);
    await rm(folder, { recursive: true, force: true });
    await pki.remove();
  };
  try {
    await listening(admin, process);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    far: { host: '127.0.0.1', port: admin, secret: 'contract', udp: at(sip), tcp: at(sip), tls: at(tls), t1: T1 },
    close,
  };
}

async function stop(process: ChildProcess): Promise<void> {
  if (process.pid === undefined || process.exitCode !== null || process.signalCode !== null) return;
  const ended = once(process, 'exit');
  process.kill();
  await ended;
}

/** Waits until the admin port answers; rejects when the process ends first or within 10 s nothing comes. */
async function listening(port: number, process: ChildProcess): Promise<void> {
  let failure: Error | undefined;
  process.once('error', (error) => (failure = error));
  process.once(
    'exit',
    (code) =>
      (failure ??= new Error(`drachtio ended at once (exit ${code}); it prints nothing on a bind or TLS fault`)),
  );
  const until = Date.now() + 10_000;
  while (Date.now() < until) {
    if (failure !== undefined) throw failure;
    if (await answers(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('drachtio opened no admin port within 10 s');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
