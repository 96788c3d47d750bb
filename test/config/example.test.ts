import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { settings } from '../../gateway/config/schema.js';
import type { Shape } from '../../gateway/config/shapes.js';
import { createFixture } from './fixture.js';
import type { Fixture } from './fixture.js';

const EXAMPLE = readFileSync('config/wa-trunk.example.yaml', 'utf8');
const REFERENCE = readFileSync('docs/reference/configuration.md', 'utf8');

/** The example with every optional key set. */
const COMPLETE = EXAMPLE.replace(/^(\s*)#(?! \S)(?=\S| {2})/gm, '$1');
/** The trunk that calls of the example's trunk fall back to. */
const BRANCH = '  - { name: branch, hosts: [{ host: 10.0.1.10 }] }';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
  for (const name of ['drachtio', 'office', 'graph-token', 'redis', 'verify-token', 'app-secret', 'api-token']) {
    fixture.write(`secrets/${name}`, 'x\n');
  }
  fixture.write('secrets/store-key', 'a text of enough characters\n');
});
after(() => fixture.close());

function keysOfSchema(shape: Shape<unknown>, path: string): readonly string[] {
  switch (shape.kind) {
    case 'scalar':
    case 'dictionary':
      return [];
    case 'list':
      return keysOfSchema(shape.item, `${path}[]`);
    case 'group':
      return Object.entries(shape.fields).flatMap(([key, field]) => {
        const at = path === '' ? key : `${path}.${key}`;
        return [at, ...keysOfSchema(field.shape, at)];
      });
  }
}

function keysOfTree(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) return keysOfTree(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null || /\.(u|requestUriU)serParams$/.test(path)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return [at, ...keysOfTree(inner, at)];
  });
}

test('the example holds every key of the schema, and no other', () => {
  const known = keysOfSchema(settings, '');
  assert.ok(known.length > 60);
  assert.deepEqual([...keysOfTree(parse(COMPLETE), '')].sort(), [...known].sort());
});

test('every key of the example stands below its comment', () => {
  const lines = COMPLETE.split('\n').map((line) => line.trim());
  for (const [i, line] of lines.entries()) {
    if (!/^(- )?[a-zA-Z]+:/.test(line) || line === 'tgrp: wacall') continue;
    assert.match(lines[i - 1] ?? '', /^# \S/, `line ${i + 1}: ${line}`);
  }
});

test('the example passes once its files are there, with its optional keys and without', () => {
  for (const yaml of [EXAMPLE, COMPLETE]) {
    const { config, faults } = fixture.load(
      yaml.replace('#ca:', 'ca:').replace(/^(#?)(# Exceptions;)/m, `${BRANCH}\n\n$1$2`),
    );
    assert.deepEqual(faults, []);
    assert.equal(config?.numbers[0]?.number, '+15551234567');
  }
});

test('the reference names every key that takes a value', () => {
  for (const key of keysOfSchema(settings, '')) {
    const isSection = REFERENCE.includes(`| \`${key}.`);
    assert.ok(isSection || REFERENCE.includes(`| \`${key}\` |`), key);
  }
});

test('example and reference are what the schema makes of them', () => {
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/config-docs.mjs', '--check'], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
});
