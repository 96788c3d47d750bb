#!/usr/bin/env -S node --single-threaded-gc --max-semi-space-size=32
// Many short-lived objects and few long-lived ones: a young generation that is large and collected by the thread itself
// takes a fifth less CPU a call (npm run bench).
import { createInterface } from 'node:readline';
import type { Io, StopSignal } from './commands/command.js';
import { programCommand } from './commands/package.js';
import { run } from './commands/run.js';

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const io: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  environment: process.env,
  terminal: process.stderr.isTTY,
  colours: process.stdout.isTTY && process.env.NO_COLOR === undefined,
  ...(process.stdin.isTTY ? { ask } : {}),
  program: programCommand(),
  onSignal(handler) {
    const listener = (signal: NodeJS.Signals): void => handler(signal as StopSignal);
    for (const signal of SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    };
  },
  exit: (code) => process.exit(code),
};

/** Not in terminal mode: Ctrl-C stays a signal. */
function ask(question: string): Promise<string | undefined> {
  process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, terminal: false });
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => resolve(undefined));
  });
}

// A reader that has gone away (`wa-trunk check --show | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await run(process.argv.slice(2), io);
// What a stopped command was about to open must not keep the process; what is still to be written must get out.
process.stdout.write('', () => process.exit(code));
