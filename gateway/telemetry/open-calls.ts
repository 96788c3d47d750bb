/**
 * Which calls each process has open, told to the store now and then, so that the records of one that died do not stay open for
 * ever: any process on the same store finishes them.
 */
import type { CallRow, Json, Store } from '../store/port.js';

export interface OpenCallsOptions {
  readonly store: Pick<Store, 'put' | 'list' | 'delete' | 'records'>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Of this process and no other, before or beside it. */
  readonly instance: string;
  /** The calls that this process has open. */
  readonly ids: () => readonly string[];
  /** Epoch ms. */
  readonly now: () => number;
  /** Default 10000. */
  readonly beatMs?: number;
}

const COLLECTION = 'gateways';
const BEAT_MS = 10_000;
/** A process whose last beats are missing is dead. */
const MISSING_BEATS = 6;
/** More calls than one gateway begins between its last beat and its death. */
const AFTER_LAST_BEAT = 10_000;
/** Outcome of a call whose gateway died. */
export const GATEWAY_DIED = 'gateway-died';

export class OpenCalls {
  readonly #options: Required<OpenCallsOptions>;
  #timer: NodeJS.Timeout | undefined;
  #beats = 0;
  #round: Promise<void> | undefined;
  #failing = false;

  constructor(options: OpenCallsOptions) {
    this.#options = { beatMs: BEAT_MS, ...options };
  }

  /** Beats at once and then regularly; looks for dead processes at once and at every sixth beat. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), this.#options.beatMs);
    this.#tick();
  }

  /** This process leaves nothing open. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
    try {
      if (this.#timer !== undefined) await this.#options.store.delete(COLLECTION, this.#options.instance);
    } catch (err) {
      this.#options.log.warn({ err }, 'the store was not told that this gateway ended');
    }
    this.#timer = undefined;
  }

  /** Finishes the calls of processes that died. @returns how many. Rejects with StoreError */
  async sweep(): Promise<number> {
    const { store, instance, now, beatMs } = this.#options;
    let finished = 0;
    for (const { key, value } of await store.list(COLLECTION)) {
      const { aliveAtMs, calls } = readBeat(value);
      if (key === instance || now() - aliveAtMs <= MISSING_BEATS * beatMs) continue;
      for (const row of await this.#left(key, aliveAtMs, calls)) {
        const endedAtMs = Math.max(aliveAtMs, row.startedAtMs);
        await store.records.put({ ...row, endedAtMs, outcome: GATEWAY_DIED });
        finished += 1;
      }
      await store.delete(COLLECTION, key);
    }
    if (finished > 0) this.#options.log.warn({ calls: finished }, 'records of calls finished whose gateway died');
    return finished;
  }

  #tick(): void {
    this.#round ??= this.#beat().finally(() => (this.#round = undefined));
  }

  async #beat(): Promise<void> {
    const { store, instance, ids, now, log } = this.#options;
    try {
      await store.put(COLLECTION, instance, { aliveAtMs: now(), calls: ids() });
      if (this.#beats++ % MISSING_BEATS === 0) await this.sweep();
      this.#failing = false;
    } catch (err) {
      if (!this.#failing) log.warn({ err }, 'the store cannot be told which calls are open');
      this.#failing = true;
    }
  }

  /** Those of its last beat, and those that began after it. */
  async #left(instance: string, aliveAtMs: number, calls: readonly string[]): Promise<readonly CallRow[]> {
    const { records } = this.#options.store;
    const { beatMs } = this.#options;
    const known = await Promise.all(calls.map((id) => records.query({ id, limit: 1 })));
    const span = { fromMs: aliveAtMs - beatMs, toMs: aliveAtMs + MISSING_BEATS * beatMs, limit: AFTER_LAST_BEAT };
    const later = (await records.query(span)).filter(({ details }) => instanceOf(details) === instance);
    const open = [...known.flat(), ...later].filter(({ endedAtMs }) => endedAtMs === undefined);
    return [...new Map(open.map((row) => [row.id, row])).values()];
  }
}

function readBeat(value: Json): { readonly aliveAtMs: number; readonly calls: readonly string[] } {
  const { aliveAtMs, calls } = fieldsOf(value);
  return {
    aliveAtMs: typeof aliveAtMs === 'number' ? aliveAtMs : 0,
    calls: Array.isArray(calls) ? (calls as readonly Json[]).filter((id) => typeof id === 'string') : [],
  };
}

function instanceOf(details: Json): Json | undefined {
  return fieldsOf(details).gateway;
}

function fieldsOf(value: Json): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : {};
}
