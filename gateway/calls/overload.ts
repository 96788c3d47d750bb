/**
 * Decides whether one more call can be taken without making the accepted ones wait: the event loop's own delay is the
 * measure, because everything a call needs of this process queues there.
 */
import type { IntervalHistogram } from 'node:perf_hooks';

export interface OverloadGate {
  /** True: take it. False: refuse with 503 and Retry-After. */
  admit(): boolean;
  close(): void;
}

export interface OverloadOptions {
  /** Above this mean delay of the event loop nothing new is taken, ms. */
  readonly maxDelayMs: number;
  /** Source of the delay: node:perf_hooks.monitorEventLoopDelay. */
  readonly monitor: Pick<IntervalHistogram, 'enable' | 'disable' | 'reset' | 'mean'>;
  readonly sampleMs: number;
  readonly resolutionMs: number;
}

export function createOverloadGate({ maxDelayMs, monitor, sampleMs, resolutionMs }: OverloadOptions): OverloadGate {
  let overloaded = false;
  monitor.enable();
  const timer = setInterval(() => {
    const delayMs = monitor.mean / 1e6 - resolutionMs;
    overloaded = delayMs > maxDelayMs;
    monitor.reset();
  }, sampleMs);
  timer.unref();
  return {
    admit: () => !overloaded,
    close: () => {
      clearInterval(timer);
      monitor.disable();
    },
  };
}
