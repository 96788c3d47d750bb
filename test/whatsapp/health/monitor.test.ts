import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Agent } from 'undici';
import { createSink } from '../../../gateway/telemetry/index.js';
import { inspectToken } from '../../../gateway/whatsapp/graph/index.js';
import { HealthMonitor, timeToMeta } from '../../../gateway/whatsapp/health/index.js';
import type { HealthMonitorOptions } from '../../../gateway/whatsapp/health/index.js';
import { APP, NUMBER, NUMBER_ID, SCOPES, TOKEN, withMeta } from '../meta.js';
import type { Meta } from '../meta.js';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const DAY_MS = 86_400_000;
const FEW = { day: { calls: 0, answered: 0 }, week: { calls: 0, answered: 0 } };

function monitorOf({ graph }: Meta, options: Partial<HealthMonitorOptions> = {}) {
  const sink = createSink();
  const monitor = new HealthMonitor({
    ...{ graph, numbers: [{ number: NUMBER, phoneNumberId: NUMBER_ID }], intervalMs: 0, log: sink.log, now: () => NOW },
    token: () => inspectToken(graph, TOKEN),
    time: () => Promise.resolve({ latencyMs: 5, clockAheadMs: 0 }),
    certificate: () => Promise.resolve(NOW + 60 * DAY_MS),
    pickup: () => Promise.resolve(FEW),
    ...options,
  });
  const told = (): unknown[] => sink.lines.map(({ message, concern }) => [message, concern]);
  return { monitor, told };
}

test('a healthy number is no concern', async () => {
  await withMeta(async (meta) => {
    const { monitor, told } = monitorOf(meta);
    assert.deepEqual(monitor.concerns, [], 'nothing is known before the first round, and nothing is made up');
    const { atMs, numbers, token, time, certificate } = await monitor.refresh();
    assert.equal(atMs, NOW);
    const [number] = numbers;
    assert.equal(number?.health.value?.sip, 'available');
    assert.deepEqual(number?.restrictions.value, []);
    assert.equal(token?.value?.valid, true);
    assert.equal(time?.value?.latencyMs, 5);
    assert.equal(certificate?.value?.expiresAtMs, NOW + 60 * DAY_MS);
    assert.deepEqual(monitor.concerns, []);
    assert.deepEqual(told(), []);
    await monitor.close();
  });
});

test('each trouble at Meta is told once when it comes and once when it goes', async () => {
  await withMeta(async (meta) => {
    const { sim } = meta;
    const { monitor, told } = monitorOf(meta);
    sim.overrideHealth(NUMBER, {
      number: {
        can_receive_call_sip: 'BLOCKED',
        errors: [{ error_code: 138_024, error_description: 'SIP is off', possible_solution: 'Turn it on' }],
      },
    });
    const expiresAtMs = NOW + 7 * DAY_MS;
    sim.restrict(NUMBER, { type: 'RESTRICTED_BUSINESS_INITIATED_CALLING', reason: 'feedback', expiresAtMs });
    await monitor.refresh();
    await monitor.refresh();
    const blocked = `${NUMBER}: SIP calls to the number are blocked: SIP is off (138024)`;
    const stopped =
      `${NUMBER}: Meta has stopped business-initiated calls until 2026-12-03T12:00:00.000Z ` +
      '(RESTRICTED_BUSINESS_INITIATED_CALLING): feedback';
    assert.deepEqual(
      monitor.concerns.map(({ severity, text, number }) => [severity, text, number]),
      [
        ['fail', blocked, NUMBER],
        ['fail', stopped, NUMBER],
      ],
    );
    assert.match(monitor.concerns[0]?.remedy ?? '', /run wa-trunk apply; Meta says: Turn it on$/);
    sim.overrideHealth(NUMBER, {});
    sim.restrict(NUMBER);
    await monitor.refresh();
    assert.deepEqual(told(), [
      ['health: a new concern', blocked],
      ['health: a new concern', stopped],
      ['health: a concern is over', blocked],
      ['health: a concern is over', stopped],
    ]);
    await monitor.close();
  });
});

test('token, certificate, clock and pick-up are concerns before they are trouble', async () => {
  await withMeta(async (meta) => {
    meta.sim.setToken({ token: TOKEN, appId: APP, scopes: SCOPES.slice(0, 1), expiresAtMs: NOW + 3.5 * DAY_MS });
    const { monitor } = monitorOf(meta, {
      certificate: () => Promise.resolve(NOW - DAY_MS),
      time: () => Promise.resolve({ latencyMs: 5, clockAheadMs: -90_000 }),
      pickup: (_, direction) =>
        Promise.resolve(direction === 'user-initiated' ? { ...FEW, day: { calls: 20, answered: 9 } } : FEW),
    });
    await monitor.refresh();
    assert.deepEqual(
      monitor.concerns.map(({ severity, text }) => `${severity} ${text}`),
      [
        'fail the access token lacks whatsapp_business_messaging',
        'fail the certificate expired on 2026-11-25',
        'warn the access token expires in 3 days, on 2026-11-30',
        "warn the clock of this machine is 90 s behind Meta's",
        `warn ${NUMBER}: only 9 of the last 20 calls of users were picked up (24 h)`,
      ],
    );
    await monitor.close();
  });
});

test('while Meta is away the last that was known stays, and only one concern says so', async () => {
  await withMeta(async (meta) => {
    let away = false;
    const { monitor, told } = monitorOf(meta, {
      time: () => (away ? Promise.reject(new Error('connect refused')) : Promise.resolve({ latencyMs: 1 })),
    });
    const health = { can_receive_call_sip: 'LIMITED', additional_info: ['The app is in development mode'] } as const;
    meta.sim.overrideHealth(NUMBER, { app: health });
    await monitor.refresh();
    away = true;
    await meta.sim.close();
    const { numbers, token } = await monitor.refresh();
    assert.equal(numbers[0]?.health.value?.sip, 'limited');
    assert.match(numbers[0]?.health.fault ?? '', /cannot be reached/);
    assert.equal(token?.value?.valid, true);
    const limited = `${NUMBER}: SIP calls to the app are limited: The app is in development mode`;
    assert.deepEqual(told(), [
      ['health: a new concern', limited],
      ['health: a new concern', 'the Graph API does not answer: connect refused'],
    ]);
    await monitor.close();
  });
});

test('it reads again at its interval, and no more when it is closed', async () => {
  await withMeta(async (meta) => {
    let rounds = 0;
    let third = (): void => undefined;
    const enough = new Promise<void>((resolve) => (third = resolve));
    const { monitor } = monitorOf(meta, {
      intervalMs: 1,
      time: () => {
        if (++rounds === 3) third();
        return Promise.resolve({ latencyMs: 1 });
      },
    });
    monitor.start();
    await enough;
    await monitor.close();
    const asked = meta.sim.requests.length;
    await monitor.refresh();
    assert.equal(meta.sim.requests.length, asked);
  });
});

test("time to Meta: a request's latency, and our clock against its Date", async () => {
  const server = createServer((_, response) => {
    response.setHeader('date', new Date(NOW).toUTCString());
    response.writeHead(400).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dispatcher = new Agent();
  try {
    const { latencyMs, clockAheadMs } = await timeToMeta({
      url,
      dispatcher,
      timeoutMs: 5000,
      now: () => NOW + 120_000,
    });
    assert.ok(latencyMs >= 0 && latencyMs < 5000);
    // Date is cut to the second: it is its middle that is taken.
    assert.ok(Math.abs((clockAheadMs ?? NaN) - (119_500 + latencyMs / 2)) <= 1);
  } finally {
    await dispatcher.destroy();
    server.close();
  }
  await assert.rejects(timeToMeta({ url, dispatcher: new Agent(), timeoutMs: 5000 }));
});
