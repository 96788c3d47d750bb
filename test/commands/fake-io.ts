import type { Io, StopSignal } from '../../gateway/commands/command.js';
import { run } from '../../gateway/commands/run.js';

export interface FakeIo extends Io {
  readonly stdout: string[];
  readonly stderr: string[];
  readonly exits: number[];
  /** Whether anybody listens for signals. */
  readonly listened: boolean;
  send(signal: StopSignal): void;
}

export function fakeIo(environment: Record<string, string> = {}): FakeIo {
  const handlers = new Set<(signal: StopSignal) => void>();
  const stdout: string[] = [];
  const stderr: string[] = [];
  const exits: number[] = [];
  return {
    stdout,
    stderr,
    exits,
    environment,
    terminal: false,
    program: [process.execPath],
    out: (line) => void stdout.push(line),
    err: (line) => void stderr.push(line),
    onSignal(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    exit: (code) => void exits.push(code),
    get listened() {
      return handlers.size > 0;
    },
    send: (signal) => {
      for (const handler of handlers) handler(signal);
    },
  };
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line inside this process. */
export async function runHere(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  const io = fakeIo(environment);
  const code = await run(args, io);
  return { code, stdout: io.stdout.join('\n'), stderr: io.stderr.join('\n') };
}
