import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { RULES, type Rule } from '../../simulator/rules.js';

test('docs/meta-rules.md shows every rule as the code has it', async () => {
  const page = await readFile(new URL('../../docs/meta-rules.md', import.meta.url), 'utf8');
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim()),
    );
  const rules = Object.entries<Rule>(RULES).map(([id, rule]) => [
    `\`${id}\``,
    rule.what,
    rule.consequence,
    rule.source,
  ]);
  assert.deepEqual(rows, rules);
});
