import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasFailed, runChecks } from '../../gateway/doctor/index.js';
import type { Check, Context, Finding } from '../../gateway/doctor/index.js';

const CONTEXT = { file: 'wa-trunk.yaml', warnings: [], now: Date.now } as unknown as Omit<Context, 'signal'>;

function check(title: string, run: Check['run']): Check {
  return { id: 'config', title, run };
}

const ok = (evidence: string): Finding => ({ result: 'ok', evidence });

test('checks run side by side and are reported in their order', async () => {
  let finishFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => (finishFirst = resolve));
  const told: string[] = [];
  const reports = await runChecks(
    [
      check('a', () => first.then(() => ok('first'))),
      check('b', () => {
        finishFirst(); // would wait for ever if it came after the first
        return Promise.resolve(ok('second'));
      }),
    ],
    CONTEXT,
    { timeoutMs: 60_000, report: ({ title }) => void told.push(title) },
  );
  assert.deepEqual(told, ['a', 'b']);
  assert.deepEqual(reports, [
    { id: 'config', title: 'a', result: 'ok', evidence: 'first' },
    { id: 'config', title: 'b', result: 'ok', evidence: 'second' },
  ]);
  assert.equal(hasFailed(reports), false);
});

test('a check that throws or never ends fails, and harms no other', async () => {
  let aborted = false;
  const reports = await runChecks(
    [
      check('throws', () => Promise.reject(new Error('two\nlines'))),
      check('hangs', ({ signal }) => {
        signal.addEventListener('abort', () => (aborted = true));
        return new Promise(() => undefined);
      }),
      check('good', () => Promise.resolve(ok('fine'))),
    ],
    CONTEXT,
    { timeoutMs: 50, report: () => undefined },
  );
  const [throws, hangs, good] = reports;
  assert.deepEqual([throws?.result, throws?.evidence], ['fail', 'two lines']);
  assert.deepEqual([hangs?.result, hangs?.evidence, aborted], ['fail', 'not done within 0.05 s', true]);
  assert.equal(good?.result, 'ok');
  assert.equal(hasFailed(reports), true);
});

test('a warning or a skipped check is no failure', () => {
  const reports = (['warn', 'skip', 'ok'] as const).map((result) => ({
    ...({ id: 'config', title: '', evidence: '', result } as const),
  }));
  assert.equal(hasFailed(reports), false);
});
