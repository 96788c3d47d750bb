import { setTimeout as delay } from 'node:timers/promises';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, watch } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { reservePorts, supervise, type Supervised } from '../../lab/processes/index.js';

async function shell(script: string, graceMs = 3000): Promise<Supervised & { folder: string; logFile: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'wa-trunk-supervisor-'));
  const logFile = join(folder, 'log');
  const child = await supervise({ command: ['/bin/bash', '-c', script], cwd: folder, folder, logFile, graceMs });
  return Object.assign(child, { folder, logFile });
}

test('a program that ends by itself: its status and its output', async () => {
  const program = await shell('echo to out; echo to err >&2; exit 7');
  assert.deepEqual(await program.exited, { kind: 'exit', code: 7 });
  // What it wrote goes through a pipe of its own, and may come after its status.
  let logged = '';
  for (const end = Date.now() + 10_000; !/to out[^]*to err|to err[^]*to out/.test(logged) && Date.now() < end;) {
    await delay(10);
    logged = await readFile(program.logFile, 'utf8').catch(() => '');
  }
  assert.match(logged, /to out/);
  assert.match(logged, /to err/);
  await program.close();
  assert.equal(existsSync(program.folder), false);
});

test('a program that ignores SIGTERM is killed, and its children with it', async () => {
  const program = await shell('trap "" TERM; sleep 60 & echo $! > child; mv child ready; wait', 100);
  const child = await readWhenThere(join(program.folder, 'ready'));
  await Promise.all([program.close(), program.close()]);
  assert.deepEqual(await program.exited, { kind: 'signal', signal: 9 });
  assertGone(Number(child));
});

test('usage counts the program, not its supervisor', async () => {
  // The last command would take the shell's place, and its memory with it.
  const program = await shell('for ((i = 0; i < 300000; i++)); do :; done; touch ready; sleep 60; :');
  try {
    await readWhenThere(join(program.folder, 'ready'));
    const { cpuMs, rssKb } = program.usage();
    assert.ok(cpuMs >= 100 && rssKb > 1000, `${cpuMs} ms, ${rssKb} kB`);
    assert.notEqual(program.pid, undefined);
  } finally {
    await program.close();
  }
  assert.equal(program.pid, undefined);
});

test('a program that ended by itself goes without a trace when we end before close', async () => {
  const parent = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'orphan-maker.ts'), 'ended'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const [folder = ''] = line.split(' ');
  assert.equal(existsSync(folder), true);
  const gone = removed(folder);
  parent.kill('SIGKILL');
  await gone;
});

for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
  test(`the program and its folder go when we end by ${signal}`, async () => {
    const parent = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'orphan-maker.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: parent.stdout });
    const [line] = (await once(lines, 'line')) as [string];
    const [folder = '', pid] = line.split(' ');
    assert.equal(existsSync(folder), true);
    const gone = removed(folder);
    parent.kill(signal);
    await once(parent, 'exit');
    await gone;
    assertGone(Number(pid));
  });
}

test('reserved ports do not overlap, and are free again after close', async () => {
  const blocks = await Promise.all([reservePorts(120), reservePorts(120), reservePorts(50)]);
  const sorted = blocks.sort((a, b) => a.min - b.min);
  for (let i = 1; i < sorted.length; i++) assert.ok((sorted[i - 1]?.max ?? 0) < (sorted[i]?.min ?? 0));
  for (const block of blocks) assert.equal(block.min % 2, 0);
  await Promise.all(blocks.map((block) => block.close()));
});

async function readWhenThere(file: string): Promise<string> {
  const watcher = watch(join(file, '..'));
  while (!existsSync(file)) await once(watcher, 'change');
  watcher.close();
  return readFile(file, 'utf8');
}

async function removed(folder: string): Promise<void> {
  const watcher = watch(join(folder, '..'));
  while (existsSync(folder)) await once(watcher, 'change');
  watcher.close();
}

/** Gone, or a zombie that nobody reaps where process 1 does not. */
function assertGone(pid: number): void {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  assert.match(stat, /^$|\) Z /, `process ${pid} still runs`);
}
