import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFolder } from './folder.js';
import { descendants, readUsage, type Usage } from './usage.js';

/** How a program ended. */
export type ExitStatus =
  { readonly kind: 'exit'; readonly code: number } | { readonly kind: 'signal'; readonly signal: number };

export type SignalName = 'TERM' | 'KILL' | 'INT' | 'HUP' | 'STOP' | 'CONT' | 'USR1' | 'USR2';

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
  signal(name: SignalName): void;
  /** Ends the program, everything it started, and its folder. */
  close(): Promise<void>;
}

/** In the program's folder once it has ended. */
const ENDED = '.ended';

/*
 * The shell between us and the program. File descriptor 3 is the lifeline: a pipe that only we write to. A line in
 * it is a signal to send. Its end means that we have closed, or are gone: the kernel closes it whatever killed us, so
 * this also works after SIGKILL. Then the shell's watcher ends the program, removes its folder and kills the rest of
 * the group, itself included. File descriptor 4 tells us the program's status. The whole is a session of its own, so
 * Ctrl-C at our terminal reaches us alone, and we close in order.
 */
const SUPERVISOR = `
folder=$1; shift
"$@" </dev/null 3<&- 4>&- &
program=$!
{
  while read -r name; do kill -s "$name" "$program"; done
  if [ ! -e "$folder/${ENDED}" ]; then
    kill -s CONT "$program"
    kill -s TERM "$program"
    tries=50
    while [ $tries -gt 0 ] && kill -s 0 "$program"; do sleep 0.05; tries=$((tries - 1)); done
    kill -s KILL "$program"
  fi
  rm -rf -- "$folder"
  kill -s KILL 0
} <&3 4>&- >/dev/null 2>&1 &
exec 3<&-
wait "$program"
status=$?
: >"$folder/${ENDED}" # its process id may be another's from now on
echo "$status" >&4
exec >/dev/null 2>&1 4>&-
wait
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
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  await once(shell, 'spawn');
  const gone = once(shell, 'exit').then(() => undefined);
  const log = createWriteStream(options.logFile, { flags: 'a' });
  log.on('error', () => undefined); // the folder may be gone before the last line
  shell.stdout?.pipe(log, { end: false });
  shell.stderr?.pipe(log, { end: false });
  const [, , , lifeline, status] = shell.stdio as [unknown, unknown, unknown, Writable, Readable];
  lifeline.on('error', () => undefined); // the shell was killed
  return new SupervisedProgram(shell.pid ?? 0, statusOf(status), gone, lifeline, log, options);
}

class SupervisedProgram implements Supervised {
  #closing: Promise<void> | undefined;
  #ended = false;

  constructor(
    private readonly group: number,
    readonly exited: Promise<ExitStatus>,
    private readonly gone: Promise<void>,
    private readonly lifeline: Writable,
    private readonly log: Writable,
    private readonly options: SuperviseOptions,
  ) {
    void exited.then(() => (this.#ended = true));
  }

  get pid(): number | undefined {
    return descendants(this.group).find((child) => child.parent === this.group && !child.shell)?.pid;
  }

  usage(): Usage {
    return readUsage(descendants(this.group).filter((child) => !child.shell));
  }

  signal(name: SignalName): void {
    if (!this.#ended) this.lifeline.write(`${name}\n`);
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
    this.lifeline.end();
    await this.gone;
    while (descendants(this.group).length > 0) await delay(5); // SIGKILL is on its way to them
    this.log.end();
    await removeFolder(this.options.folder);
  }
}

/** One line with the shell's `$?`: above 128 it is a signal, POSIX sh, section 2.8.2. No line: the shell was killed. */
async function statusOf(status: Readable): Promise<ExitStatus> {
  const line = await text(status);
  const code = line === '' ? 128 + 9 : Number(line);
  return code > 128 ? { kind: 'signal', signal: code - 128 } : { kind: 'exit', code };
}
