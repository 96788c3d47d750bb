import type { TimerName } from './machine.js';

/** The running timers of one transaction. */
export class TimerSet {
  readonly #fire: (timer: TimerName) => void;
  readonly #running = new Map<TimerName, NodeJS.Timeout>();

  constructor(fire: (timer: TimerName) => void) {
    this.#fire = fire;
  }

  start(timer: TimerName, after: number): void {
    clearTimeout(this.#running.get(timer));
    this.#running.set(
      timer,
      setTimeout(() => {
        this.#running.delete(timer);
        this.#fire(timer);
      }, after),
    );
  }

  stop(timer: TimerName): void {
    clearTimeout(this.#running.get(timer));
    this.#running.delete(timer);
  }

  close(): void {
    for (const handle of this.#running.values()) clearTimeout(handle);
    this.#running.clear();
  }
}
