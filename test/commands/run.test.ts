import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { programCommand } from '../../gateway/commands/package.js';
import { runHere } from './fake-io.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

const COMMANDS = [
  ...[
    'serve',
    'check',
    'plan',
    'apply',
    'numbers',
    'doctor',
    'permissions',
    'callbacks',
    'link',
    'button',
    'demo',
    'simulate',
    'components',
  ],
];

const SIMULATE = ['simulate', '--to', '+15551234567', '--connect', '127.0.0.1'];

test('help and version are on stdout with exit code 0', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, stdout, stderr } = await runHere(args);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    for (const name of COMMANDS) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  }
  assert.deepEqual(await runHere(['--version']), { code: 0, stdout: version, stderr: '' });
});

for (const name of COMMANDS) {
  test(`${name} --help shows its usage`, async () => {
    const { code, stdout } = await runHere([name, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: wa-trunk ${name}`));
    assert.equal((await runHere(['help', name])).stdout, stdout);
  });

  test(`${name} with an unknown option ends with 2 and one line`, async () => {
    const { code, stdout, stderr } = await runHere([name, '--bogus']);
    // 2 means "differs" where plan is concerned.
    assert.deepEqual([code, stdout], [name === 'plan' ? 1 : 2, '']);
    assert.equal(stderr, `wa-trunk ${name}: unknown option --bogus; see wa-trunk ${name} --help`);
  });
}

test('wrong usage is one line that says what was meant, exit code 2', async () => {
  const cases: [string[], string][] = [
    [[], 'wa-trunk: a command is missing; see wa-trunk --help'],
    [['chek'], 'wa-trunk: unknown command chek, did you mean check?; see wa-trunk --help'],
    [
      ['toString'],
      'wa-trunk: unknown command toString, allowed serve, check, plan, apply, numbers, doctor, permissions, callbacks, link, button, demo, simulate, components; see wa-trunk --help',
    ],
    [['--bogus'], 'wa-trunk: unknown option --bogus; see wa-trunk --help'],
    [['check', '--shw'], 'wa-trunk check: unknown option --shw, did you mean --show?; see wa-trunk check --help'],
    [['check', '-c'], "wa-trunk check: option '-c, --config <value>' argument missing; see wa-trunk check --help"],
    [['check', 'file.yaml'], "wa-trunk check: unexpected argument 'file.yaml'; see wa-trunk check --help"],
    [
      ['demo', '--only', 'user-call'],
      'wa-trunk demo: --only: found "user-call", allowed user-calls, business-calls, control-plane (did you mean user-calls?); see wa-trunk demo --help',
    ],
    [
      ['components', 'sip'],
      'wa-trunk components: unknown component "sip", allowed asterisk, rtpengine-26, rtpengine-10, sipp, redis (did you mean sipp?); see wa-trunk components --help',
    ],
    [['simulate', '--to', '+15551234567'], 'wa-trunk simulate: --connect is missing; see wa-trunk simulate --help'],
    [
      [...SIMULATE, '--calls', '0'],
      'wa-trunk simulate: --calls: found "0", allowed 1 to 200; see wa-trunk simulate --help',
    ],
    [
      [...SIMULATE, '--codecs', 'opus,pcma'],
      'wa-trunk simulate: --codecs: found "pcma", allowed opus, PCMA, PCMU (did you mean PCMA?); see wa-trunk simulate --help',
    ],
    [
      [...SIMULATE, '--connect', '::1'],
      'wa-trunk simulate: --connect: found "::1", allowed HOST:PORT, an IPv6 address in brackets; see wa-trunk simulate --help',
    ],
    [
      [...SIMULATE, '--user-param', 'tgrp'],
      'wa-trunk simulate: --user-param: found "tgrp", allowed NAME=VALUE; see wa-trunk simulate --help',
    ],
    [
      [...SIMULATE, '--to', '1555'],
      'wa-trunk simulate: --to: found "1555", allowed a number such as +12145551869; see wa-trunk simulate --help',
    ],
    [[...SIMULATE, '--ring', '3'], 'wa-trunk simulate: --ring needs --listen; see wa-trunk simulate --help'],
    [
      [...SIMULATE, '--listen', '15061', '--payload', 'x'],
      'wa-trunk simulate: --payload is not for --listen; see wa-trunk simulate --help',
    ],
    [
      [...SIMULATE, '--listen', 'here'],
      'wa-trunk simulate: --listen: found "here", allowed PORT or ADDRESS:PORT, IPv4; see wa-trunk simulate --help',
    ],
    [
      [...SIMULATE, '--listen', '15061', '--refuse', 'decline'],
      'wa-trunk simulate: --refuse: found "decline", allowed no-permission, daily-limit, country, app, hostname, payment, duplicate, no-answer, declined, rtp-timeout, rate-limit, unavailable, unknown (did you mean declined?); see wa-trunk simulate --help',
    ],
  ];
  for (const [args, line] of cases) {
    assert.deepEqual(await runHere(args), { code: 2, stdout: '', stderr: line });
  }
});

test('the program itself runs, with its exit code', () => {
  const main = ['--import', 'tsx', 'gateway/main.ts'];
  const good = spawnSync(process.execPath, [...main, '--version'], { encoding: 'utf8' });
  assert.deepEqual([good.status, good.stdout, good.stderr], [0, `${version}\n`, '']);
  const bad = spawnSync(process.execPath, [...main, 'chek'], { encoding: 'utf8' });
  assert.deepEqual([bad.status, bad.stdout], [2, '']);
});

test('the command that starts this program works from any folder', () => {
  const [node, ...args] = programCommand();
  const { status, stdout } = spawnSync(node, [...args, '--version'], { encoding: 'utf8', cwd: '/' });
  assert.deepEqual([status, stdout], [0, `${version}\n`]);
});
