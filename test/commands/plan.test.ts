import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { StandInOptions } from '../whatsapp/settings/stand-in.js';
import { NUMBER, OTHER_TOKEN, TOKEN } from '../whatsapp/settings/stand-in.js';
import { bench, CALLING } from './control-plane-fixture.js';
import type { Bench } from './control-plane-fixture.js';
import { fakeIo, runHere } from './fake-io.js';
import { run } from '../../gateway/commands/run.js';

async function setUp(t: TestContext, options?: StandInOptions): Promise<Bench> {
  const own = await bench(options);
  t.after(() => own.close());
  return own;
}

test('plan: what differs, in the manner of Terraform, exit code 2, and nothing is written', async (t) => {
  const { write, meta } = await setUp(t, { calling: { status: 'ENABLED', srtp_key_exchange_protocol: 'DTLS' } });
  const { code, stdout, stderr } = await runHere(['plan', '-c', write(CALLING)]);
  assert.equal(stderr, '');
  assert.equal(
    stdout,
    [
      `+442071838750 (${NUMBER})`,
      '  + sip.status                                   ENABLED',
      '  + sip.servers[0].hostname                      sip.example.com',
      '  + sip.servers[0].port                          5061',
      '  + sip.servers[0].request_uri_user_params.tgrp  wacall',
      '  ~ srtp_key_exchange_protocol                   DTLS -> SDES',
      'Plan: 4 to add, 1 to change, 0 to remove. wa-trunk apply makes it so.',
    ].join('\n'),
  );
  assert.equal(code, 2);
  assert.deepEqual(meta.writes(), []);
});

test('plan: after apply there is no difference, exit code 0', async (t) => {
  const { write } = await setUp(t);
  const file = write(CALLING);
  assert.equal((await runHere(['apply', '--yes', '-c', file])).code, 0);
  const { code, stdout } = await runHere(['plan', '-c', file, '+442071838750']);
  assert.deepEqual(
    [code, stdout],
    [0, `+442071838750 (${NUMBER}): no changes\nNo changes: Meta's settings are those of ${file}.`],
  );
});

test('plan --json', async (t) => {
  const { write } = await setUp(t, { calling: { status: 'ENABLED' } });
  const { code, stdout } = await runHere(['plan', '--json', '-c', write('{ status: disabled }')]);
  assert.equal(code, 2);
  assert.deepEqual(JSON.parse(stdout), {
    numbers: [
      {
        number: '+442071838750',
        phoneNumberId: NUMBER,
        changes: [
          { kind: 'changed', path: 'status', before: 'ENABLED', after: 'DISABLED' },
          { kind: 'added', path: 'srtp_key_exchange_protocol', after: 'SDES' },
        ],
        steps: ['disable', 'keying'],
        warnings: [],
      },
    ],
    summary: { add: 1, change: 1, remove: 0 },
  });
});

test('plan: colours on a terminal only', async (t) => {
  const { write } = await setUp(t);
  const io = { ...fakeIo(), colours: true };
  await run(['plan', '-c', write(CALLING)], io);
  assert.ok(io.stdout.some((line) => line.startsWith('\u001b[32m  + ')));
});

test('plan: any error is 1, wrong usage and configuration too', async (t) => {
  const { write, meta } = await setUp(t);
  const file = write(CALLING);
  const faulty = await runHere(['plan', '-c', write('{ status: enabld }')]);
  assert.equal(faulty.code, 1);
  assert.match(faulty.stderr, /numbers\[0\]\.calling\.status: found "enabld".*did you mean enabled/);
  write(CALLING);
  const unknown = await runHere(['plan', '-c', file, '+442071838751']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /unknown number "\+442071838751" .*did you mean \+442071838750\?/);
  meta.sim.faults.answer({ code: 10, status: 403 }, { when: ({ path }) => path.endsWith('settings'), times: Infinity });
  for (const more of [[], ['--json']]) {
    const refused = await runHere(['plan', '-c', file, ...more]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /\+442071838750: GET .*\(code 10, .*give the system user/);
    assert.ok(!(refused.stdout + refused.stderr).includes(TOKEN));
  }
});

test('plan: without call settings there is nothing to compare', async (t) => {
  const { write, meta } = await setUp(t);
  const { code, stdout } = await runHere(['plan', '-c', write(undefined)]);
  assert.equal(code, 0);
  assert.match(stdout, /no number has numbers\[\]\.calling/);
  assert.equal(meta.sim.requests.length, 0);
});

test("plan: another app's server is a warning", async (t) => {
  const { write, meta } = await setUp(t);
  const servers = [{ hostname: 'other.example.com' }];
  await meta.client(OTHER_TOKEN).post(`${NUMBER}/settings`, { calling: { sip: { servers } } });
  const { stdout } = await runHere(['plan', '-c', write(CALLING)]);
  assert.match(stdout, /^ {2}! another app has the SIP server other\.example\.com/m);
});
