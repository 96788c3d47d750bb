// Starts a program, says where, and waits to be killed. With the argument `ended` the program ends at once.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { supervise } from '../../lab/processes/index.js';

const ended = process.argv[2] === 'ended';
const folder = await mkdtemp(join(tmpdir(), 'wa-trunk-orphan-'));
const program = await supervise({
  command: ['/bin/sh', '-c', ended ? 'exit 0' : 'while :; do sleep 1; done'],
  folder,
  logFile: join(folder, 'log'),
});
if (ended) await program.exited;
else while (program.pid === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
process.stdout.write(`${folder} ${program.pid ?? 0}\n`);
setInterval(() => undefined, 1000);
