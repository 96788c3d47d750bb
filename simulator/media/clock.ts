import { performance } from 'node:perf_hooks';

const SLOTS = 4;
export const PACKET_MS = 20;
/** Between two ticks, with the coarseness of Node's timers. */
const NORMAL_MS = PACKET_MS / SLOTS + 2;

/** @param lateMs how far behind its time the call comes: more than a few ms means that the process was stalled. */
export type Tick = (lateMs: number) => void;

/**
 * Calls each subscriber once every 20 ms without drift: the n-th call is due at start + n · 20 ms, late ones are made up
 * for. Subscribers are spread over four slots of 5 ms so that many peers do not send in one burst.
 */
export class MediaClock {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Tick>());
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #ticks = 0;
  #next = 0;
  #ranAt = 0;
  #late = 0;

  /** @returns a function that ends the subscription. */
  subscribe(tick: Tick): () => void {
    const slot = this.#slots[this.#next++ % SLOTS]!;
    slot.add(tick);
    if (this.#timer === undefined) {
      this.#startedAt = this.#ranAt = performance.now();
      this.#ticks = this.#late = 0;
      this.#schedule();
    }
    return () => {
      slot.delete(tick);
      if (this.#slots.every((s) => s.size === 0)) this.close();
    };
  }

  /**
   * How long the process may have been held up before `nowMs`: a datagram that is read now may have come that much
   * earlier. It is the time since the last tick was due, where that is more than normal. Known only while somebody is
   * subscribed.
   */
  heldUpMs(nowMs: number): number {
    const since = nowMs - this.#ranAt + this.#late;
    return this.#timer === undefined || since < NORMAL_MS ? 0 : since;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const slot of this.#slots) slot.clear();
  }

  #schedule(): void {
    const due = this.#startedAt + ((this.#ticks + 1) * PACKET_MS) / SLOTS;
    // Timers of Node fire on whole milliseconds, early by up to one: the loop in #run sorts that out.
    this.#timer = setTimeout(() => this.#run(), Math.max(0, Math.ceil(due - performance.now())));
  }

  #run(): void {
    this.#ranAt = performance.now();
    const elapsed = this.#ranAt - this.#startedAt;
    this.#late = Math.max(0, elapsed - ((this.#ticks + 1) * PACKET_MS) / SLOTS);
    const due = Math.floor((elapsed * SLOTS) / PACKET_MS);
    while (this.#ticks < due && this.#timer !== undefined) {
      this.#ticks++;
      const lateMs = elapsed - (this.#ticks * PACKET_MS) / SLOTS;
      for (const tick of this.#slots[this.#ticks % SLOTS]!) tick(lateMs);
    }
    if (this.#timer !== undefined) this.#schedule();
  }
}
