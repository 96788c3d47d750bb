/** Who waits to be called back, and when the gateway does it by itself. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openCallbacks, type Callbacks } from '../../gateway/app/callbacks.js';
import type { Closers } from '../../gateway/app/parts.js';
import type { Callback } from '../../gateway/calls/callback-calls.js';
import { FAILURES } from '../../gateway/calls/failures.js';
import type { Config, NumberConfig } from '../../gateway/config/types.js';
import { openStore } from '../../gateway/store/index.js';
import { createSink } from '../../gateway/telemetry/log.js';
import { Metrics } from '../../gateway/telemetry/metrics.js';
import type { PermissionReply } from '../../gateway/whatsapp/webhooks/events.js';
import { numberConfig } from '../calls/configs.js';

const USER = '+12195550714';
const NEVER = { timezone: 'UTC', weekly: [] };

async function open(t: TestContext, callback: NumberConfig['callback']) {
  const log = createSink().log;
  const store = await openStore({ engine: 'memory' }, { log });
  const closers: Closers = [() => store.close()];
  t.after(async () => {
    for (const close of closers.reverse()) await close();
  });
  const number = numberConfig(callback === undefined ? {} : { callback });
  const placed: Callback[] = [];
  const callbacks = openCallbacks(
    { numbers: [number] } as unknown as Config,
    { log, metrics: new Metrics({ numbers: [], trunks: [], version: 'test' }) },
    {
      store,
      place: (one) => {
        placed.push(one);
        return Promise.resolve('connected');
      },
    },
    closers,
  );
  return { callbacks, number, placed, store };
}

function reply(source: PermissionReply['source']): PermissionReply {
  return {
    ...{ kind: 'permission-reply', user: USER, response: 'accept', permanent: false, source },
    ...{ numberId: '1', atMs: Date.now(), dated: true, raw: {} },
  };
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5000; Date.now() < end; await new Promise((r) => setTimeout(r, 10)))
    if (await check()) return;
  assert.fail('not within 5 s');
}

const users = async ({ port }: Callbacks): Promise<string[]> => (await port.list()).map(({ user }) => user);

test('a user who was not answered is called back by itself, and then waits no longer', async (t) => {
  const { callbacks, number, placed } = await open(t, { extension: '500', automatic: true });
  await callbacks.allowed(number, reply('automatic'));
  await eventually(async () => placed.length === 1 && (await users(callbacks)).length === 0);
  assert.deepEqual(placed, [{ number, user: USER, extension: '500' }]);
});

test('outside of the hours he waits, and the reason says so', async (t) => {
  const { callbacks, number, placed } = await open(t, { extension: '500', automatic: true, hours: NEVER });
  await callbacks.allowed(number, reply('automatic'));
  const [entry] = await callbacks.port.list();
  assert.deepEqual([entry?.user, entry?.reason, entry?.state], [USER, 'outside-hours', 'waiting']);
  callbacks.start();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(placed, []);
  // An agent may call all the same.
  assert.deepEqual(await callbacks.port.place(entry?.id ?? ''), { kind: 'placed' });
  await eventually(async () => placed.length === 1 && (await users(callbacks)).length === 0);
});

test('a user who says yes to a request waits for an agent, where there is an extension', async (t) => {
  const { callbacks, number } = await open(t, { extension: '500', automatic: false });
  await callbacks.allowed(number, reply('user'));
  assert.deepEqual(
    (await callbacks.port.list()).map(({ user, reason }) => [user, reason]),
    [[USER, 'agent']],
  );
  const without = await open(t, undefined);
  await without.callbacks.allowed(without.number, reply('user'));
  assert.deepEqual(await users(without.callbacks), []);
});

test('a user who was talked to, whoever called, waits no longer', async (t) => {
  const { callbacks, number } = await open(t, { extension: '500', automatic: false });
  const identity = { id: 'x', direction: 'user-initiated', number: number.number, trunk: 'main', user: USER } as const;
  const outcome = { by: 'caller', failure: FAILURES['no-answer'] } as const;
  await callbacks.allowed(number, reply('automatic'));
  callbacks.observer.ended(identity, { outcome, endedMs: 1000, media: undefined });
  assert.deepEqual(await users(callbacks), [USER]);
  callbacks.observer.ended(identity, { outcome, answeredMs: 500, endedMs: 1000, media: undefined });
  await eventually(async () => (await users(callbacks)).length === 0);
});

test('without an extension nobody can be called first', async (t) => {
  const { callbacks, number } = await open(t, undefined);
  await callbacks.port.add(number.number, USER);
  const [entry] = await callbacks.port.list();
  const placed = await callbacks.port.place(entry?.id ?? '');
  assert.equal(placed.kind === 'refused' && placed.code, 'no-extension');
  assert.deepEqual(await callbacks.port.place('nobody'), { kind: 'no-such-callback' });
});
