/** The store in one SQLite file, which several processes of this machine may have open. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import AsyncDatabase from 'libsql/promise';
import { KEEP, StoreError, type Change, type Entry, type Json, type Lease, type Store } from './port.js';
import { isBusy, MEMORY, openFile, rows, run, storeErrorOf, type Connection, type Row } from './sqlite-file.js';
import { SqliteRecords } from './sqlite-records.js';

export interface SqliteDeps {
  readonly log: { warn(fields: object, message: string): void };
  /** Epoch ms. */
  readonly now: () => number;
}

/** How long another process may hold the file. */
const LIMIT_MS = 3000;
const RETRY_MS = 10;
const PRUNE_EVERY_MS = 60_000;

const LIVE = '(expires_at IS NULL OR expires_at > ?)';
const VERSION = `UPDATE about SET value = value + 1 WHERE name = 'last_version' RETURNING value`;
const WRITE = 'INSERT OR REPLACE INTO documents (collection, key, value, version, expires_at) VALUES (?, ?, ?, ?, ?)';
const LEASE =
  'INSERT INTO leases (name, token, expires_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE ' +
  'SET token = excluded.token, expires_at = excluded.expires_at WHERE leases.expires_at <= ?';

interface Expiring {
  readonly expiresAtMs?: number;
}

export class SqliteStore implements Store {
  readonly records = new SqliteRecords((step) => this.#step(step));
  readonly #file: string;
  readonly #deps: SqliteDeps;
  #connection: Connection | undefined;
  #pruning: NodeJS.Timeout | undefined;

  private constructor(file: string, deps: SqliteDeps) {
    this.#file = file;
    this.#deps = deps;
  }

  /** @throws StoreError naming the file and what to do */
  static async open(file: string, deps: SqliteDeps): Promise<SqliteStore> {
    const store = new SqliteStore(file, deps);
    store.#connection = await untilFree(file, () => openFile(file));
    await store.#prune();
    return store;
  }

  get(collection: string, key: string): Promise<Entry | undefined> {
    return this.#step((connection) => {
      const row = this.#read(connection, collection, key);
      return row === undefined ? undefined : entryOf(row);
    });
  }

  list(collection: string, prefix = ''): Promise<readonly Entry[]> {
    const sql = `SELECT * FROM documents WHERE collection = ? AND substr(key, 1, length(?)) = ? AND ${LIVE}`;
    return this.#step((connection) =>
      rows(connection, sql, [collection, prefix, prefix, this.#deps.now()]).map(entryOf),
    );
  }

  async put(collection: string, key: string, value: Json, options: Expiring = {}): Promise<void> {
    await this.#transaction((connection) => write(connection, collection, key, value, options.expiresAtMs));
  }

  add(collection: string, key: string, value: Json, options: Expiring = {}): Promise<boolean> {
    return this.#transaction((connection) => {
      if (this.#read(connection, collection, key) !== undefined) return false;
      write(connection, collection, key, value, options.expiresAtMs);
      return true;
    });
  }

  async update(
    collection: string,
    key: string,
    change: (value: Json | undefined) => Change,
    options: Expiring = {},
  ): Promise<Json | undefined> {
    let thrown: { readonly error: unknown } | undefined;
    const result = this.#transaction((connection) => {
      const row = this.#read(connection, collection, key);
      const before = row === undefined ? undefined : entryOf(row);
      let after: Change;
      try {
        after = change(before?.value);
      } catch (error) {
        thrown = { error };
        throw error;
      }
      if (after === KEEP) return before?.value;
      if (after === undefined) remove(connection, collection, key);
      else write(connection, collection, key, after, options.expiresAtMs ?? before?.expiresAtMs);
      return after;
    });
    return result.catch((error: unknown) => {
      throw thrown === undefined ? error : thrown.error;
    });
  }

  delete(collection: string, key: string): Promise<boolean> {
    return this.#transaction((connection) => {
      const found = this.#read(connection, collection, key) !== undefined;
      remove(connection, collection, key);
      return found;
    });
  }

  async lease(name: string, ttlMs: number): Promise<Lease | undefined> {
    const token = randomUUID();
    const now = this.#deps.now();
    const taken = await this.#step((connection) => run(connection, LEASE, [name, token, now + ttlMs, now]));
    if (taken === 0) return undefined;
    const sql = 'DELETE FROM leases WHERE name = ? AND token = ?';
    return { release: async () => void (await this.#step((connection) => run(connection, sql, [name, token]))) };
  }

  /** A copy as of now, made beside the event loop; the target must not be there yet. */
  async backup(file: string): Promise<void> {
    if (this.#file === MEMORY) throw new StoreError('there is no store.file to back up');
    try {
      closeSync(openSync(file, 'wx', 0o600));
    } catch (cause) {
      throw new StoreError(`backup to ${file}: ${(cause as Error).message}; name a new file`, { cause });
    }
    const source = new AsyncDatabase(this.#file, {});
    try {
      await source.exec(`VACUUM INTO '${file.replaceAll("'", "''")}'`);
    } catch (error) {
      await rm(file, { force: true });
      throw new StoreError(`backup to ${file}: ${storeErrorOf(error, this.#file).message}`, { cause: error });
    } finally {
      source.close();
    }
  }

  close(): Promise<void> {
    clearTimeout(this.#pruning);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) closeConnection(connection);
    return Promise.resolve();
  }

  #read(connection: Connection, collection: string, key: string): Row | undefined {
    const sql = `SELECT * FROM documents WHERE collection = ? AND key = ? AND ${LIVE}`;
    return rows(connection, sql, [collection, key, this.#deps.now()])[0];
  }

  #step<T>(step: (connection: Connection) => T): Promise<T> {
    return untilFree(this.#file, () => {
      if (this.#connection === undefined) throw new StoreError(`store.file ${this.#file}: the store is closed`);
      return step(this.#connection);
    });
  }

  #transaction<T>(step: (connection: Connection) => T): Promise<T> {
    return this.#step((connection) => {
      // Not deferred: two that have read would both want to write, and neither could.
      connection.exec('BEGIN IMMEDIATE');
      try {
        const result = step(connection);
        connection.exec('COMMIT');
        return result;
      } catch (error) {
        // A full disk or the like has rolled back already.
        if (connection.inTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Expired documents and leases count as deleted anyway; this makes room. */
  async #prune(): Promise<void> {
    const now = this.#deps.now();
    try {
      await this.#step((connection) => {
        run(connection, 'DELETE FROM documents WHERE expires_at <= ?', [now]);
        run(connection, 'DELETE FROM leases WHERE expires_at <= ?', [now]);
      });
    } catch (error) {
      if (this.#connection !== undefined)
        this.#deps.log.warn({ err: error }, 'store: expired entries were not removed');
    }
    if (this.#connection === undefined) return;
    this.#pruning = setTimeout(() => void this.#prune(), PRUNE_EVERY_MS).unref();
  }
}

/** libsql lets go of the file only with the garbage: what is in the -wal goes to the file first, so that a copy of it is whole. */
function closeConnection(connection: Connection): void {
  try {
    rows(connection, 'PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // Somebody else has it open, and will do the same.
  }
  connection.close();
}

async function untilFree<T>(file: string, step: () => T): Promise<T> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      return step();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeErrorOf(error, file);
    }
    await delay(RETRY_MS);
  }
}

function write(connection: Connection, collection: string, key: string, value: Json, expiresAtMs?: number): void {
  const version = rows(connection, VERSION)[0]?.value ?? 0;
  run(connection, WRITE, [collection, key, JSON.stringify(value), version, expiresAtMs ?? null]);
}

function remove(connection: Connection, collection: string, key: string): void {
  run(connection, 'DELETE FROM documents WHERE collection = ? AND key = ?', [collection, key]);
}

function entryOf(row: Row): Entry {
  return {
    key: String(row.key),
    value: JSON.parse(String(row.value)) as Json,
    version: Number(row.version),
    ...(row.expires_at == null ? {} : { expiresAtMs: Number(row.expires_at) }),
  };
}
