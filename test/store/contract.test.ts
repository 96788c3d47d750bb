/** What every engine must do; see gateway/store/port.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  KEEP,
  openStore,
  StoreError,
  type CallRow,
  type Json,
  type Lease,
  type Store,
} from '../../gateway/store/index.js';
import { ENGINES, startBackend, testLog, type Backend, type Engine } from './engines.js';

const A = '+15550000001';
const B = '+15550000002';

for (const engine of ENGINES) describe(engine, () => contract(engine));

function contract(engine: Engine): void {
  let backend: Backend;
  let store: Store;
  let other: Store;
  let ahead = 0;
  const clock = (): number => Date.now() + ahead;

  before(async () => {
    backend = await startBackend(engine);
    const deps = { log: testLog(), clock };
    store = await openStore(backend.config, deps);
    other = engine === 'memory' ? store : await openStore(backend.config, deps);
  });
  after(async () => {
    await store.close();
    await other.close();
    await backend.close();
  });

  test('a document comes back as it went in, also through another connection', async () => {
    const values: Json[] = [null, true, 0, -1.5, '', 'ä€😀\0', [], [1, [2]], {}, { a: { b: [null] }, 'c d': '"' }];
    for (const [i, value] of values.entries()) {
      await store.put('values', `k${i}`, value);
      assert.deepEqual((await other.get('values', `k${i}`))?.value, value);
    }
    assert.equal(await store.get('values', 'absent'), undefined);
    assert.equal(await store.get('absent', 'k0'), undefined);
  });

  test('collections and keys of any text are kept apart', async () => {
    const names = ['a', 'a:b', 'b:a', 'b', "a'b", 'a b', 'ä', '+15551234567', 'a%', 'a_'];
    for (const collection of names) for (const key of names) await store.put(collection, key, [collection, key]);
    for (const collection of names) {
      const entries = await store.list(collection);
      assert.deepEqual(entries.map(({ key }) => key).sort(), [...names].sort());
      for (const { key, value } of entries) assert.deepEqual(value, [collection, key]);
    }
  });

  test('every write gives another version, also after a delete', async () => {
    const seen = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      await store.put('versions', 'a', 1);
      seen.add((await store.get('versions', 'a'))?.version);
      await store.update('versions', 'a', () => 1);
      seen.add((await store.get('versions', 'a'))?.version);
      await store.delete('versions', 'a');
    }
    assert.equal(seen.size, 6);
  });

  test('list narrows down by a prefix, taken literally', async () => {
    for (const key of ['+1:a', '+1:b', '+12:a', '%', '_']) await store.put('prefixes', key, key);
    const keys = async (prefix?: string) => (await store.list('prefixes', prefix)).map(({ key }) => key).sort();
    assert.deepEqual(await keys('+1:'), ['+1:a', '+1:b']);
    assert.deepEqual(await keys('%'), ['%']);
    assert.equal((await keys()).length, 5);
    assert.equal((await keys('')).length, 5);
  });

  test('list gives more documents than one answer holds', async () => {
    for (let i = 0; i < 1100; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => store.put('many', `k${i + n}`, i + n)));
    }
    const values = (await store.list('many')).map(({ value }) => value as number);
    assert.deepEqual(
      values.sort((a, b) => a - b),
      Array.from({ length: 1100 }, (_, i) => i),
    );
  });

  test('delete says whether there was one', async () => {
    await store.put('deletes', 'a', 1);
    assert.equal(await store.delete('deletes', 'a'), true);
    assert.equal(await store.delete('deletes', 'a'), false);
    assert.deepEqual(await store.list('deletes'), []);
  });

  test('add keeps what is there; of many at once one wins', async () => {
    const attempts = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? store : other).add('adds', 'a', i));
    const won = (await Promise.all(attempts)).flatMap((added, i) => (added ? [i] : []));
    assert.equal(won.length, 1);
    assert.deepEqual((await store.get('adds', 'a'))?.value, won[0]);
  });

  test('update is one step: none of many at once is lost', async () => {
    const add = (value: Json | undefined): Json => (typeof value === 'number' ? value : 0) + 1;
    await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? store : other).update('counts', 'a', add)));
    assert.equal((await store.get('counts', 'a'))?.value, 40);
  });

  test('update can delete and can leave as it is', async () => {
    assert.equal(await store.update('updates', 'a', () => KEEP), undefined);
    assert.equal(await store.update('updates', 'a', () => undefined), undefined);
    assert.equal(await store.get('updates', 'a'), undefined);
    assert.deepEqual(await store.update('updates', 'a', () => ({ n: 1 })), { n: 1 });
    const { version } = (await store.get('updates', 'a')) ?? {};
    assert.deepEqual(await store.update('updates', 'a', () => KEEP), { n: 1 });
    assert.equal((await store.get('updates', 'a'))?.version, version);
    assert.equal(await store.update('updates', 'a', () => undefined), undefined);
    assert.equal(await store.get('updates', 'a'), undefined);
  });

  test('what fails within update is passed on, and nothing was written', async () => {
    await store.put('failures', 'a', 1);
    const change = (): never => {
      throw new TypeError('of the caller');
    };
    await assert.rejects(store.update('failures', 'a', change), { name: 'TypeError', message: 'of the caller' });
    assert.equal((await store.get('failures', 'a'))?.value, 1);
    await store.put('failures', 'a', 2);
  });

  test('an expired document is as good as deleted', async () => {
    ahead = 0;
    const expiresAtMs = Date.now() + 60_000;
    await store.put('expiries', 'a', 1, { expiresAtMs });
    await store.put('expiries', 'b', 1);
    assert.equal((await store.get('expiries', 'a'))?.expiresAtMs, expiresAtMs);
    assert.equal((await store.get('expiries', 'b'))?.expiresAtMs, undefined);
    assert.equal(await store.add('expiries', 'a', 2), false);
    ahead = 60_001;
    assert.equal(await store.get('expiries', 'a'), undefined);
    assert.deepEqual(
      (await store.list('expiries')).map(({ key }) => key),
      ['b'],
    );
    assert.equal(await store.delete('expiries', 'a'), false);
    await store.put('expiries', 'a', 1, { expiresAtMs });
    assert.equal(await store.update('expiries', 'a', (value) => (value === undefined ? 'fresh' : KEEP)), 'fresh');
    assert.equal((await store.get('expiries', 'a'))?.expiresAtMs, undefined);
    await store.put('expiries', 'c', 1, { expiresAtMs });
    assert.equal(await store.add('expiries', 'c', 3), true);
    ahead = 0;
  });

  test('update keeps the expiry unless it is told another', async () => {
    const expiresAtMs = Date.now() + 60_000;
    await store.add('keeps', 'a', 1, { expiresAtMs });
    await store.update('keeps', 'a', () => 2);
    assert.equal((await store.get('keeps', 'a'))?.expiresAtMs, expiresAtMs);
    await store.update('keeps', 'a', () => 3, { expiresAtMs: expiresAtMs + 1 });
    assert.equal((await store.get('keeps', 'a'))?.expiresAtMs, expiresAtMs + 1);
    await store.put('keeps', 'a', 4);
    assert.equal((await store.get('keeps', 'a'))?.expiresAtMs, undefined);
  });

  test('a lease is held by one, and free when released', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? store : other).lease('one', 60_000)),
    );
    const held = all.filter((lease) => lease !== undefined);
    assert.equal(held.length, 1);
    await held[0]?.release();
    await held[0]?.release();
    const next = await other.lease('one', 60_000);
    assert.ok(next);
    await held[0]?.release();
    assert.equal(await store.lease('one', 60_000), undefined, 'the former holder cannot release it');
    await next.release();
  });

  test('a lease ends by itself; its former holder does nothing to the next', async () => {
    const first = await store.lease('short', 20);
    assert.ok(first);
    let second: Lease | undefined;
    for (let tries = 0; second === undefined && tries < 500; tries++) {
      await delay(5);
      second = await other.lease('short', 60_000);
    }
    assert.ok(second);
    await first.release();
    assert.equal(await store.lease('short', 60_000), undefined);
  });

  describe('call records', () => records(() => store));

  test('a closed store rejects', async () => {
    const third = await openStore(backend.config, { log: testLog() });
    await third.close();
    await third.close();
    await assert.rejects(third.get('a', 'b'), StoreError);
    await assert.rejects(
      third.update('a', 'b', () => 1),
      StoreError,
    );
    await assert.rejects(third.lease('a', 1000), StoreError);
    await assert.rejects(third.records.query({}), StoreError);
  });
}

function row(id: string, startedAtMs: number, more: Partial<CallRow> = {}): CallRow {
  const defaults = {
    direction: 'business-initiated',
    number: A,
    trunk: 'office',
    answered: false,
    details: {},
  } as const;
  return { id, startedAtMs, ...defaults, ...more };
}

function records(store: () => Store): void {
  const rows = [
    row('c1', 1000, {
      user: 'U1',
      answered: true,
      endedAtMs: 2000,
      outcome: 'normal',
      wacid: 'w1',
      details: { a: [1] },
    }),
    row('c2', 2000, { user: 'U2' }),
    row('c3', 3000, { user: 'U1', direction: 'user-initiated', answered: true }),
    row('c4', 4000, { user: 'U1', number: B, answered: true }),
  ];
  const ids = async (filter: Parameters<Store['records']['query']>[0]) =>
    (await store().records.query(filter)).map(({ id }) => id);

  test('come back as they went in, newest first', async () => {
    for (const one of rows) await store().records.put(one);
    assert.deepEqual(await store().records.query({}), [...rows].reverse());
    assert.deepEqual(await ids({ limit: 2 }), ['c4', 'c3']);
  });

  test('are found by every field', async () => {
    assert.deepEqual(await ids({ fromMs: 2000, toMs: 4000 }), ['c3', 'c2']);
    assert.deepEqual(await ids({ number: A }), ['c3', 'c2', 'c1']);
    assert.deepEqual(await ids({ user: 'U1' }), ['c4', 'c3', 'c1']);
    assert.deepEqual(await ids({ user: 'U1', number: A }), ['c3', 'c1']);
    assert.deepEqual(await ids({ direction: 'user-initiated' }), ['c3']);
    assert.deepEqual(await ids({ wacid: 'w1' }), ['c1']);
    assert.deepEqual(await ids({ id: 'c2' }), ['c2']);
    assert.deepEqual(await ids({ id: 'c2', number: B }), []);
    assert.deepEqual(await ids({ user: 'nobody' }), []);
  });

  test('count business-initiated calls and the answered among them', async () => {
    assert.deepEqual(await store().records.count({}), { calls: 3, answered: 2 });
    assert.deepEqual(await store().records.count({ number: A }), { calls: 2, answered: 1 });
    assert.deepEqual(await store().records.count({ number: A, fromMs: 1001, toMs: 2001 }), { calls: 1, answered: 0 });
    assert.deepEqual(await store().records.count({ number: A, fromMs: 1000, toMs: 2000 }), { calls: 1, answered: 1 });
    assert.deepEqual(await store().records.count({ user: 'U1' }), { calls: 2, answered: 2 });
    assert.deepEqual(await store().records.count({ direction: 'user-initiated' }), { calls: 0, answered: 0 });
  });

  test('are replaced by a later put of the same id', async () => {
    await store().records.put(row('c2', 2000, { user: 'U3', answered: true, wacid: 'w2' }));
    assert.deepEqual(await ids({ user: 'U2' }), []);
    assert.deepEqual(await ids({ user: 'U3' }), ['c2']);
    assert.deepEqual(await ids({ wacid: 'w2' }), ['c2']);
    assert.deepEqual(await store().records.count({ number: A }), { calls: 2, answered: 2 });
  });

  test('of a user, or before a time, are removed', async () => {
    assert.equal(await store().records.forget('U1'), 3);
    assert.deepEqual(await ids({}), ['c2']);
    assert.deepEqual(await ids({ wacid: 'w1' }), []);
    assert.equal(await store().records.forget('U1'), 0);
    assert.equal(await store().records.prune(2000), 0);
    assert.equal(await store().records.prune(2001), 1);
    assert.deepEqual(await ids({}), []);
    assert.deepEqual(await store().records.count({ number: A }), { calls: 0, answered: 0 });
  });

  test('more than one answer holds', async () => {
    for (let i = 0; i < 1100; i++) await store().records.put(row(`m${i}`, i, { user: 'U9' }));
    assert.deepEqual(await ids({ limit: 1 }), ['m1099']);
    assert.equal((await ids({})).length, 100);
    assert.equal((await ids({ user: 'U9', limit: 5000 })).length, 1100);
    assert.deepEqual(await store().records.count({ user: 'U9' }), { calls: 1100, answered: 0 });
    assert.equal(await store().records.prune(600), 600);
    assert.equal(await store().records.forget('U9'), 500);
  });
}
