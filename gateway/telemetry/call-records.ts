/** One row a call in the store: put when the call begins and again when it ends. */
import type { CallIdentity, CallObserver, CallRecord } from '../calls/observer.js';
import type { CallRow, Json, Store } from '../store/port.js';
import { resultOf } from './call-observer.js';
import { OpenCalls } from './open-calls.js';
import { RecordQueue } from './record-queue.js';

export interface CallRecorderOptions {
  readonly store: Pick<Store, 'put' | 'list' | 'delete' | 'records'>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Of this process and no other, before or beside it; in `details.gateway` of its rows. */
  readonly instance: string;
  /** Epoch ms; default Date.now. */
  readonly now?: () => number;
  /** Rows that may wait for the store; default 10000. */
  readonly maxWaiting?: number;
  /** Before a store that failed is tried again, ms; default 1000. */
  readonly retryMs?: number;
  /** Between two signs of life in the store, ms; default 10000. */
  readonly beatMs?: number;
}

/** Never blocks or fails a call: rows wait in a bounded queue, and lost ones are logged. */
export class CallRecorder implements CallObserver {
  readonly #instance: string;
  readonly #now: () => number;
  readonly #queue: RecordQueue;
  readonly #openCalls: OpenCalls;
  /** When each began, epoch ms. */
  readonly #open = new Map<string, number>();

  constructor({ store, log, instance, now = Date.now, beatMs, ...limits }: CallRecorderOptions) {
    this.#instance = instance;
    this.#now = now;
    this.#queue = new RecordQueue({ records: store.records, log, ...limits });
    const ids = (): readonly string[] => [...this.#open.keys()];
    this.#openCalls = new OpenCalls({ store, log, instance, ids, now, ...(beatMs === undefined ? {} : { beatMs }) });
  }

  /** From now on the store knows that this process lives, and rows that a dead one left open are finished. */
  start(): void {
    this.#openCalls.start();
  }

  refused(): void {
    // Never was a call.
  }

  started(call: CallIdentity): void {
    const startedAtMs = this.#now();
    this.#open.set(call.id, startedAtMs);
    this.#queue.add({ ...rowOf(call, startedAtMs), answered: false, details: { gateway: this.#instance } });
  }

  ended(call: CallIdentity, record: CallRecord): void {
    const startedAtMs = this.#open.get(call.id) ?? Math.round(this.#now() - record.endedMs);
    this.#open.delete(call.id);
    this.#queue.add({
      ...rowOf({ ...call, ...(record.wacid === undefined ? {} : { wacid: record.wacid }) }, startedAtMs),
      endedAtMs: Math.round(startedAtMs + record.endedMs),
      answered: record.answeredMs !== undefined,
      outcome: resultOf(record),
      details: { gateway: this.#instance, ...detailsOf(record) },
    });
  }

  trouble(): void {
    // A matter of logs and metrics.
  }

  /** Rows that wait for the store. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Writes what waits, within 5 s. Idempotent. */
  async close(): Promise<void> {
    await this.#queue.close();
    await this.#openCalls.close();
  }
}

function rowOf(
  { id, direction, number, trunk, user, wacid }: CallIdentity,
  startedAtMs: number,
): Pick<CallRow, 'id' | 'startedAtMs' | 'direction' | 'number' | 'trunk' | 'user' | 'wacid'> {
  return {
    ...{ id, startedAtMs, direction, number, trunk },
    ...(user === undefined ? {} : { user }),
    ...(wacid === undefined || wacid === '' ? {} : { wacid }),
  };
}

/** Times are ms from the INVITE in. */
function detailsOf({ outcome, media, ...record }: CallRecord): Readonly<Record<string, Json>> {
  const { by, failure } = outcome;
  const times = (['dialledMs', 'ringingMs', 'answeredMs', 'endedMs'] as const).flatMap((name) => {
    const ms = record[name];
    return ms === undefined ? [] : [[name, Math.round(ms)] as const];
  });
  return {
    ...{ by, result: failure.code, status: failure.status, q850: failure.q850, reason: failure.reason },
    ...Object.fromEntries(times),
    ...(media === undefined
      ? {}
      : { media: { fromWhatsApp: { ...media.fromWhatsApp }, fromPbx: { ...media.fromPbx } } }),
  };
}
