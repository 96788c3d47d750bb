/** Counts refusals, and logs the first at once and then a sum a minute: a flood must not become one of log lines. */
import type { HttpLog } from './listener.js';

const EVERY_MS = 60_000;

export class Refusals {
  readonly #log: HttpLog | undefined;
  readonly #now: () => number;
  #counts: Record<string, number> = {};
  #quietUntil = 0;

  constructor(log: HttpLog | undefined, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  count(reason: string, source: string | undefined): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
    if (this.#now() < this.#quietUntil) return;
    this.#log?.warn({ refused: this.#counts, lastSource: source }, 'webhooks refused');
    this.#counts = {};
    this.#quietUntil = this.#now() + EVERY_MS;
  }
}
