/** What calls tell, as one log line and the metrics for it. */
import type { CallIdentity, CallObserver, CallRecord } from '../calls/observer.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';

export function callObserver(log: Logger, metrics: Metrics): CallObserver {
  return {
    refused({ code, ...fields }) {
      metrics.callRefused(code);
      log.warn({ reason: code, ...fields }, 'call refused');
    },
    started(call) {
      metrics.callStarted(call);
      log.info(fieldsOf(call), 'call started');
    },
    ended(call, record) {
      metrics.callEnded(call, resultOf(record), seconds(record));
      const { outcome, media, wacid, ...times } = record;
      const { by, failure } = outcome;
      const fields = { by, result: failure.code, status: failure.status, q850: failure.q850, reason: failure.reason };
      log.info(
        { ...fieldsOf({ ...call, ...(wacid === undefined ? {} : { wacid }) }), ...fields, ...rounded(times), media },
        'call ended',
      );
    },
    trouble(call, { present, ...trouble }) {
      if (present) metrics.mediaTrouble(call, trouble.from);
      log.warn({ ...fieldsOf(call), ...trouble }, present ? 'no audio' : 'audio again');
    },
  };
}

function fieldsOf({ id, ...call }: CallIdentity): object {
  return { callId: id, ...call };
}

/** An answered call is `answered` however it ended; the rest by their own word. */
export function resultOf({ answeredMs, outcome }: CallRecord): string {
  return answeredMs !== undefined && outcome.failure.code === 'normal' ? 'answered' : outcome.failure.code;
}

function seconds({ dialledMs, answeredMs, endedMs }: CallRecord): {
  dialled?: number;
  answered?: number;
  ended: number;
} {
  return {
    ...(dialledMs === undefined ? {} : { dialled: dialledMs / 1000 }),
    ...(answeredMs === undefined ? {} : { answered: answeredMs / 1000 }),
    ended: endedMs / 1000,
  };
}

function rounded(times: Record<string, number | undefined>): Record<string, number> {
  const entries = Object.entries(times).flatMap(([name, ms]) =>
    ms === undefined ? [] : [[name, Math.round(ms * 10) / 10] as const],
  );
  return Object.fromEntries(entries);
}
