import { setTimeout as delay } from 'node:timers/promises';
import type { Usage } from '../lab/processes/index.js';
import type { Side } from './sides/side.js';

/** A figure for each part of a side, such as gateway and rtpengine. */
export type ByPart = Readonly<Record<string, number>>;

export type PartUsage = Readonly<Record<string, Usage>>;

export function usageOf(side: Side): PartUsage {
  return Object.fromEntries(Object.entries(side.parts).map(([name, part]) => [name, part.usage()]));
}

/** What came on top between two readings, divided by a number of calls. */
export function perCall(field: keyof Usage, before: PartUsage, after: PartUsage, calls: number): ByPart {
  const entries = Object.entries(after).map(([name, usage]) => {
    const difference = usage[field] - (before[name]?.[field] ?? 0);
    return [name, rounded(difference / calls)] as const;
  });
  return Object.fromEntries(entries);
}

export const sum = (parts: ByPart): number => rounded(Object.values(parts).reduce((total, one) => total + one, 0));

/** Starts to measure; the function returned says how many cores a side has kept busy since. */
export function coreLoad(side: Side): () => number {
  const [before, start] = [cpuMsOf(side), performance.now()];
  return () => (cpuMsOf(side) - before) / (performance.now() - start);
}

/** Starts to measure; the function returned says how much of one core each part has used since, in per cent. */
export function coreLoadOfParts(side: Side): () => ByPart {
  const [before, start] = [usageOf(side), performance.now()];
  return () => perCall('cpuMs', before, usageOf(side), (performance.now() - start) / 100);
}

const cpuMsOf = (side: Side): number => Object.values(usageOf(side)).reduce((total, usage) => total + usage.cpuMs, 0);

const IDLE = 0.1; // of a core
const WINDOW_MS = 250;

/** Waits until a side has nothing left to do: repeats and clean-up of the last calls are over. */
export async function settled(side: Side, timeoutMs = 12_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const load = coreLoad(side);
    await delay(WINDOW_MS);
    if (load() <= IDLE) return;
  }
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Nearest-rank percentiles; NaN of no values. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.ceil(share * sorted.length) - 1] ?? NaN);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export const rounded = (value: number): number => Math.round(value * 100) / 100;
