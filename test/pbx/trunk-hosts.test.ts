import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { configuredPeer, type TrunkPeer } from '../../gateway/pbx/peer.js';
import { TrunkHosts, type TrunkHostsDeps } from '../../gateway/pbx/trunk-hosts.js';
import type { TrunkConfig, TrunkHost } from '../../gateway/config/types.js';
import type { ProbeResult, ProbeTarget } from '../../gateway/sip/port.js';

const OK: ProbeResult = { kind: 'answered', status: 200 };
const SILENT: ProbeResult = { kind: 'unreachable', detail: 'no response within 2000 ms' };
const A = 'udp:10.0.0.1:5060';
const B = 'udp:10.0.0.2:5060';
const C = 'udp:10.0.0.3:5060';

function host(address: string, weight = 1): TrunkHost {
  return { host: address, port: 5060, transport: 'udp', weight };
}

/** Probes wait until the test answers them. */
class Probes {
  readonly sent: { target: ProbeTarget; answer: (result: ProbeResult) => Promise<void> }[] = [];

  readonly send = (target: ProbeTarget): Promise<ProbeResult> => {
    const { promise, resolve } = withResolvers<ProbeResult>();
    const answer = async (result: ProbeResult): Promise<void> => {
      resolve(result);
      await settled();
    };
    this.sent.push({ target, answer });
    return promise;
  };

  /** Takes those sent since the last time. */
  take(): Probes['sent'] {
    return this.sent.splice(0);
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => (resolve = r));
  return { promise, resolve };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

let probes: Probes;
let logged: string[];
let hosts: TrunkHosts;

function start(trunk: Partial<TrunkConfig> = {}, random: () => number = () => 0): TrunkHosts {
  const log = (fields: object, message: string): void => {
    logged.push(`${(fields as { host: string }).host} ${message}`);
  };
  const deps: TrunkHostsDeps = {
    trunks: [
      {
        name: 'main',
        hosts: [host('10.0.0.1'), host('10.0.0.2'), host('10.0.0.3')],
        order: 'sequential',
        qualify: { intervalMs: 30_000, timeoutMs: 2000 },
        ...trunk,
      },
    ],
    probe: probes.send,
    from: '<sip:gateway.example.com>',
    log: { info: log, warn: log },
    random,
  };
  hosts = new TrunkHosts(deps);
  hosts.start();
  return hosts;
}

function order(): string[] {
  return hosts.choose('main').peers.map(({ name }) => name);
}

beforeEach(() => {
  probes = new Probes();
  logged = [];
  mock.timers.enable({ apis: ['setTimeout'] });
});

afterEach(() => {
  hosts.close();
  mock.timers.reset();
});

test('every host is asked at once, and again an interval after it answered', async () => {
  start();
  const first = probes.take();
  assert.deepEqual(
    first.map(({ target }) => target),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({
      requestUri: `sip:${address}:5060`,
      to: `<sip:${address}:5060>`,
      from: '<sip:gateway.example.com>',
      timeoutMs: 2000,
    })),
  );
  mock.timers.tick(60_000);
  assert.equal(probes.sent.length, 0, 'one at a time for a host');
  await first[0]?.answer(OK);
  mock.timers.tick(29_999);
  assert.equal(probes.sent.length, 0);
  mock.timers.tick(1);
  assert.deepEqual(
    probes.take().map(({ target }) => target.requestUri),
    ['sip:10.0.0.1:5060'],
  );
});

test('a host that is silent is left out until it answers, with whatever status', async () => {
  start();
  const [a] = probes.take();
  assert.deepEqual(order(), [A, B, C], 'alive until found dead');
  await a?.answer(SILENT);
  assert.deepEqual(order(), [B, C]);
  for (const status of [404, 405, 403, 503]) {
    mock.timers.tick(30_000);
    await probes.take()[0]?.answer({ kind: 'answered', status });
    assert.deepEqual(order(), [A, B, C], String(status));
    mock.timers.tick(30_000);
    await probes.take()[0]?.answer(SILENT);
    assert.deepEqual(order(), [B, C]);
  }
  assert.equal(logged[0], `${A} PBX host is down: left out until it answers`);
  assert.equal(logged[1], `${A} PBX host is back`);
});

test('a host that a call did not reach is left out at once', async () => {
  start();
  hosts.report('main', B, 'unreachable');
  assert.deepEqual(order(), [A, C]);
  hosts.report('main', B, 'answered');
  assert.deepEqual(order(), [A, B, C]);
  hosts.report('main', B, 'unreachable');
  await probes.take()[1]?.answer(OK);
  assert.deepEqual(order(), [A, B, C]);
});

test('when all are dead they are tried all the same, in order', () => {
  start();
  for (const name of [C, A, B]) hosts.report('main', name, 'unreachable');
  assert.deepEqual(order(), [A, B, C]);
  assert.equal(hosts.choose('main').down, true);
  hosts.report('main', B, 'answered');
  assert.deepEqual(order(), [B]);
  assert.equal(hosts.choose('main').down, false);
});

test('without OPTIONS a dead host is tried again after half a minute', () => {
  start({ qualify: { intervalMs: 0, timeoutMs: 2000 } });
  assert.equal(probes.sent.length, 0);
  hosts.report('main', A, 'unreachable');
  mock.timers.tick(29_999);
  assert.deepEqual(order(), [B, C]);
  mock.timers.tick(1);
  assert.deepEqual(order(), [A, B, C]);
});

test('by weight: the first is drawn by its share, the others follow, none twice', () => {
  let mark = 0;
  start({ order: 'weighted', hosts: [host('10.0.0.1', 1), host('10.0.0.2', 3), host('10.0.0.3', 6)] }, () => mark);
  const first = { [A]: 0, [B]: 0, [C]: 0 };
  for (let i = 0; i < 1000; i++) {
    mark = i / 1000;
    const drawn = order();
    first[drawn[0] as keyof typeof first]++;
    assert.deepEqual([...drawn].sort(), [A, B, C]);
  }
  assert.deepEqual(first, { [A]: 100, [B]: 300, [C]: 600 });
  hosts.report('main', C, 'unreachable');
  mark = 0.9;
  assert.deepEqual(order(), [B, A], 'its share goes to the others');
});

function registered(name: string, nextHop = 'sip:192.0.2.1:40000'): TrunkPeer {
  return {
    ...configuredPeer(host('10.9.9.9')),
    name,
    registered: true,
    target: () => ({ requestUri: '', to: '', nextHop }),
  };
}

test('who has registered is a host after those configured, and is asked like them, where it is now', async () => {
  start({ hosts: [host('10.0.0.1')] });
  probes.take();
  hosts.setRegistered('main', [registered('x')], new Set(['x']));
  assert.deepEqual(order(), [A, 'x']);
  const [first] = probes.take();
  assert.equal(first?.target.nextHop, 'sip:192.0.2.1:40000');
  hosts.setRegistered('main', [registered('x', 'sip:192.0.2.1:50000')], new Set(['x']));
  assert.equal(probes.sent.length, 0, 'a refresh starts no second round');
  await first.answer(OK);
  mock.timers.tick(30_000);
  assert.equal(probes.take()[0]?.target.nextHop, 'sip:192.0.2.1:50000');
});

test('a registration that was not reached is back when it refreshes; one that is gone is asked no more', () => {
  start({ hosts: [] });
  assert.deepEqual(hosts.choose('main'), { peers: [], down: true });
  hosts.setRegistered('main', [registered('x'), registered('y')], new Set(['x', 'y']));
  hosts.report('main', 'x', 'unreachable');
  assert.deepEqual(order(), ['y']);
  hosts.setRegistered('main', [registered('x'), registered('y')], new Set(['y']));
  assert.deepEqual(order(), ['y'], 'only who was heard is back');
  hosts.setRegistered('main', [registered('x'), registered('y')], new Set(['x']));
  assert.deepEqual(order(), ['x', 'y']);
  hosts.setRegistered('main', [], new Set());
  assert.deepEqual(order(), []);
});

test('after close nothing is asked, and a late answer changes nothing', async () => {
  start();
  const [a, b] = probes.take();
  await a?.answer(OK);
  hosts.close();
  await b?.answer(SILENT);
  mock.timers.tick(120_000);
  assert.equal(probes.sent.length, 0);
  assert.deepEqual(logged, []);
});

test('a registration that goes while it is asked is asked no more', async () => {
  start({ hosts: [] });
  hosts.setRegistered('main', [registered('x')], new Set(['x']));
  const [pending] = probes.take();
  hosts.setRegistered('main', [], new Set());
  await pending?.answer(SILENT);
  mock.timers.tick(60_000);
  assert.equal(probes.sent.length, 0);
});

test('states are told for metrics and health', () => {
  start({ hosts: [host('10.0.0.1')] });
  hosts.setRegistered('main', [registered('x')], new Set(['x']));
  hosts.report('main', A, 'unreachable');
  assert.deepEqual(hosts.states(), [
    { trunk: 'main', host: A, up: false, registered: false },
    { trunk: 'main', host: 'x', up: true, registered: true },
  ]);
});

test('a host is addressed with its port and transport; SRV decides where there is none', () => {
  const tls = configuredPeer({ host: 'pbx.example.com', transport: 'tls', weight: 1 });
  assert.deepEqual(
    [tls.name, tls.target('1001')],
    ['tls:pbx.example.com', { requestUri: 'sip:1001@pbx.example.com;transport=tls', to: '<sip:1001@pbx.example.com>' }],
  );
  const six = configuredPeer(host('2001:db8::5'));
  assert.deepEqual(
    [six.name, six.target('+4930').requestUri],
    ['udp:[2001:db8::5]:5060', 'sip:+4930@[2001:db8::5]:5060'],
  );
});
