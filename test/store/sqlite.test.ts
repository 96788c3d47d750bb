/** What only a file has: its mode, its schema, damage, other processes, copies. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'libsql';
import { openStore, StoreError, type Store } from '../../gateway/store/index.js';
import { testLog } from './engines.js';

const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-sqlite-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `store-${files++}.db`);
const open = (file: string, clock?: () => number): Promise<Store> =>
  openStore({ engine: 'sqlite', file }, { log: testLog(), ...(clock === undefined ? {} : { clock }) });

function raw<T>(file: string, use: (connection: InstanceType<typeof Database>) => T): T {
  const connection = new Database(file);
  try {
    return use(connection);
  } finally {
    connection.close();
  }
}

async function refused(file: string, ...texts: RegExp[]): Promise<void> {
  await assert.rejects(open(file), (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    for (const text of [new RegExp(file), ...texts]) assert.match(error.message, text);
    return true;
  });
}

test('the file is for its owner alone, and so are the two beside it', async () => {
  const file = newFile();
  writeFileSync(file, '', { mode: 0o644 });
  const store = await open(file);
  await store.put('a', 'b', 1);
  for (const name of [file, `${file}-wal`, `${file}-shm`]) assert.equal(statSync(name).mode & 0o777, 0o600, name);
  await store.close();
});

test('what was stored is there after a restart', async () => {
  const file = newFile();
  const first = await open(file);
  await first.put('a', 'b', { c: 1 });
  await first.close();
  const second = await open(file);
  assert.deepEqual((await second.get('a', 'b'))?.value, { c: 1 });
  await second.close();
});

test('a folder that is not there, a folder in the place of the file: said so', async () => {
  await refused(join(folder, 'absent', 'store.db'), /no folder .*absent; create it/);
  const inPlace = newFile();
  mkdirSync(inPlace);
  await refused(inPlace, /EISDIR/);
});

test('a damaged file is named, with what to do, and stays as it is', async () => {
  const file = newFile();
  const garbage = 'no database, '.repeat(1000);
  writeFileSync(file, garbage);
  await refused(file, /damaged/, /put a backup there/);
  assert.equal(readFileSync(file, 'utf8'), garbage);
});

test('damage that shows only later is a StoreError too', async () => {
  const file = newFile();
  const store = await open(file);
  for (let i = 0; i < 500; i++) await store.put('a', `k${i}`, 'x'.repeat(100));
  await store.close();
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 3 * 4096);
  writeFileSync(file, bytes);
  const damaged = await open(file);
  await assert.rejects(
    damaged.list('a'),
    (error: unknown) => error instanceof StoreError && error.message.includes('damaged'),
  );
  await damaged.close();
});

test("another program's database is not touched", async () => {
  const file = newFile();
  raw(file, (connection) => connection.exec('CREATE TABLE theirs (a)'));
  await refused(file, /another program's database/);
  raw(file, (connection) => assert.throws(() => connection.prepare('SELECT * FROM documents'), /no such table/));
});

test('a newer file is used when it says that it can be', async () => {
  const file = newFile();
  await (await open(file)).close();
  raw(file, (connection) => connection.exec('PRAGMA user_version = 7; ALTER TABLE documents ADD COLUMN more TEXT'));
  const store = await open(file);
  await store.put('a', 'b', 1);
  assert.equal((await store.get('a', 'b'))?.value, 1);
  await store.close();
  raw(file, (connection) => {
    const row = connection.prepare('PRAGMA user_version').get([]) as { user_version: number };
    assert.equal(row.user_version, 7, 'the newer version stays');
    connection.exec(`UPDATE about SET value = 3 WHERE name = 'min_reader'`);
  });
  await refused(file, /newer wa-trunk .*schema is 7, readable from 3 on, this one has 1/);
});

test('expired entries are removed at the start and every minute', async (t) => {
  const file = newFile();
  let now = Date.now();
  const rows = (): number =>
    raw(file, (connection) => (connection.prepare('SELECT count(*) AS n FROM documents').get([]) as { n: number }).n);
  const first = await open(file, () => now);
  await first.put('a', 'kept', 1);
  await first.put('a', 'gone', 1, { expiresAtMs: now + 10 });
  await first.close();
  now += 11;
  assert.equal(rows(), 2);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const second = await open(file, () => now);
  assert.equal(rows(), 1);
  await second.put('a', 'later', 1, { expiresAtMs: now + 10 });
  now += 11;
  mock.timers.tick(60_000);
  await second.get('a', 'kept');
  assert.equal(rows(), 1);
  await second.close();
});

test('several processes on one file: none loses a write', async () => {
  const file = newFile();
  const store = await open(file);
  const program = fileURLToPath(new URL('second-process.ts', import.meta.url));
  const others = [1, 2].map(() => promisify(execFile)(process.execPath, ['--import', 'tsx', program, file, '50']));
  let own = 0;
  const counting = Promise.all(others).then(() => true);
  while (!(await Promise.race([counting, new Promise((resolve) => setImmediate(resolve, false))]))) {
    await store.update('shared', 'count', (value) => (typeof value === 'number' ? value : 0) + 1);
    own += 1;
    await delay(2);
  }
  assert.equal((await store.get('shared', 'count'))?.value, own + 100);
  await store.close();
});

test('a file held by another process is waited for, but not for ever', async () => {
  const file = newFile();
  const store = await open(file);
  const other = new Database(file);
  other.exec('BEGIN IMMEDIATE');
  const waiting = store.put('a', 'b', 1);
  const turns = await Promise.race([
    waiting.then(() => 0),
    new Promise((resolve) => setTimeout(resolve, 100, 'others ran')),
  ]);
  assert.equal(turns, 'others ran', 'the event loop goes on meanwhile');
  other.exec('ROLLBACK');
  await waiting;
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(store.put('a', 'b', 2), /StoreError.*another process has held it for too long/);
  assert.equal((await store.get('a', 'b'))?.value, 1, 'reading goes on');
  other.exec('ROLLBACK');
  other.close();
  await store.close();
});

test('backup copies what is there while others write; it replaces nothing', async () => {
  const store = await open(newFile());
  await store.put('a', 'b', 'before');
  const copy = newFile();
  const writing = Promise.all(Array.from({ length: 50 }, (_, i) => store.put('a', `k${i}`, i)));
  await store.backup?.(copy);
  await writing;
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  const restored = await open(copy);
  assert.equal((await restored.get('a', 'b'))?.value, 'before');
  await restored.close();
  await assert.rejects(Promise.resolve(store.backup?.(copy)), /EEXIST.*name a new file/);
  await assert.rejects(Promise.resolve(store.backup?.(join(folder, 'absent', 'x.db'))), StoreError);
  await store.close();
});

test('a backup that fails leaves no half of a file', async () => {
  const file = newFile();
  const store = await open(file);
  await store.close();
  writeFileSync(file, 'no database any more'.repeat(100));
  const copy = newFile();
  await assert.rejects(Promise.resolve(store.backup?.(copy)), /damaged/);
  assert.equal(existsSync(copy), false);
});
