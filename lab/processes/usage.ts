import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far (user and system, ended children included) in ms, and resident memory in kB (1024 bytes). */
export interface Usage {
  readonly cpuMs: number;
  readonly rssKb: number;
}

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** One of the supervisor's own shells, not the program. */
  readonly shell: boolean;
  readonly cpuTicks: number;
  readonly rssPages: number;
}

const TICK_MS = 10; // USER_HZ is 100 on every Linux that runs Debian's x64 and arm64
const PAGE_KB = 4;

/** All living processes of the session that `leader` started, the leader included, as /proc shows them now. */
export function descendants(leader: number): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => entry(Number(name), leader) ?? []);
}

export function readUsage(entries: readonly ProcessEntry[]): Usage {
  const sum = (of: (entry: ProcessEntry) => number): number => entries.reduce((total, one) => total + of(one), 0);
  return { cpuMs: sum((one) => one.cpuTicks) * TICK_MS, rssKb: sum((one) => one.rssPages) * PAGE_KB };
}

/** proc_pid_stat(5): fields 3 (state), 4 (parent), 6 (session), 14 to 17 (CPU ticks) and 24 (resident pages). */
function entry(pid: number, leader: number): ProcessEntry | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 4] ?? 0);
  if (state === 'Z' || field(6) !== leader) return undefined;
  return {
    pid,
    parent: field(4),
    shell: isShell(pid, leader, field(4)),
    cpuTicks: field(14) + field(15) + field(16) + field(17),
    rssPages: field(24),
  };
}

function isShell(pid: number, leader: number, parent: number): boolean {
  return pid === leader || (parent === leader && read(`/proc/${pid}/cmdline`) === read(`/proc/${leader}/cmdline`));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // ended meanwhile
  }
}
