import { ConfigError, formatFault } from '../config/faults.js';
import { EXIT, UsageError } from './command.js';
import type { Io } from './command.js';

/** The one place where an error becomes lines on stderr and an exit code. */
export function reportError(error: unknown, command: string | undefined, io: Io): number {
  const program = command === undefined ? 'wa-trunk' : `wa-trunk ${command}`;
  if (error instanceof ConfigError) {
    for (const fault of error.faults) io.err(formatFault(fault));
    for (const warning of error.warnings) io.err(`warning: ${formatFault(warning)}`);
    return EXIT.usage;
  }
  if (error instanceof UsageError) {
    io.err(`${program}: ${error.message}; see ${program} --help`);
    return EXIT.usage;
  }
  io.err(`${program}: ${oneLine(error)}`);
  if (io.environment.WA_TRUNK_DEBUG !== undefined && error instanceof Error) io.err(error.stack ?? '');
  return EXIT.failed;
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already: stop it, or choose another port',
  EADDRNOTAVAIL: 'this machine has no such address: correct the host it listens on',
  EACCES: 'not permitted: choose a port above 1023, or correct the rights of the file',
  ECONNREFUSED: 'nothing listens there: start it, or correct its address',
  ENOTFOUND: 'no such host name: correct it, or the name server',
};

/** What happened and what to do about it, on one line. */
function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const codes = [error, error.cause].map((one) => (one as NodeJS.ErrnoException | undefined)?.code ?? '');
  const advice = codes.map((code) => ADVICE[code]).find((text) => text !== undefined);
  const text = error.message.replace(/\s*\n\s*/g, '; ');
  return advice === undefined ? text : `${text} (${advice})`;
}
