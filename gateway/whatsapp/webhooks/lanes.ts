/** Work in a few lanes: in order within a lane, and one slow piece holds up its own lane only. */
import { setImmediate } from 'node:timers/promises';

export class Lanes<T> {
  readonly #work: (item: T) => Promise<void>;
  readonly #lanes: T[][];
  readonly #running = new Set<Promise<void>>();
  #waiting = 0;
  #closed = false;

  /** @param work must not reject */
  constructor(count: number, work: (item: T) => Promise<void>) {
    this.#work = work;
    this.#lanes = Array.from({ length: count }, () => []);
  }

  /** Items that are not done. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @param name hex digits; the same name, the same lane */
  push(name: string, item: T): void {
    const lane = this.#lanes[Number.parseInt(name.slice(0, 8), 16) % this.#lanes.length];
    if (lane === undefined || this.#closed) return;
    this.#waiting++;
    lane.push(item);
    if (lane.length > 1) return;
    const run = this.#run(lane).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** What has begun ends; the rest is left. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running);
  }

  async #run(lane: T[]): Promise<void> {
    for (let item = lane[0]; item !== undefined && !this.#closed; item = lane[0]) {
      // The store may answer without a turn of the event loop: calls come in between.
      await setImmediate();
      await this.#work(item);
      lane.shift();
      this.#waiting--;
    }
  }
}
