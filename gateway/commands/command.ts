import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { closest } from '../config/faults.js';

/** What a command may touch of the outside. */
export interface Io {
  /** One line on stdout: results. */
  out(line: string): void;
  /** One line on stderr: faults, warnings, progress. */
  err(line: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** stderr is a terminal: progress may be rewritten in place. */
  readonly terminal: boolean;
  /** stdout is a terminal: results may be coloured. Absent: it is none. */
  readonly colours?: boolean;
  /** Asks whoever sits at the terminal; undefined: the answer was end of file. Absent: nobody sits there. */
  ask?(question: string): Promise<string | undefined>;
  /** How this program is started, without its arguments. */
  readonly program: readonly [string, ...string[]];
  /** Calls back for every SIGINT, SIGTERM and SIGHUP until the returned function is called. */
  onSignal(handler: (signal: StopSignal) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export const EXIT = { good: 0, failed: 1, usage: 2 } as const;

export interface Command {
  /** Printed by `wa-trunk <name> --help`. */
  readonly help: string;
  /** Returns the exit code. Throws {@link UsageError} for wrong arguments. */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Arguments by `node:util` parseArgs, strictly. Throws {@link UsageError} with a "did you mean". */
export function parse<const O extends Options>(args: readonly string[], options: O, positionals = false) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: positionals });
  } catch (error) {
    throw new UsageError(explain(error as Error, Object.keys(options)));
  }
}

function explain(error: Error, names: readonly string[]): string {
  const unknown = /^Unknown option '(-+)([^']*)'/.exec(error.message);
  if (unknown !== null) {
    const meant = closest(unknown[2] ?? '', names);
    const hint = meant === undefined ? '' : `, did you mean --${meant}?`;
    return `unknown option ${unknown[1] ?? ''}${unknown[2] ?? ''}${hint}`;
  }
  const [sentence = ''] = error.message.split(/\. |\n/);
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** An integer option within bounds. */
export function integerOption(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`--${name}: found "${text}", allowed ${min} to ${max}`);
  return value;
}

/** A text option out of a closed set. */
export function choiceOption<const T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  const meant = closest(text, choices);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new UsageError(`--${name}: found "${text}", allowed ${choices.join(', ')}${hint}`);
}

/**
 * Runs work that a signal aborts: the first asks it to stop and clean up, the second ends the process at once.
 */
export async function abortable<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const off = io.onSignal((signal) => {
    if (controller.signal.aborted) io.exit(EXIT.failed);
    else controller.abort(new Error(`stopped by ${signal}`));
  });
  try {
    return await work(controller.signal);
  } finally {
    off();
  }
}
