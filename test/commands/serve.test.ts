import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createFixture, MINIMAL } from '../config/fixture.js';
import type { Fixture } from '../config/fixture.js';
import { StopRequest } from '../../gateway/commands/serve.js';
import { createSink } from '../../gateway/telemetry/index.js';
import { fakeIo } from './fake-io.js';

/** Everything on loopback, every port any free one. */
const LOOPBACK = `${MINIMAL.replace('  ca:', '  listen: { host: 127.0.0.1, port: 0 }\n  ca:')
  .replace('- host: 10.0.0.5', '- { host: 127.0.0.1, port: 0 }')
  .replace('10.0.0.10', '127.0.0.1')}http:
  listen: { port: 0 }
`;

let fixture: Fixture;
before(() => {
  fixture = createFixture();
});
after(() => fixture.close());

type Child = ChildProcessByStdio<null, Readable, Readable>;
type Line = Readonly<Record<string, unknown>>;

function serve(yaml: string): Child {
  const file = fixture.write('serve.yaml', yaml);
  return spawn(process.execPath, ['--import', 'tsx', 'gateway/main.ts', 'serve', '-c', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A running gateway and its log, line by line as it is asked for. */
function logOf(child: Child): { until(message: string): Promise<Line> } {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async until(message) {
      for (;;) {
        const next = await lines.next();
        if (next.done === true) throw new Error(`the log ended before "${message}"`);
        const line = JSON.parse(next.value) as Line;
        if (line.message === message) return line;
      }
    },
  };
}

async function exitOf(child: Child): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

test('serve starts, answers health and metrics, renews the certificate on SIGHUP and ends with 0 on SIGTERM', async () => {
  const child = serve(LOOPBACK);
  after(() => child.kill('SIGKILL'));
  const log = logOf(child);
  const ready = await log.until('gateway ready');
  const { host, port } = ready.http as { host: string; port: number };
  const health = await fetch(`http://${host}:${port}/readyz`);
  assert.equal(((await health.json()) as { parts: { sip: { status: string } } }).parts.sip.status, 'ok');
  const metrics = await (await fetch(`http://${host}:${port}/metrics`)).text();
  assert.match(metrics, /^wa_trunk_calls_active 0$/m);
  child.kill('SIGHUP');
  await log.until('certificate files read again');
  child.kill('SIGTERM');
  await log.until('stopped');
  assert.equal(await exitOf(child), 0);
});

test('SIGINT ends it with 0', async () => {
  const child = serve(LOOPBACK);
  after(() => child.kill('SIGKILL'));
  await logOf(child).until('gateway ready');
  child.kill('SIGINT');
  assert.equal(await exitOf(child), 0);
});

test('a port that is taken ends the start with 1 and one line that says what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const child = serve(
    LOOPBACK.replace('listen: { host: 127.0.0.1, port: 0 }', `listen: { host: 127.0.0.1, port: ${port} }`),
  );
  after(() => child.kill('SIGKILL'));
  const [stderr, code] = await Promise.all([text(child.stderr), exitOf(child)]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^wa-trunk serve: .*${port}.*another program listens there already[^\n]*\n$`));
});

test('a wrong configuration ends it with 2', async () => {
  const child = serve(LOOPBACK.replace('hostname: sip.example.com', 'hostname: nowhere'));
  after(() => child.kill('SIGKILL'));
  const [stderr, code] = await Promise.all([text(child.stderr), exitOf(child)]);
  assert.equal(code, 2);
  assert.match(stderr, /serve\.yaml: gateway\.hostname: found "nowhere", allowed a fully qualified host name/);
});

function fakeGateway(drained: Promise<void>) {
  const seen: string[] = [];
  return {
    seen,
    addresses: [],
    httpAddress: undefined,
    webhooksAddress: undefined,
    callBack: () => Promise.resolve('failed' as const),
    activeCalls: 1,
    renewCertificate: () => Promise.reject(new Error('not readable')),
    drain: () => {
      seen.push('drain');
      return drained;
    },
    close: () => {
      seen.push('close');
      return Promise.resolve();
    },
  };
}

test('a second signal while calls are still running ends the process with 1', async () => {
  const io = fakeIo();
  const { log } = createSink();
  let finish = (): void => undefined;
  const drained = new Promise<void>((resolve) => (finish = resolve));
  const gateway = fakeGateway(drained);
  const stop = new StopRequest(io);
  const served = stop.serve(gateway, log);
  io.send('SIGTERM');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([gateway.seen, io.exits], [['drain'], []]);
  io.send('SIGINT');
  assert.deepEqual(io.exits, [1]);
  finish();
  await served;
  assert.deepEqual(gateway.seen, ['drain', 'close']);
  stop.close();
  assert.equal(io.listened, false);
});

test('a signal during the start is not lost, and a certificate that cannot be renewed is only logged', async () => {
  const io = fakeIo();
  const { log, lines } = createSink();
  const gateway = fakeGateway(Promise.resolve());
  const stop = new StopRequest(io);
  io.send('SIGINT');
  const served = stop.serve(gateway, log);
  io.send('SIGHUP');
  await served;
  stop.close();
  assert.deepEqual(gateway.seen, ['close']);
  assert.ok(lines.some(({ message }) => message === 'certificate files cannot be used, the old ones stay'));
});
