import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { LoggingConfig } from '../config/types.js';
import { withoutSecrets } from './secrets.js';

export type { Logger } from 'pino';

/**
 * The log: JSON lines with `time` in ISO 8601 and `level` as a word, on stdout unless a destination is given. Texts are one
 * line; what varies stands in fields.
 */
export function createLog(level: LoggingConfig['level'], destination?: DestinationStream): Logger {
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Not pino's own redaction: its paths with wildcards cost more than all the rest of a line.
      formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
      serializers: { err: (error: Error) => withoutSecrets(pino.stdSerializers.err(error)) },
      messageKey: 'message',
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
  const child = Reflect.get(log, 'child') as unknown as (this: Logger, fields: object, options?: object) => Logger;
  log.child = function (this: Logger, fields: object, options?: object) {
    return child.call(this, withoutSecrets(fields), options);
  } as unknown as Logger['child'];
  return log;
}

/** What lines about one call are written with. */
export interface CallLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A log whose every line carries the call's fields; most calls have nothing to say with it, and then it costs nothing. */
export function logOfCall(log: Logger, fields: object): CallLog {
  let own: Logger | undefined;
  const write = (level: keyof CallLog, line: object, message: string): void => {
    if (!log.isLevelEnabled(level)) return;
    own ??= log.child(fields);
    own[level](line, message);
  };
  return {
    debug: (line, message) => {
      write('debug', line, message);
    },
    info: (line, message) => {
      write('info', line, message);
    },
    warn: (line, message) => {
      write('warn', line, message);
    },
  };
}

export interface Sink {
  readonly log: Logger;
  /** Every line logged so far, parsed. */
  readonly lines: Readonly<Record<string, unknown>>[];
}

/** A log that keeps its lines in memory: tests assert on objects, never on text. */
export function createSink(level: LoggingConfig['level'] = 'trace'): Sink {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = createLog(level, {
    write: (line) => void lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>),
  });
  return { log, lines };
}
