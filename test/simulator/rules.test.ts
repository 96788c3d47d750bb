import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { RULES, type Rule } from '../../simulator/rules.js';
import { REFUSALS, type Refusal } from '../../simulator/sip/business/refusals.js';

test('docs/meta-rules.md shows every rule as the code has it', async () => {
  const rows = await rowsThat(/^\| `/);
  const rules = Object.entries<Rule>(RULES).map(([id, rule]) => [
    `\`${id}\``,
    rule.what,
    rule.consequence,
    rule.source,
  ]);
  assert.deepEqual(rows, rules);
});

test('docs/meta-rules.md shows every refusal as the code has it', async () => {
  const refusals = Object.entries<Refusal>(REFUSALS).map(([id, { status, reason, documented }]) => [
    String(status),
    `\`${id}\``,
    reason,
    documented ? 'Documented' : 'Assumed',
  ]);
  assert.deepEqual(await rowsThat(/^\| \d/), refusals);
});

async function rowsThat(begin: RegExp): Promise<string[][]> {
  const page = await readFile(new URL('../../docs/meta-rules.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => begin.test(line));
  return rows.map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}
