import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { StandInOptions } from '../whatsapp/settings/stand-in.js';
import { NUMBER, TOKEN } from '../whatsapp/settings/stand-in.js';
import { bench, CALLING } from './control-plane-fixture.js';
import type { Bench } from './control-plane-fixture.js';
import { runHere } from './fake-io.js';

const SET_UP = {
  status: 'ENABLED',
  sip: { status: 'ENABLED', servers: [{ hostname: 'sip.example.com' }] },
  srtp_key_exchange_protocol: 'SDES',
} as const;

async function setUp(t: TestContext, options?: StandInOptions): Promise<Bench> {
  const own = await bench(options);
  t.after(() => own.close());
  return own;
}

test('numbers: those of the account with their state, configured here or not', async (t) => {
  const numbers = [{ phoneNumberId: '200', number: '+442071838751', verifiedName: 'Branch' }];
  const { write, meta } = await setUp(t, { calling: SET_UP, numbers });
  meta.sim.restrict(NUMBER, {
    type: 'RESTRICTED_BUSINESS_INITIATED_CALLING',
    reason: 'low pick-up',
    expiresAtMs: Date.parse('2099-01-01T00:00:00Z'),
  });
  const { code, stdout, stderr } = await runHere(['numbers', '-c', write(CALLING)]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    new RegExp(`^\\+442071838750 {2}${NUMBER} {2}Example Ltd {2}quality GREEN {2}configured here$`, 'm'),
  );
  assert.match(stdout, /^ {2}calling ENABLED, SIP ENABLED, server sip\.example\.com:5061, keying SDES$/m);
  assert.match(stdout, /^ {2}! RESTRICTED_BUSINESS_INITIATED_CALLING until 2099-01-01T00:00:00\.000Z$/m);
  assert.match(stdout, /^ {2}calls over SIP AVAILABLE$/m);
  assert.match(stdout, /^\+442071838751 {2}200 {2}Branch {2}quality GREEN {2}not configured here$/m);
  assert.match(stdout, /^ {2}calls over SIP BLOCKED$/m);
  assert.match(stdout, /^ {2}! 138024: .*not enabled/m);
});

test('numbers: more than a page, as JSON', async (t) => {
  const numbers = Array.from({ length: 130 }, (_, i) => ({
    phoneNumberId: String(1000 + i),
    number: `+4420718${String(40000 + i)}`,
  }));
  const { write } = await setUp(t, { numbers });
  const { code, stdout } = await runHere(['numbers', '--json', '-c', write(undefined)]);
  assert.equal(code, 0);
  const listed = (JSON.parse(stdout) as { numbers: { phoneNumberId: string; configured: boolean }[] }).numbers;
  assert.equal(new Set(listed.map(({ phoneNumberId }) => phoneNumberId)).size, 131);
  assert.deepEqual(
    listed.filter(({ configured }) => configured).map(({ phoneNumberId }) => phoneNumberId),
    [NUMBER],
  );
});

test('numbers: without the account id the configured ones; what cannot be read is said, exit code 1', async (t) => {
  const { write, meta, fixture } = await setUp(t, {
    calling: SET_UP,
    numbers: [{ phoneNumberId: '200', number: '+442071838751' }],
  });
  const file = write(CALLING);
  const yaml = fixture.write(
    'other.yaml',
    (await import('node:fs')).readFileSync(file, 'utf8').replace(/businessAccountId: '\d+', /, ''),
  );
  const { code, stdout } = await runHere(['numbers', '-c', yaml]);
  assert.equal(code, 0);
  assert.match(stdout, /^\+442071838750/);
  assert.doesNotMatch(stdout, /200/);
  meta.sim.faults.answer({ code: 10, status: 403 }, { when: ({ path }) => path.endsWith('settings') });
  const refused = await runHere(['numbers', '-c', yaml]);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /^ {2}! GET .*code 10/m);
});

test('numbers rotate-password: a new password, said without showing it', async (t) => {
  const { write, meta } = await setUp(t, { calling: SET_UP, switches: { sipWriteResetsKeying: true } });
  const [before, old] = [meta.calling(), meta.sim.passwordOf(NUMBER) ?? ''];
  const file = write(CALLING, 'store: { file: wa-trunk.db }\n');
  const { code, stdout, stderr } = await runHere(['numbers', 'rotate-password', '+442071838750', '-c', file]);
  assert.deepEqual([code, stdout], [0, '+442071838750: Meta has a new SIP password, and all else is as it was']);
  const now = meta.sim.passwordOf(NUMBER) ?? '';
  assert.notEqual(now, old);
  assert.deepEqual(meta.calling(), before);
  for (const secret of [old, now, TOKEN]) assert.ok(!(stdout + stderr).includes(secret));
});

test('numbers rotate-password: broken off, the next run goes on', async (t) => {
  const { write, meta } = await setUp(t, { calling: SET_UP });
  const before = meta.calling();
  const file = write(CALLING, 'store: { file: wa-trunk.db }\n');
  const args = ['numbers', 'rotate-password', NUMBER, '-c', file];
  meta.sim.faults.answer(
    { code: 10, status: 403 },
    { when: ({ body }) => JSON.stringify(body ?? {}).includes('sip.example.com') },
  );
  const broken = await runHere(args);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /SIP may be off for \+442071838750: run the same command again/);
  const again = await runHere(args);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /an earlier rotation broke off: going on with it/);
  assert.deepEqual(meta.calling(), before);
});

test('numbers rotate-password: a static password, an unknown number and wrong usage are refused before anything is asked', async (t) => {
  const { write, meta } = await setUp(t, { calling: SET_UP });
  const file = write(CALLING);
  const args = ['numbers', 'rotate-password', '-c', file];
  const fixed = await runHere([...args, NUMBER], { WA_TRUNK_SIP_PASSWORD_442071838750: 'static' });
  assert.equal(fixed.code, 1);
  assert.match(fixed.stderr, /its password comes from numbers\[\]\.sipPasswordFile/);
  assert.equal((await runHere([...args, '+15550000000'])).code, 2);
  assert.equal((await runHere(args)).code, 2);
  const verb = await runHere(['numbers', 'rotate', NUMBER]);
  assert.deepEqual(
    [verb.code, verb.stderr],
    [2, 'wa-trunk numbers: unknown action "rotate", allowed rotate-password; see wa-trunk numbers --help'],
  );
  assert.equal(meta.sim.requests.length, 0);
});
