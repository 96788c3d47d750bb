/** Opening an SQLite file: who may read it, what is in it, and what to do when it is not what it should be. */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { StoreError } from './port.js';
import { APPLICATION_ID, MIGRATIONS, MIN_READER } from './sqlite-schema.js';

export type Connection = InstanceType<typeof Database>;
/** What SQLite takes and gives. */
export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** In the place of a file: gone with the process. */
export const MEMORY = ':memory:';

/** The event loop stands still meanwhile; waiting longer than this is done beside it. */
const BUSY_MS = 25;

/**
 * Opens the file, made and brought to the newest schema where needed.
 * @throws StoreError naming the file and what to do; a busy file throws SQLite's own error
 */
export function openFile(file: string): Connection {
  if (file !== MEMORY) prepareFile(file);
  const connection = connect(file);
  try {
    // Without a power failure nothing is lost; with one, what was written in the last moments (docs/decisions/0003-store.md).
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    migrate(connection, file);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A connection to a file that is known to be good. */
export function connect(file: string): Connection {
  const connection = new Database(file, { timeout: BUSY_MS });
  connection.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  return connection;
}

function prepareFile(file: string): void {
  const folder = dirname(file);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StoreError(`store.file ${file}: there is no folder ${folder}; create it, writable for this user`);
  }
  try {
    closeSync(openSync(file, 'a', 0o600));
    // SQLite gives -wal and -shm the mode of the file.
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  } catch (cause) {
    const text = (cause as Error).message;
    throw new StoreError(`store.file ${file}: ${text}; this user must own it and may write in its folder`, { cause });
  }
}

function migrate(connection: Connection, file: string): void {
  if (numberOf(connection, 'PRAGMA user_version') === MIGRATIONS.length) return checkOwner(connection, file);
  connection.exec('BEGIN IMMEDIATE');
  try {
    const version = numberOf(connection, 'PRAGMA user_version');
    checkOwner(connection, file);
    if (version > MIGRATIONS.length) checkReadable(connection, file, version);
    for (const step of MIGRATIONS.slice(version)) connection.exec(step);
    if (version < MIGRATIONS.length) {
      connection.exec(`PRAGMA user_version = ${MIGRATIONS.length}; PRAGMA application_id = ${APPLICATION_ID};`);
      run(connection, `INSERT OR REPLACE INTO about VALUES ('min_reader', ?)`, [MIN_READER]);
    }
    connection.exec('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

function checkOwner(connection: Connection, file: string): void {
  const tables = numberOf(connection, 'SELECT count(*) FROM sqlite_schema');
  if (tables === 0 || numberOf(connection, 'PRAGMA application_id') === APPLICATION_ID) return;
  throw new StoreError(`store.file ${file}: this is another program's database; name a file of its own`);
}

/** A newer program adds; where it changed what is there, it says from which version on its file can be read. */
function checkReadable(connection: Connection, file: string, version: number): void {
  const minReader = numberOf(connection, `SELECT value FROM about WHERE name = 'min_reader'`);
  if (minReader <= MIGRATIONS.length) return;
  throw new StoreError(
    `store.file ${file}: written by a newer wa-trunk (its schema is ${version}, readable from ${minReader} on, this one has ` +
      `${MIGRATIONS.length}); use that version, or the backup made before`,
  );
}

function numberOf(connection: Connection, sql: string): number {
  return Number(Object.values(rows(connection, sql)[0] ?? {})[0] ?? 0);
}

/** All of them, always: a statement that has more to give (libsql's get) keeps the file as it was then, and then none can write. */
export function rows(connection: Connection, sql: string, values: readonly Value[] = []): readonly Row[] {
  return connection.prepare(sql).all([...values]) as Row[];
}

/** @returns how many rows were changed */
export function run(connection: Connection, sql: string, values: readonly Value[]): number {
  return connection.prepare(sql).run([...values]).changes;
}

export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

/** What an operator is told instead of SQLite's own words. */
export function storeErrorOf(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const cause = { cause: error };
  const code = codeOf(error);
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return new StoreError(
      `store.file ${file}: damaged, or no SQLite file (${text}); stop the gateway, move the file away together with ` +
        'its -wal and -shm, and put a backup there; without one the gateway begins with an empty store',
      cause,
    );
  }
  if (isBusy(error)) {
    return new StoreError(`store.file ${file}: another process has held it for too long (${text})`, cause);
  }
  if (code.startsWith('SQLITE_FULL')) return new StoreError(`store.file ${file}: the disk is full`, cause);
  if (code.startsWith('SQLITE_READONLY')) {
    return new StoreError(`store.file ${file}: cannot be written; check the owner of it and its folder`, cause);
  }
  return new StoreError(`store.file ${file}: ${text}`, cause);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
