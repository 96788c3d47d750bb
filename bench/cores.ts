import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Two cores that this process may use: one for what is measured, one for everything that measures. */
export interface Cores {
  readonly measured: string;
  readonly generator: string;
  readonly both: string;
}

/** @throws Error on a machine with a single core: generator and side would take it from each other */
export async function chooseCores(): Promise<Cores> {
  const status = await readFile('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  const [measured, generator] = list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
  });
  if (measured === undefined || generator === undefined) {
    throw new Error(`two cores are needed, one of them for the load generator; allowed are: ${list || 'none'}`);
  }
  return { measured, generator, both: `${measured},${generator}` };
}

/** Pins a process, all its threads included, to cores in taskset's notation. */
export async function pin(pid: number, cores: string): Promise<void> {
  await promisify(execFile)('taskset', ['-acp', cores, String(pid)]);
}
