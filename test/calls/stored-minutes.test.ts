import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAdmission } from '../../gateway/calls/limits.js';
import { StoredMinutes, type StoredMinutesDeps } from '../../gateway/calls/stored-minutes.js';
import { openStore } from '../../gateway/store/index.js';
import { StoreError, type Store } from '../../gateway/store/port.js';
import { numberConfig, trunkConfig } from './configs.js';

const MINUTE = 60_000;
const NUMBER = '+12145551869';
const DAY = '2026-11-26';
const NOON = Date.UTC(2026, 10, 26, 12);
const quiet = { info: () => undefined, warn: () => undefined };
/** No refresh but those that the test asks for. */
const NEVER = 2 ** 30;

function ledger(store: StoredMinutesDeps['store'], more: Partial<StoredMinutesDeps> = {}): StoredMinutes {
  return new StoredMinutes({ store, now: () => NOON, log: quiet, refreshMs: NEVER, ...more });
}

async function memoryStore(): Promise<Store> {
  return openStore({ engine: 'memory' }, { log: quiet, clock: () => NOON });
}

test('minutes are there after a restart, and a limit that was reached still is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-minutes-'));
  try {
    const config = { engine: 'sqlite', file: join(folder, 'store.db') } as const;
    const first = await openStore(config, { log: quiet, clock: () => NOON });
    const before = ledger(first);
    before.add(NUMBER, DAY, 6 * MINUTE);
    before.add(NUMBER, DAY, 4 * MINUTE);
    await before.close();
    await before.close();
    await first.close();

    const second = await openStore(config, { log: quiet, clock: () => NOON });
    const after = ledger(second);
    await after.settled();
    assert.equal(after.used(NUMBER, DAY), 10 * MINUTE);
    const admission = createAdmission({ gateway: { maxCalls: 10 }, ledger: after, now: () => NOON });
    const number = numberConfig({ dailyMinutes: 10 });
    const admitted = admission.admit({ number, trunks: [trunkConfig('main')], direction: 'business-initiated' });
    assert.equal(admitted.kind === 'refused' && admitted.code, 'daily-minutes');
    await after.close();
    await second.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('two gateways add to the same minutes, and see those of the other at the next look', async () => {
  const store = await memoryStore();
  const [one, other] = [ledger(store), ledger(store)];
  await Promise.all([one.settled(), other.settled()]);
  for (let i = 0; i < 10; i++) {
    one.add(NUMBER, DAY, MINUTE);
    other.add(NUMBER, DAY, MINUTE);
  }
  assert.equal(one.used(NUMBER, DAY), 10 * MINUTE, 'its own at once');
  await Promise.all([one.settled(), other.settled()]);
  one.add(NUMBER, DAY, MINUTE);
  await one.settled();
  assert.equal(one.used(NUMBER, DAY), 21 * MINUTE);
  await Promise.all([one.close(), other.close()]);
  await store.close();
});

test('what others add is looked at again and again', async (t) => {
  const store = await memoryStore();
  t.mock.timers.enable({ apis: ['setInterval'] });
  const one = ledger(store, { refreshMs: 1000 });
  await one.settled();
  await store.put('daily-minutes', `${DAY} ${NUMBER}`, 3 * MINUTE);
  assert.equal(one.used(NUMBER, DAY), 0);
  t.mock.timers.tick(1000);
  await one.settled();
  assert.equal(one.used(NUMBER, DAY), 3 * MINUTE);
  await one.close();
  await store.close();
});

test('a store that is away: calls are counted all the same, one line says so, and it is all written later', async () => {
  const store = await memoryStore();
  let away = true;
  const lines: string[] = [];
  const flaky: StoredMinutesDeps['store'] = {
    list: (...args) => (away ? Promise.reject(new StoreError('away')) : store.list(...args)),
    update: (...args) => (away ? Promise.reject(new StoreError('away')) : store.update(...args)),
  };
  const one = ledger(flaky, {
    log: { info: (_, message) => lines.push(message), warn: (_, message) => lines.push(message) },
  });
  for (let i = 0; i < 3; i++) {
    one.add(NUMBER, DAY, MINUTE);
    await one.settled();
  }
  assert.equal(one.used(NUMBER, DAY), 3 * MINUTE);
  assert.deepEqual(lines, ['daily minutes: store not reached, this gateway counts for itself until it is']);
  away = false;
  await one.close();
  assert.equal((await store.get('daily-minutes', `${DAY} ${NUMBER}`))?.value, 3 * MINUTE);
  assert.equal(lines.at(-1), 'daily minutes: the store is back');
  await store.close();
});

test('a store that hangs makes no call wait', () => {
  const hanging = {
    list: () => new Promise<never>(() => undefined),
    update: () => new Promise<never>(() => undefined),
  };
  const one = ledger(hanging);
  one.add(NUMBER, DAY, MINUTE);
  assert.equal(one.used(NUMBER, DAY), MINUTE);
});

test('a call that ends on the next day counts for the day it began; old days are forgotten', async () => {
  const store = await memoryStore();
  let now = NOON;
  const one = ledger(store, { now: () => now });
  one.add(NUMBER, DAY, MINUTE);
  await one.settled();
  now += 24 * 60 * MINUTE;
  one.add(NUMBER, DAY, MINUTE);
  await one.settled();
  assert.equal(one.used(NUMBER, DAY), 2 * MINUTE);
  assert.equal(one.used(NUMBER, '2026-11-27'), 0);
  now += 24 * 60 * MINUTE;
  one.add(NUMBER, '2026-11-28', MINUTE);
  await one.settled();
  assert.equal(one.used(NUMBER, DAY), 0);
  await one.close();
  await store.close();
});
