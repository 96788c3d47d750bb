/** The store in one Redis, which several gateways share. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { KEEP, StoreError, type Change, type Entry, type Json, type Lease, type Store } from './port.js';
import { RedisLink, type RedisConfig, type RedisLog } from './redis-link.js';
import { RedisRecords } from './redis-records.js';
import { RELEASE, WRITE } from './redis-script.js';

export interface RedisDeps {
  readonly log: RedisLog;
  /** Epoch ms. */
  readonly now: () => number;
}

const PREFIX = 'wa-trunk:';
/** How long `update` may be overtaken by others. */
const UPDATE_MS = 2000;
const BATCH = 500;

interface Expiring {
  readonly expiresAtMs?: number;
}

export class RedisStore implements Store {
  readonly records: RedisRecords;
  readonly #link: RedisLink;
  readonly #now: () => number;
  /** The last update of each document that is under way. */
  readonly #updates = new Map<string, Promise<void>>();

  private constructor(link: RedisLink, now: () => number) {
    this.#link = link;
    this.#now = now;
    this.records = new RedisRecords(link, PREFIX);
  }

  /** @throws StoreError when Redis refuses us */
  static async open(config: RedisConfig, deps: RedisDeps): Promise<RedisStore> {
    const link = new RedisLink(config, deps.log);
    await link.open();
    return new RedisStore(link, deps.now);
  }

  async get(collection: string, key: string): Promise<Entry | undefined> {
    const fields = await this.#link.run((client) => client.hGetAll(documentKey(collection, key)));
    return this.#entry(key, fields);
  }

  async list(collection: string, prefix = ''): Promise<readonly Entry[]> {
    const all = await this.#link.run((client) => client.zRange(indexKey(collection), 0, -1));
    const keys = all.filter((key) => key.startsWith(prefix));
    const entries: (Entry | undefined)[] = [];
    for (let start = 0; start < keys.length; start += BATCH) {
      const batch = keys.slice(start, start + BATCH);
      const found = await this.#link.run((client) =>
        Promise.all(batch.map((key) => client.hGetAll(documentKey(collection, key)))),
      );
      entries.push(...found.map((fields, i) => this.#entry(batch[i] ?? '', fields)));
    }
    return entries.filter((entry) => entry !== undefined);
  }

  async put(collection: string, key: string, value: Json, options: Expiring = {}): Promise<void> {
    await this.#write(collection, key, ANY, value, options.expiresAtMs);
  }

  add(collection: string, key: string, value: Json, options: Expiring = {}): Promise<boolean> {
    return this.#write(collection, key, NONE, value, options.expiresAtMs);
  }

  /** One after the other in this process: only other gateways can get between reading and writing. */
  async update(
    collection: string,
    key: string,
    change: (value: Json | undefined) => Change,
    options: Expiring = {},
  ): Promise<Json | undefined> {
    const name = documentKey(collection, key);
    const turn = (this.#updates.get(name) ?? Promise.resolve()).then(() =>
      this.#update(collection, key, change, options.expiresAtMs),
    );
    const done = turn.then(ignore, ignore);
    this.#updates.set(name, done);
    try {
      return await turn;
    } finally {
      if (this.#updates.get(name) === done) this.#updates.delete(name);
    }
  }

  /** Optimistic: what somebody else wrote meanwhile is read again. */
  async #update(
    collection: string,
    key: string,
    change: (value: Json | undefined) => Change,
    expiresAtMs: number | undefined,
  ): Promise<Json | undefined> {
    const deadline = performance.now() + UPDATE_MS;
    do {
      const before = await this.get(collection, key);
      const after = change(before?.value);
      if (after === KEEP || (after === undefined && before === undefined)) return before?.value;
      const expected = before === undefined ? NONE : String(before.version);
      const expiry = expiresAtMs ?? before?.expiresAtMs;
      if (await this.#write(collection, key, expected, after, expiry)) return after;
      await delay(Math.random() * 10);
    } while (performance.now() < deadline);
    throw new StoreError(`store at Redis ${this.#link.where}: ${collection}/${key} is written by others all the time`);
  }

  delete(collection: string, key: string): Promise<boolean> {
    return this.#write(collection, key, ANY, undefined);
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    const token = randomUUID();
    const key = `${PREFIX}lease:${name}`;
    const taken = await this.#link.run((client) =>
      client.set(key, token, { condition: 'NX', expiration: { type: 'PX', value: ttlMs } }),
    );
    if (taken === null) return undefined;
    return {
      release: async () => {
        await this.#link.run((client) => client.eval(RELEASE, { keys: [key], arguments: [token] }));
      },
    };
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** @param value undefined: deletes @returns whether what was there was the expected */
  async #write(
    collection: string,
    key: string,
    expected: string,
    value: Json | undefined,
    expiresAtMs?: number,
  ): Promise<boolean> {
    const text = value === undefined ? '' : JSON.stringify(value);
    const done = await this.#link.run((client) =>
      client.eval(WRITE, {
        keys: [documentKey(collection, key), indexKey(collection), `${PREFIX}version`],
        arguments: [String(this.#now()), expected, text, expiresAtMs === undefined ? '' : String(expiresAtMs), key],
      }),
    );
    return done === 1;
  }

  #entry(key: string, fields: Readonly<Record<string, string>>): Entry | undefined {
    const { value, version, expires = '' } = fields;
    if (value === undefined || (expires !== '' && Number(expires) <= this.#now())) return undefined;
    return {
      key,
      value: JSON.parse(value) as Json,
      version: Number(version),
      ...(expires === '' ? {} : { expiresAtMs: Number(expires) }),
    };
  }
}

const ignore = (): void => undefined;
const ANY = '';
const NONE = '0';

const documentKey = (collection: string, key: string): string =>
  `${PREFIX}document:${encodeURIComponent(collection)}:${key}`;
const indexKey = (collection: string): string => `${PREFIX}documents:${collection}`;
