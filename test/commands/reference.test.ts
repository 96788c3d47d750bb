import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runHere } from './fake-io.js';

const PAGE = readFileSync('docs/reference/commands.md', 'utf8');

test('the reference has a section for every command, with every option of its help', async () => {
  const { stdout } = await runHere(['--help']);
  const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map((match) => match[1] ?? '');
  assert.ok(names.length >= 5);
  for (const name of names) {
    const section = PAGE.split(/^## /m).find((part) => part.startsWith(`${name}\n`));
    assert.ok(section, `no section for ${name}`);
    const help = await runHere([name, '--help']);
    for (const [option] of help.stdout.matchAll(/--[a-z-]+/g)) {
      if (option !== '--config' || name === 'serve') assert.ok(section.includes(option), `${name} ${option}`);
    }
  }
});
