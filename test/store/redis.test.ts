/** What only a server has: it can be away, hang, and refuse. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { secret } from '../../gateway/config/index.js';
import { openStore, StoreError, type Store, type StoreDeps } from '../../gateway/store/index.js';
import { requireComponent } from '../../lab/components/index.js';
import { reservePorts, startRedis, type PortBlock, type Redis, type RedisOptions } from '../../lab/processes/index.js';
import { testLog } from './engines.js';

const component = requireComponent('redis');

const isStoreError = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.match(error.message, text);
  return true;
};

/** Until Redis is back for this store; the test's own limit of time ends it otherwise. */
async function untilBack(store: Store): Promise<void> {
  for (;;) {
    const back = await store.get('a', 'b').then(
      () => true,
      () => false,
    );
    if (back) return;
    await delay(20);
  }
}

/** Closed when the test ends, whatever its end. */
async function serve(t: TestContext, options: Omit<RedisOptions, 'component'> = {}): Promise<Redis> {
  const redis = await startRedis({ component, ...options });
  t.after(() => redis.close());
  return redis;
}

async function ports(t: TestContext): Promise<PortBlock> {
  const block = await reservePorts(1);
  t.after(() => block.close());
  return block;
}

async function open(
  t: TestContext,
  redis: { readonly url: string; readonly password?: string },
  deps: StoreDeps = { log: testLog() },
): Promise<Store> {
  const password = redis.password === undefined ? {} : { password: secret(redis.password) };
  const store = await openStore({ engine: 'redis', url: redis.url, ...password }, deps);
  t.after(() => store.close());
  return store;
}

describe('redis', { timeout: 60_000 }, () => {
  test('away: every method rejects at once; back: it goes on by itself', async (t) => {
    const block = await ports(t);
    const log = testLog();
    const redis = await serve(t, { ports: block });
    const store = await open(t, redis, { log });
    await store.put('a', 'b', 1);
    await redis.close();
    const where = new RegExp(`^store at Redis 127\\.0\\.0\\.1:${redis.port}: `);
    await assert.rejects(store.get('a', 'b'), isStoreError(where));
    await assert.rejects(store.put('a', 'b', 2), isStoreError(where));
    await assert.rejects(
      store.update('a', 'b', () => 2),
      isStoreError(where),
    );
    await assert.rejects(store.lease('a', 1000), isStoreError(where));
    await assert.rejects(store.records.query({}), isStoreError(where));
    await serve(t, { ports: block });
    await untilBack(store);
    await store.put('a', 'b', 3);
    assert.equal((await store.get('a', 'b'))?.value, 3);
    const texts = log.lines.map(({ level, message }) => `${level}: ${message}`);
    assert.deepEqual(texts, [
      'warn: store: Redis cannot be reached; trying again until it can',
      'info: store: Redis is back',
    ]);
  });

  test('away at the start: the store opens, and works as soon as Redis does', async (t) => {
    const block = await ports(t);
    const log = testLog();
    const store = await open(t, { url: `redis://127.0.0.1:${block.min}` }, { log });
    await assert.rejects(store.get('a', 'b'), StoreError);
    assert.equal(log.lines.length, 1);
    await serve(t, { ports: block });
    await untilBack(store);
  });

  test('it hangs: a command waits no longer than its limit, and a new connection serves when it goes on', async (t) => {
    const redis = await serve(t);
    const store = await open(t, redis);
    await store.put('a', 'b', 1);
    redis.process.signal('STOP');
    await assert.rejects(store.get('a', 'b'), isStoreError(/no answer within 2000 ms/));
    redis.process.signal('CONT');
    await untilBack(store);
    assert.equal((await store.get('a', 'b'))?.value, 1);
  });

  test('a wrong password or none: refused with what to look at, and not shown', async (t) => {
    const redis = await serve(t, { password: 'right-password' });
    const { port } = redis;
    const deps = { log: testLog() };
    const check = /^store at Redis 127\.0\.0\.1:\d+: .*; check store\.url and the password$/;
    const attempts = [
      redis,
      { url: redis.url, password: 'wrong-password' },
      { url: `redis://:wrong-password@127.0.0.1:${port}` },
    ];
    for (const attempt of attempts) {
      await assert.rejects(open(t, attempt, deps), (error: unknown) => {
        assert.ok(!String(error).includes('wrong-password'));
        return isStoreError(check)(error);
      });
    }
    const store = await open(t, { url: redis.url, password: 'right-password' }, deps);
    await store.put('a', 'b', 1);
    assert.ok(!/(wrong|right)-password/.test(JSON.stringify(deps.log.lines)));
  });

  test('what expired is gone from Redis too, and leaves the index with the next write', async (t) => {
    const redis = await serve(t);
    const store = await open(t, redis);
    await store.put('a', 'short', 1, { expiresAtMs: Date.now() + 30 });
    while ((await store.get('a', 'short')) !== undefined) await delay(5);
    await store.put('a', 'long', 1);
    const { createClient } = await import('@redis/client');
    const client = createClient({ url: redis.url });
    await client.connect();
    while ((await client.exists('wa-trunk:document:a:short')) > 0) await delay(5);
    assert.deepEqual(await client.zRange('wa-trunk:documents:a', 0, -1), ['long']);
    client.destroy();
  });

  test('a text that is no URL is refused without being shown', async (t) => {
    const attempt = Promise.resolve().then(() => open(t, { url: 'secret:@:' }));
    await assert.rejects(attempt, isStoreError(/^store\.url: no URL of a Redis; write redis:\/\/HOST:PORT/));
  });
});
