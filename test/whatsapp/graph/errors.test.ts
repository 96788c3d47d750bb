import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CATALOGUE } from '../../../gateway/whatsapp/graph/catalogue.js';
import { knownError } from '../../../gateway/whatsapp/graph/errors.js';

const PAGE = readFileSync('docs/reference/graph-errors.md', 'utf8');

test('the reference page is the catalogue, row by row', () => {
  const rows = CATALOGUE.map(({ code, last, subcode, about, meaning, remedy }) => {
    const shown = last === undefined ? `${code}${subcode === undefined ? '' : `/${subcode}`}` : `${code}-${last}`;
    return [shown, { rate: 'rate limit', token: 'token', other: '' }[about], meaning, remedy].join(' | ');
  });
  const table = PAGE.split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join(' | '),
    );
  assert.deepEqual(table, rows);
});

test('each code is there once', () => {
  const keys = CATALOGUE.map(({ code, subcode }) => `${code}/${subcode ?? ''}`);
  assert.deepEqual(keys, [...new Set(keys)]);
});

test('the row of the subcode wins, a range holds both its ends, and what is unknown has no row', () => {
  assert.equal(knownError(190, 463)?.subcode, 463);
  assert.equal(knownError(190, 1)?.code, 190);
  assert.equal(knownError(190, 1)?.subcode, undefined);
  assert.equal(knownError(100, 33)?.subcode, 33);
  assert.equal(knownError(200)?.code, 200);
  assert.equal(knownError(299)?.code, 200);
  assert.equal(knownError(300), undefined);
});

test('every code that is named for calling and the Graph API has its row', () => {
  const calling = Array.from({ length: 26 }, (_, i) => 138_000 + i).filter(
    (code) => ![8, 10, 11, 16].includes(code - 138_000),
  );
  for (const code of [
    0,
    4,
    10,
    17,
    32,
    100,
    190,
    368,
    613,
    80007,
    131009,
    131026,
    131030,
    131044,
    131055,
    ...calling,
  ]) {
    assert.ok(knownError(code), String(code));
  }
});
