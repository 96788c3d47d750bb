import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { descendants, readUsage, type Usage } from './usage.js';

/** How a program ended. */
export type ExitStatus =
  { readonly kind: 'exit'; readonly code: number } | { readonly kind: 'signal'; readonly signal: number };

export interface SuperviseOptions {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Gets what the program writes to its standard output and error. */
  readonly logFile: string;
  /** The program's own folder: removed by `close()`, and by the supervisor if this process dies first. */
  readonly folder: string;
  /** CPUs to run on, in taskset's notation, such as `1` or `0-1`. */
  readonly cpus?: string | undefined;
  /** How long SIGTERM may take at `close()` before SIGKILL; default 3000 ms. */
  readonly graceMs?: number;
}

/** A program that cannot outlive this process, however this process ends. */
export interface Supervised {
  /** The program's own process id; undefined when it has ended. */
  readonly pid: number | undefined;
  /** Settles when the program has ended; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** CPU time and memory of the program and its children. */
  usage(): Usage;
  /** Sends a signal, named without SIG, to the program. */
  signal(name: 'TERM' | 'KILL' | 'INT' | 'HUP' | 'STOP' | 'CONT' | 'USR1' | 'USR2'): void;
  /** Ends the program, everything it started, and its folder. */
  close(): Promise<void>;
}

/*
 * The shell between us and the program. File descriptor 3 is the lifeline: a pipe that only we write to. A line in
 * it is a signal to send. Its end means that we are gone: the kernel closes it whatever killed us, so this also works
 * after SIGKILL. Then the shell's watcher ends the program, removes its folder and kills the rest of the group,
 * itself included. The whole is a session of its own, so Ctrl-C at our terminal reaches us alone, and we close in order.
 */
const SUPERVISOR = `
folder=$1; shift
"$@" </dev/null 3<&- &
program=$!
{
  while read -r name; do kill -s "$name" "$program" 2>/dev/null; done
  trap '' TERM
  kill -s CONT "$program" 2>/dev/null
  kill -s TERM "$program" 2>/dev/null
  tries=50
  while [ $tries -gt 0 ] && kill -s 0 "$program" 2>/dev/null; do sleep 0.05; tries=$((tries - 1)); done
  kill -s KILL "$program" 2>/dev/null
  rm -rf -- "$folder"
  kill -s KILL 0
} <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill -s TERM "$watcher" # has no effect on one that is clearing up
wait "$watcher" 2>/dev/null
exit "$status"
`;

/**
 * Starts a program under supervision.
 * @throws the spawn error when not even the shell starts; a program that cannot start ends with code 126 or 127
 */
export async function supervise(options: SuperviseOptions): Promise<Supervised> {
  const pinned = options.cpus === undefined ? [] : ['taskset', '-c', options.cpus];
  const args = ['-c', SUPERVISOR, 'supervisor', options.folder, ...pinned, ...options.command];
  const shell = spawn('/bin/sh', args, {
    detached: true, // its own session and process group
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const exited = exitOf(shell);
  await once(shell, 'spawn');
  const log = createWriteStream(options.logFile, { flags: 'a' });
  log.on('error', () => undefined); // the folder may be gone before the last line
  shell.stdout?.pipe(log, { end: false });
  shell.stderr?.pipe(log, { end: false });
  const lifeline = shell.stdio[3] as Writable;
  lifeline.on('error', () => undefined); // the program ended by itself
  return new SupervisedProgram(shell, exited, lifeline, log, options);
}

class SupervisedProgram implements Supervised {
  #closing: Promise<void> | undefined;

  constructor(
    private readonly shell: ChildProcess,
    readonly exited: Promise<ExitStatus>,
    private readonly lifeline: Writable,
    private readonly log: Writable,
    private readonly options: SuperviseOptions,
  ) {}

  get #group(): number {
    return this.shell.pid ?? 0;
  }

  get pid(): number | undefined {
    const children = this.#group > 0 ? descendants(this.#group) : [];
    return children.find((child) => child.parent === this.#group && !child.shell)?.pid;
  }

  usage(): Usage {
    return readUsage(descendants(this.#group).filter((child) => !child.shell));
  }

  signal(name: 'TERM' | 'KILL' | 'INT' | 'HUP' | 'STOP' | 'CONT' | 'USR1' | 'USR2'): void {
    if (this.shell.exitCode === null && this.shell.signalCode === null) this.lifeline.write(`${name}\n`);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.signal('CONT');
    this.signal('TERM');
    const timer = new AbortController();
    const late = delay(this.options.graceMs ?? 3000, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([this.exited, late]);
    timer.abort();
    this.signal('KILL');
    await this.exited;
    this.#killGroup();
    this.lifeline.end();
    this.log.end();
    await rm(this.options.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** What the program started and left behind is in its process group. */
  #killGroup(): void {
    try {
      process.kill(-this.#group, 'SIGKILL');
    } catch {
      // nobody is left
    }
  }
}

/** The shell passes the program's status on; above 128 it is a signal, POSIX sh, section 2.8.2. */
function exitOf(shell: ChildProcess): Promise<ExitStatus> {
  return new Promise((resolve) => {
    shell.once('error', () => resolve({ kind: 'exit', code: 127 }));
    shell.once('exit', (code) => {
      if (code === null) resolve({ kind: 'signal', signal: 9 });
      else resolve(code > 128 ? { kind: 'signal', signal: code - 128 } : { kind: 'exit', code });
    });
  });
}
