/** The demo as a user runs it: real Asterisk, real rtpengine, the gateway as a process. Measures time, so it runs alone. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { META_CODES } from '../../gateway/calls/meta-refusals.js';
import { EXPECTED } from '../../lab/demo/refusals.js';
import type { CallResult, DemoResult } from '../../lab/demo/result.js';
import { watchPressure } from './pressure.js';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Demo {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<Ended>;
  /** Files in its temporary folder, and programs that were started with one. */
  readonly leftovers: () => string[];
}

function demo(t: TestContext, ...args: string[]): Demo {
  const folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, ['--import', 'tsx', 'gateway/main.ts', 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
  const limit = setTimeout(() => child.kill('SIGKILL'), 280_000);
  const ended = once(child, 'close').then(([code]) => {
    clearTimeout(limit);
    return { code: code as number | null, ...texts };
  });
  return { child, ended, leftovers: () => [...filesIn(folder), ...programsOf(folder)] };
}

/** tsx keeps its compiled files in a folder of its own there. */
function filesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.startsWith('tsx-'));
}

function programsOf(folder: string): string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return ''; // it ended meanwhile
      }
    });
  return commands.filter((command) => command.includes(folder));
}

/** How fast it was depends on what else the machine has to do: that is for the demo's own exit code, not for a test. */
const SPEED = /gap of|first packet/;
/** So do these where other work takes the machine's time: silence takes the place of what comes late, and ringing waits. */
const QUALITY = /of purity|of the packets|ms too long or short|ringing in ms|the same on the next call/;

/** What went wrong and is none of the machine's doing. */
function faultsIn(stderr: string, busy: boolean): string[] {
  const faults = stderr.split('\n').filter((line) => line.startsWith('  - ') && !SPEED.test(line));
  return busy ? faults.filter((line) => !QUALITY.test(line)) : faults;
}

function assertQuality({ name, atUser, atPbx }: CallResult): void {
  assert.equal(atUser.loss, 0, name);
  assert.ok((atUser.purity ?? 0) > 0.95 && (atPbx.purity ?? 0) > 0.95, name);
}

test('six calls with audio and keys both ways through a real Asterisk, and nothing is left behind', async (t) => {
  const wasBusy = watchPressure();
  const { ended, leftovers } = demo(t, '--only', 'user-calls', '--json');
  const { code, stdout, stderr } = await ended;
  const busy = wasBusy();
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as DemoResult;
  assert.deepEqual(faultsIn(stderr, busy), [], stderr);
  assert.equal(code === 0, !stderr.includes('NOT as expected'), stderr);
  assert.deepEqual(Object.keys(result), ['calls', 'refusals', 'checks', 'leftBehind']);
  assert.deepEqual(result.calls.map((call) => `${call.keying} ${call.codecs}`).sort(), [
    'dtls opus>opus',
    'dtls opus>pcma',
    'dtls pcma>pcma',
    'sdes opus>opus',
    'sdes opus>pcma',
    'sdes pcma>pcma',
  ]);
  for (const call of result.calls) {
    assert.ok(call.answered, call.name);
    assert.equal(call.digitsAtPbx, '1234#', call.name);
    assert.equal(call.digitsAtUser, '5678', call.name);
    assert.deepEqual(call.violations, [], call.name);
    assert.equal(call.atUser.ssrcs, 1, call.name);
    if (!busy) assertQuality(call);
  }
  assert.deepEqual(result.leftBehind, { rtpengineSessions: 0, dialogs: 0 });
  assert.deepEqual(leftovers(), []);
});

test('calls out, features in both directions and every refusal, as the PBX and the user see them', async (t) => {
  const wasBusy = watchPressure();
  const { ended, leftovers } = demo(t, '--only', 'business-calls', '--json');
  const { code, stdout, stderr } = await ended;
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as DemoResult;
  assert.deepEqual(faultsIn(stderr, wasBusy()), [], stderr);
  assert.equal(code === 0, !stderr.includes('NOT as expected'), stderr);
  assert.deepEqual(Object.keys(result), ['calls', 'refusals', 'checks', 'leftBehind']);
  const plain = result.calls.filter(({ features }) => features.length === 0);
  assert.equal(new Set(plain.map((call) => `${call.keying} ${call.codecs}`)).size, 6);
  for (const { name, direction } of plain) assert.equal(direction, 'business-initiated', name);
  const features = ['hold', 'blind-transfer', 'attended-transfer', 'queue', 'parking'];
  for (const direction of ['business-initiated', 'user-initiated']) {
    const played = new Set(result.calls.filter((c) => c.direction === direction).flatMap((c) => c.features));
    assert.deepEqual([...played].sort(), [...features].sort(), direction);
  }
  for (const call of result.calls) {
    assert.ok(call.answered, call.name);
    assert.equal(call.fault, null, call.name);
    assert.deepEqual(call.violations, [], call.name);
    assert.equal(call.atUser.ssrcs, 1, call.name);
  }
  assert.deepEqual(result.refusals.map(({ code }) => code).sort(), [...META_CODES].sort());
  for (const { expected, got } of result.refusals) assert.deepEqual(got, expected);
  assert.deepEqual(result.leftBehind, { rtpengineSessions: 0, dialogs: 0 });
  assert.deepEqual(leftovers(), []);
});

const CONTROL_CHECKS = [
  ...['plan-empty', 'apply', 'plan-clean', 'call-in', 'call-out', 'password-rotated', 'permission-denied'],
  ...['permission-granted', 'callback-placed', 'webhook-forged-refused', 'webhook-shuffled', 'drift-detected'],
  ...['apply-interrupted-everywhere', 'no-secret-shown'],
];

test('the control plane, from a number that is empty at Meta to a call back', async (t) => {
  const { ended, leftovers } = demo(t, '--only', 'control-plane', '--json');
  const { code, stdout, stderr } = await ended;
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as DemoResult;
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    result.checks.map(({ name }) => name),
    CONTROL_CHECKS,
  );
  assert.deepEqual(result.leftBehind, { rtpengineSessions: 0, dialogs: 0 });
  assert.deepEqual(leftovers(), []);
});

test('the refusals that the demo expects are those of the reference', () => {
  const reference = readFileSync('docs/reference/errors.md', 'utf8');
  const rows = [...reference.matchAll(/^\| `([\w-]+)` \| (\d{3}) \| (\d+) \|/gm)].map(([, code, sip, q850]) => [
    code,
    { sip: Number(sip), q850: Number(q850) },
  ]);
  const { unknown: _byMetasStatus, ...expected } = EXPECTED;
  assert.deepEqual(Object.fromEntries(rows), expected);
});

test('an unknown scenario is wrong usage', async (t) => {
  const { code, stderr } = await demo(t, '--only', 'video-calls').ended;
  assert.equal(code, 2);
  assert.match(stderr, /video-calls.*user-calls/s);
});

test('Ctrl-C in mid-call leaves nothing behind', async (t) => {
  const { child, ended, leftovers } = demo(t, '--only', 'user-calls');
  let seen = '';
  for await (const chunk of child.stderr) {
    seen += String(chunk);
    if (seen.includes('placing calls')) break;
  }
  child.kill('SIGINT');
  const { code } = await ended;
  assert.notEqual(code, 0);
  assert.deepEqual(leftovers(), []);
});
