import type { SideResult } from './measure-side.js';
import { type Percentiles, rounded, sum } from './usage.js';

/** wa-trunk's figure divided by Asterisk's. */
export interface Ratios {
  readonly cps: number;
  readonly cpuMsPerCall: number;
  readonly pddMs: Percentiles;
  readonly setUpMs: Percentiles;
  readonly kBPerHeldCall: number;
}

export interface Report {
  readonly 'wa-trunk': SideResult;
  readonly asterisk: SideResult;
  readonly ratios: Ratios;
}

export function report(ours: SideResult, theirs: SideResult): Report {
  return {
    'wa-trunk': ours,
    asterisk: theirs,
    ratios: {
      cps: rounded(ours.cps / theirs.cps),
      cpuMsPerCall: rounded(sum(ours.cpuMsPerCall) / sum(theirs.cpuMsPerCall)),
      pddMs: ratio(ours.pddMs, theirs.pddMs),
      setUpMs: ratio(ours.setUpMs, theirs.setUpMs),
      kBPerHeldCall: rounded(sum(ours.kBPerHeldCall) / sum(theirs.kBPerHeldCall)),
    },
  };
}

function ratio(a: Percentiles, b: Percentiles): Percentiles {
  return { p50: rounded(a.p50 / b.p50), p95: rounded(a.p95 / b.p95), p99: rounded(a.p99 / b.p99) };
}

/** The same for people. */
export function table({ 'wa-trunk': ours, asterisk: theirs, ratios }: Report): string {
  const three = ({ p50, p95, p99 }: Percentiles): string => `${p50} / ${p95} / ${p99}`;
  const parts = (figures: Readonly<Record<string, number>>): string =>
    Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const overload = ({ overload: o }: SideResult): string =>
    `${o.answered} of ${o.offered} answered, ${o.refused503} × 503, ${o.failed} failed, p99 ${o.p99}`;
  const rows: readonly (readonly [string, string, string, string])[] = [
    ['', 'wa-trunk', 'Asterisk', 'ratio'],
    ['ceiling, calls a second', String(ours.cps), String(theirs.cps), String(ratios.cps)],
    ['CPU a call, ms', parts(ours.cpuMsPerCall), parts(theirs.cpuMsPerCall), String(ratios.cpuMsPerCall)],
    ['delay p50 / p95 / p99, ms', three(ours.pddMs), three(theirs.pddMs), three(ratios.pddMs)],
    ['set-up p50 / p95 / p99, ms', three(ours.setUpMs), three(theirs.setUpMs), three(ratios.setUpMs)],
    ['held calls', String(ours.heldCalls), String(theirs.heldCalls), ''],
    ['memory a held call, kB', parts(ours.kBPerHeldCall), parts(theirs.kBPerHeldCall), String(ratios.kBPerHeldCall)],
    [`offered ${ours.overload.cps} and ${theirs.overload.cps} a second`, overload(ours), overload(theirs), ''],
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
