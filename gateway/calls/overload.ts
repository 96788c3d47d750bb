/**
 * Decides whether one more call can be taken without making the accepted ones wait. The measure is how late the event loop
 * is, because everything a call needs of this process queues there, and waiting for the processor shows in it too. The
 * share of calls refused rises while it is later than the limit and falls while it is not; one long turn (a garbage
 * collection, a start) refuses hardly anybody.
 */
export interface OverloadGate {
  /** True: take it. False: refuse with 503 and Retry-After. */
  admit(): boolean;
  close(): void;
}

export interface OverloadOptions {
  /** Mean delay of the event loop since the last call of this, ms. */
  readonly delayMs: () => number;
  /** The delay that accepted calls may have. */
  readonly limitMs: number;
  readonly sampleMs: number;
}

/** The refused share moves by this much a sample when the loop is twice as late as it may be, or not late at all. */
const STEP = 0.1;

export function createOverloadGate({ delayMs, limitMs, sampleMs }: OverloadOptions): OverloadGate {
  let refusedShare = 0;
  let due = 0;
  const timer = setInterval(() => {
    const excess = Math.min(1, (delayMs() - limitMs) / limitMs);
    refusedShare = Math.min(1, Math.max(0, refusedShare + STEP * excess));
  }, sampleMs);
  timer.unref();
  return {
    admit: () => {
      due = Math.min(2, due + refusedShare);
      if (due < 1) return true;
      due -= 1;
      return false;
    },
    close: () => clearInterval(timer),
  };
}
