import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Closers } from './parts.js';

/** Mean delay of the event loop between two questions, ms. */
export function loopDelay(closers: Closers): () => number {
  const resolution = 20;
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  closers.push(() => {
    histogram.disable();
  });
  return () => {
    const { mean } = histogram;
    histogram.reset();
    return Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - resolution);
  };
}
