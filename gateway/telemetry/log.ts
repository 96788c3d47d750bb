import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { LoggingConfig } from '../config/types.js';

export type { Logger } from 'pino';

/** Fields that lines about a call carry, always under these names. */
export interface CallFields {
  /** The gateway's own id of the call; never a user's number. */
  readonly callId: string;
  readonly leg?: 'whatsapp' | 'pbx';
  readonly trunk?: string;
  /** The business number. */
  readonly number?: string;
}

const REDACTED = '[redacted]';

/** What must not be printed even when an object that holds it is logged by accident, at the top or one or two levels down. */
const SECRET_FIELDS = ['password', 'sipPassword', 'secret', 'authorization', 'Proxy-Authorization'].flatMap((field) => {
  const key = /^\w+$/.test(field) ? `.${field}` : `["${field}"]`;
  return [key.replace(/^\./, ''), `*${key}`, `*.*${key}`];
});

/**
 * The log: JSON lines with `time` in ISO 8601 and `level` as a word, on stdout unless a destination is given. Texts are one
 * line; what varies stands in fields.
 */
export function createLog(level: LoggingConfig['level'], destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS, censor: REDACTED },
      messageKey: 'message',
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** A logger whose every line carries the call's fields. */
export function logOfCall(log: Logger, fields: CallFields): Logger {
  return log.child(fields);
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
