import type { EngineLog, Endpoint } from './types.js';

/** A source that keeps knocking is logged at most once in this time (ms). */
const LOG_INTERVAL = 10_000;

/** The engine's running totals. */
export class Counters {
  readonly received = { requests: 0, responses: 0 };
  readonly sent = { requests: 0, responses: 0 };
  readonly retransmissions = { requests: 0, responses: 0 };
  readonly #drops = new Map<string, number>();
  readonly #logged = new Map<string, number>();
  readonly #log: EngineLog;

  constructor(log: EngineLog) {
    this.#log = log;
  }

  get drops(): Record<string, number> {
    return Object.fromEntries(this.#drops);
  }

  /** Counts something that was not processed; the log gets one line a reason in ten seconds, with the count so far. */
  drop(reason: string, remote?: Endpoint, detail?: string): void {
    const count = (this.#drops.get(reason) ?? 0) + 1;
    this.#drops.set(reason, count);
    const now = Date.now();
    if (now - (this.#logged.get(reason) ?? 0) < LOG_INTERVAL) return;
    this.#logged.set(reason, now);
    this.#log.warn({ reason, remote, detail, count }, 'dropped by the SIP server');
  }
}
