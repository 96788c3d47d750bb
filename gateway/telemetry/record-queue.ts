/** Rows on their way to the store: what waits is bounded, and a call never waits for it. */
import type { CallRecords, CallRow } from '../store/port.js';

export interface RecordQueueOptions {
  readonly records: Pick<CallRecords, 'put'>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Rows; more are lost. Default 10000. */
  readonly maxWaiting?: number;
  /** Before a store that failed is tried again; doubled each time up to 32 times as long. Default 1000. */
  readonly retryMs?: number;
}

const MAX_WAITING = 10_000;
const RETRY_MS = 1000;
/** While the gateway closes. */
const LAST_RETRY_MS = 250;
/** Written at once. */
const BATCH = 32;

export class RecordQueue {
  readonly #options: Required<RecordQueueOptions>;
  /** By id, oldest first: the end of a call takes the place of a beginning that still waits. */
  readonly #waiting = new Map<string, CallRow>();
  #failures = 0;
  /** Since the store failed. */
  #lost = 0;
  #writing: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #giveUp = false;
  #closed = false;

  constructor(options: RecordQueueOptions) {
    this.#options = { maxWaiting: MAX_WAITING, retryMs: RETRY_MS, ...options };
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Never throws, never waits. */
  add(row: CallRow): void {
    if (this.#closed || (!this.#waiting.has(row.id) && this.#waiting.size >= this.#options.maxWaiting)) {
      // The end of the call brings all that its beginning tells.
      if (row.endedAtMs !== undefined) this.#lose(1);
      return;
    }
    this.#waiting.set(row.id, row);
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined));
  }

  /** Writes what waits; what cannot be written within the time is lost. Idempotent. */
  async close(limitMs = 5000): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
    await Promise.race([this.#writing, limit]);
    clearTimeout(timer);
    this.#giveUp = true;
    this.#wake?.();
    const left = this.#waiting.size;
    this.#waiting.clear();
    if (left > 0) this.#lose(left);
  }

  async #drain(): Promise<void> {
    // What began in one turn of the event loop is written together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.size > 0 && !this.#giveUp) {
      const batch = [...this.#waiting.values()].slice(0, BATCH);
      for (const { id } of batch) this.#waiting.delete(id);
      const results = await Promise.allSettled(batch.map((row) => this.#options.records.put(row)));
      const failed = results.findIndex(({ status }) => status === 'rejected');
      if (failed < 0) this.#succeeded();
      else
        await this.#failed(
          batch.filter((_, i) => results[i]?.status === 'rejected'),
          results[failed],
        );
    }
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#options.log.info({ lost: this.#lost }, 'call records are written again');
    this.#failures = 0;
    this.#lost = 0;
  }

  async #failed(rows: readonly CallRow[], result: PromiseSettledResult<void> | undefined): Promise<void> {
    if (this.#giveUp) return this.#lose(rows.length);
    for (const row of rows) if (!this.#waiting.has(row.id)) this.#waiting.set(row.id, row);
    const reason: unknown = result?.status === 'rejected' ? result.reason : undefined;
    const waiting = this.#waiting.size;
    if (this.#failures === 0)
      this.#options.log.warn({ err: reason, waiting }, 'call records cannot be written, they wait');
    const delay = this.#options.retryMs * 2 ** Math.min(this.#failures, 5);
    this.#failures += 1;
    await this.#pause(this.#closed ? Math.min(delay, LAST_RETRY_MS) : delay);
  }

  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #lose(rows: number): void {
    if (this.#lost === 0) {
      const { maxWaiting } = this.#options;
      this.#options.log.warn(
        { rows, maxWaiting },
        'call records lost: the store does not take them; look at its log lines',
      );
    }
    this.#lost += rows;
  }
}
