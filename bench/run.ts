import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a measuring command is given. */
export interface Run {
  /** One line on stderr. */
  readonly progress: (line: string) => void;
  /** One line on stdout. */
  readonly out: (line: string) => void;
  /** Has something closed at the end, however that comes: the last opened first. Closing must be idempotent. */
  readonly own: <T extends { close(): Promise<void> }>(resource: T) => T;
}

/** The options given. @throws UsageError */
export function optionsOf<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws UsageError for a text that is none of the choices */
export function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new UsageError(`--${option}: found "${text}", allowed ${choices.join(', ')}`);
  return choice;
}

/** @throws UsageError for a text that is no integer within the bounds */
export function numberOption(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`--${option}: found "${text}", allowed ${min} to ${max}`);
  return value;
}

/** `26` or `10`: the component of that version. @throws UsageError */
export function rtpengineOption(text: string): 'rtpengine-26' | 'rtpengine-10' {
  return `rtpengine-${oneOf('rtpengine', text, ['26', '10'])}`;
}

/**
 * Runs a command of bench/: exit code 0, 1 with the reason when something could not be measured, 2 for wrong
 * arguments, 130 after Ctrl-C. Whatever the command opened is closed before.
 */
export async function run(usage: string, command: (args: readonly string[], run: Run) => Promise<void>): Promise<void> {
  const owned: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    for (let one = owned.pop(); one !== undefined; one = owned.pop()) await one.close();
  };
  const err = (line: string): void => void process.stderr.write(`${line}\n`);
  const stop = (): void => void closeAll().finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const args = process.argv.slice(2);
  try {
    if (args.includes('--help') || args.includes('-h')) {
      process.stdout.write(`${usage}\n`);
      return;
    }
    await command(args, {
      progress: err,
      out: (line) => void process.stdout.write(`${line}\n`),
      own: (resource) => {
        owned.push(resource);
        return resource;
      },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const wrongUsage = error instanceof UsageError;
    err(wrongUsage ? `${message}\n\n${usage}` : message);
    process.exitCode = wrongUsage ? 2 : 1;
  } finally {
    await closeAll();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
