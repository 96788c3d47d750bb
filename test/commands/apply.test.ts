import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { run } from '../../gateway/commands/run.js';
import type { StandInOptions } from '../whatsapp/settings/stand-in.js';
import { bench, CALLING } from './control-plane-fixture.js';
import type { Bench } from './control-plane-fixture.js';
import { fakeIo, runHere } from './fake-io.js';

async function setUp(t: TestContext, options?: StandInOptions): Promise<Bench> {
  const own = await bench(options);
  t.after(() => own.close());
  return own;
}

test('apply --yes: each step is shown when it was seen, and Meta holds what YAML says', async (t) => {
  const { write, meta } = await setUp(t);
  const { code, stdout, stderr } = await runHere(['apply', '--yes', '-c', write(CALLING)]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\+442071838750: sip: done and seen, sip\.status, /m);
  assert.match(stdout, /^\+442071838750: keying: done and seen, srtp_key_exchange_protocol$/m);
  assert.match(stdout, /^Applied: 5 added, 1 changed, 0 removed\.$/m);
  const { status, sip, srtp_key_exchange_protocol: keying } = meta.calling();
  assert.deepEqual([status, keying], ['ENABLED', 'SDES']);
  assert.equal((sip as { status: string }).status, 'ENABLED');
  const again = await runHere(['apply', '--yes', '-c', write(CALLING)]);
  assert.equal(again.code, 0);
  assert.match(again.stdout, /No changes/);
});

test('apply: without a terminal and without --yes it does nothing and ends with 1', async (t) => {
  const { write, meta } = await setUp(t);
  const { code, stderr } = await runHere(['apply', '-c', write(CALLING)]);
  assert.equal(code, 1);
  assert.match(stderr, /no terminal to ask at: nothing was done/);
  assert.equal(meta.sim.requests.length, 0);
});

for (const [answer, code, writes] of [
  ['yes', 0, 3],
  ['no', 1, 0],
  ['', 1, 0],
  [undefined, 1, 0],
] as const) {
  test(`apply: answered ${JSON.stringify(answer)}, it ends with ${code}`, async (t) => {
    const { write, meta } = await setUp(t);
    const questions: string[] = [];
    const io = {
      ...fakeIo(),
      ask: (question: string) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
    };
    assert.equal(await run(['apply', '-c', write(CALLING)], io), code);
    assert.equal(questions.length, 1);
    assert.equal(meta.writes().length, writes);
  });
}

test('apply: a step that fails stops it, and says what is done, what is not, and what is left', async (t) => {
  const { write, meta } = await setUp(t);
  meta.sim.faults.answer(
    { code: 138015, message: 'limit too low' },
    { when: ({ body }) => JSON.stringify(body ?? {}).includes('"calling":{"status"') },
  );
  const { code, stderr } = await runHere(['apply', '--yes', '-c', write(CALLING)]);
  assert.equal(code, 1);
  const lines = stderr.split('\n');
  assert.match(
    lines[0] ?? '',
    /^wa-trunk apply: \+442071838750: stopped at enable: POST .*code 138015.*messaging limit/,
  );
  assert.match(lines[1] ?? '', /^done: sip\.status, /);
  assert.equal(lines[2], 'not in effect: status');
  assert.match(lines[3] ?? '', /^still to do: .*srtp_key_exchange_protocol/);
  assert.equal((await runHere(['apply', '--yes', '-c', write(CALLING)])).code, 0);
});

test('apply: when Meta cannot be asked nothing is done', async (t) => {
  const { write, meta } = await setUp(t);
  meta.sim.faults.answer({ code: 190 }, { times: Infinity });
  const { code, stderr } = await runHere(['apply', '--yes', '-c', write(CALLING)]);
  assert.equal(code, 1);
  assert.match(stderr, /code 190.*; nothing was done$/);
  assert.deepEqual(meta.writes(), []);
});
