/**
 * Decides whether one more call can be taken without making the accepted ones wait. The measure is how busy the event loop
 * is, because everything a call needs of this process queues there: the share of calls refused rises while it is busier
 * than the target and falls while it is not. One long turn (a garbage collection, a start) refuses nobody.
 */
export interface OverloadGate {
  /** True: take it. False: refuse with 503 and Retry-After. */
  admit(): boolean;
  close(): void;
}

export interface OverloadOptions {
  /** Busy share of the event loop since the last call of this, 0 to 1: node:perf_hooks' eventLoopUtilization. */
  readonly utilization: () => number;
  /** The share that leaves accepted calls their speed. */
  readonly target: number;
  readonly sampleMs: number;
}

/** How fast the refused share follows: a loop that is wholly busy refuses every call after about a second. */
const GAIN = 0.7;

export function createOverloadGate({ utilization, target, sampleMs }: OverloadOptions): OverloadGate {
  let refusedShare = 0;
  let due = 0;
  const timer = setInterval(() => {
    refusedShare = Math.min(1, Math.max(0, refusedShare + GAIN * (utilization() - target)));
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
