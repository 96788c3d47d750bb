import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { secret } from '../../../gateway/config/index.js';
import type { Credentials } from '../../../gateway/calls/business-calls.js';
import { createSeal, openStore, type Store } from '../../../gateway/store/index.js';
import {
  createCredentials,
  type CredentialsDeps,
  type NumberCredentials,
} from '../../../gateway/whatsapp/credentials/index.js';
import { readPassword } from '../../../gateway/whatsapp/credentials/read.js';
import { numberConfig } from '../../calls/configs.js';
import { testLog, type TestLog } from '../../store/engines.js';
import { FakeGraph, gate, graphError, until } from '../fake-graph.js';

const HOSTNAME = 'sip.example.com';
const NUMBER = numberConfig({ number: '+442071838750', phoneNumberId: '106540352242922' });
const SEAL = createSeal(secret('ab'.repeat(32)), 'the test');

let store: Store;
let graph: FakeGraph;
let log: TestLog;
let now: number;
let changed: string[];
let opened: NumberCredentials[];

const settings = (password: string) => ({
  calling: { sip: { servers: [{ hostname: 'SIP.example.com', sip_user_password: password }] } },
});

beforeEach(async () => {
  log = testLog();
  store = await openStore({ engine: 'memory' }, { log });
  graph = new FakeGraph();
  graph.reply = () => settings('first-password');
  now = 1_800_000_000_000;
  changed = [];
  opened = [];
});

afterEach(async () => {
  for (const one of opened) one.close();
  await store.close();
  assert.ok(!/(first|second|file)-password/.test(JSON.stringify(log.lines)), 'a password is in the log');
});

async function open(more: Partial<CredentialsDeps> = {}): Promise<NumberCredentials & Credentials> {
  const created = await createCredentials({
    numbers: [NUMBER],
    graph,
    store,
    seal: SEAL,
    hostname: HOSTNAME,
    log,
    clock: () => now,
    random: () => 0.5,
    changed: (number) => changed.push(number),
    ...more,
  });
  opened.push(created);
  return created;
}

const fail = (): never => {
  throw graphError({ kind: 'timeout', message: 'no answer' });
};

test('fetched at the start, and kept sealed', async () => {
  const credentials = await open();
  assert.equal(credentials.password(NUMBER), 'first-password');
  assert.deepEqual(graph.asked, [
    { method: 'GET', path: '106540352242922/settings', query: { include_sip_credentials: 'true' } },
  ]);
  assert.deepEqual(changed, [NUMBER.number]);
  const kept = await store.list('sip-passwords');
  assert.equal(kept.length, 1);
  assert.ok(!JSON.stringify(kept).includes('first-password'));
});

test('Graph down at the start: the kept one works, and Meta is asked again later and later', async () => {
  await open();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    graph.reply = fail;
    const credentials = await open();
    assert.equal(credentials.password(NUMBER), 'first-password');
    await until(() => log.lines.length === 1);
    assert.deepEqual(log.lines[0]?.fields, { number: NUMBER.number, reason: 'no answer', retryMs: 5000 });
    mock.timers.tick(4999);
    assert.equal(graph.asked.length, 2);
    mock.timers.tick(1);
    await until(() => log.lines.length === 2);
    assert.equal((log.lines[1]?.fields as { retryMs: number }).retryMs, 10_000);
    graph.reply = () => settings('second-password');
    mock.timers.tick(10_000);
    await until(() => credentials.password(NUMBER) === 'second-password');
    assert.deepEqual(credentials.passwords(NUMBER), ['second-password', 'first-password']);
  } finally {
    mock.timers.reset();
  }
});

test('without a key nothing is kept', async () => {
  const { seal: _, ...deps } = { seal: SEAL, numbers: [NUMBER], graph, store, hostname: HOSTNAME, log };
  const credentials = await createCredentials(deps);
  assert.equal(credentials.password(NUMBER), 'first-password');
  assert.deepEqual(await store.list('sip-passwords'), []);
  credentials.close();
});

test('sealed with another key: said so, and fetched anew', async () => {
  await open();
  const credentials = await open({ seal: createSeal(secret('cd'.repeat(32)), 'store.keyFile') });
  assert.equal(credentials.password(NUMBER), 'first-password');
  const { fields, message } = log.lines[0] ?? { fields: {}, message: '' };
  assert.equal(message, 'SIP password cannot be read from the store');
  assert.match(String((fields as { err: Error }).err), /cannot be read with the key of store\.keyFile/);
});

test('a password from a file is never fetched, not renewed', async () => {
  const number = { ...NUMBER, sipPassword: secret('file-password') };
  const credentials = await open({ numbers: [number] });
  assert.deepEqual(credentials.passwords(number), ['file-password']);
  assert.equal(await credentials.renew(number, 'file-password'), undefined);
  credentials.failed(number);
  assert.deepEqual(graph.asked, []);
});

test('no Graph, no id, an unknown number: no password', async () => {
  const { phoneNumberId: _, ...anonymous } = NUMBER;
  const credentials = await open({ numbers: [anonymous] });
  assert.equal(credentials.password(anonymous), undefined);
  assert.equal(await credentials.renew(anonymous, 'x'), undefined);
  assert.equal(credentials.password(numberConfig({ number: '+15550000009' })), undefined);
  assert.deepEqual(graph.asked, []);
});

test('renew: one fetch for all who come, and one for a password that stays refused', async () => {
  const credentials = await open();
  const held = gate<Record<string, unknown>>();
  graph.reply = () => held.promise;
  const renewals = Array.from({ length: 20 }, () => credentials.renew(NUMBER, 'first-password'));
  await until(() => graph.asked.length === 2);
  held.open(settings('second-password'));
  assert.deepEqual(new Set(await Promise.all(renewals)), new Set(['second-password']));
  assert.equal(await credentials.renew(NUMBER, 'first-password'), 'second-password', 'known already');
  assert.equal(graph.asked.length, 2);
  graph.reply = () => settings('second-password');
  assert.equal(await credentials.renew(NUMBER, 'second-password'), undefined);
  assert.equal(await credentials.renew(NUMBER, 'second-password'), undefined);
  assert.equal(graph.asked.length, 3, 'Meta said so a moment ago');
  now += 60_000;
  await credentials.renew(NUMBER, 'second-password');
  assert.equal(graph.asked.length, 4);
});

test('the former password is good for ten minutes more', async () => {
  const credentials = await open();
  graph.reply = () => settings('second-password');
  await credentials.renew(NUMBER, 'first-password');
  now += 10 * 60_000 - 1;
  assert.deepEqual(credentials.passwords(NUMBER), ['second-password', 'first-password']);
  now += 1;
  assert.deepEqual(credentials.passwords(NUMBER), ['second-password']);
});

test('several gateways on one store: Meta is asked once', async () => {
  const one = await open();
  const other = await open();
  await until(() => graph.asked.length === 2);
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  const held = gate<Record<string, unknown>>();
  graph.reply = () => held.promise;
  now += 1;
  const renewals = [one, other].map((credentials) => credentials.renew(NUMBER, 'first-password'));
  await until(() => graph.asked.length === 3);
  now += 1;
  held.open(settings('second-password'));
  assert.deepEqual(await Promise.all(renewals), ['second-password', 'second-password']);
  assert.equal(graph.asked.length, 3);
});

test('renew waits two seconds and no longer', async () => {
  const credentials = await open();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const held = gate<Record<string, unknown>>();
    graph.reply = () => held.promise;
    const renewal = credentials.renew(NUMBER, 'first-password');
    await until(() => graph.asked.length === 2);
    mock.timers.tick(2000);
    assert.equal(await renewal, undefined);
    assert.equal(log.lines[0]?.message, 'SIP password cannot be fetched; the known one stays');
    held.open(settings('second-password'));
    await until(() => credentials.password(NUMBER) === 'second-password');
  } finally {
    mock.timers.reset();
  }
});

test("failed digests of Meta's: asked at once, then once a minute", async () => {
  const credentials = await open();
  graph.reply = () => settings('second-password');
  credentials.failed(NUMBER);
  await until(() => credentials.password(NUMBER) === 'second-password');
  graph.reply = () => settings('third-password');
  now += 59_999;
  credentials.failed(NUMBER);
  assert.equal(graph.asked.length, 2);
  now += 1;
  credentials.failed(NUMBER);
  await until(() => credentials.password(NUMBER) === 'third-password');
  assert.equal(graph.asked.length, 3);
});

test('a store that is away stops no fetch', async () => {
  await store.close();
  const credentials = await open();
  assert.equal(credentials.password(NUMBER), 'first-password');
  assert.ok(log.lines.some(({ message }) => message === 'SIP password is not kept: the store failed'));
});

test('what Meta may answer', () => {
  const read = (answer: Record<string, unknown>) => {
    const found = readPassword(answer, HOSTNAME);
    return found.kind === 'password' ? found.password : found.reason;
  };
  const servers = [
    { hostname: 'other.example.com', sip_user_password: 'theirs' },
    { hostname: 'sip.example.com.', port: 5061, app_id: 1, sip_user_password: 'ours' },
  ];
  assert.equal(read({ calling: { sip: { servers } } }), 'ours');
  assert.equal(read({ sip: { servers } }), 'ours');
  assert.match(
    read({ calling: { sip: { servers: servers.slice(0, 1) } } }),
    /only other\.example\.com at Meta, not sip\.example/,
  );
  assert.match(read({ calling: { sip: { servers: [{ hostname: HOSTNAME }] } } }), /gives no password .*another app's/);
  for (const answer of [{}, { calling: null }, { calling: { sip: 5 } }, { calling: { sip: { servers: {} } } }]) {
    assert.match(read(answer), /has no SIP server at Meta, not sip\.example\.com: run wa-trunk apply/);
  }
  assert.match(read({ calling: { sip: { servers: [null, 'x', {}] } } }), /only \?, \?, \?/);
});
