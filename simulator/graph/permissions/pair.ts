import type { Limits } from '../options.js';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;

export type PermissionKind = 'none' | 'temporary' | 'permanent';

/** What Meta knows of one user and one business number. Times: epoch ms. */
export interface Pair {
  readonly kind: PermissionKind;
  /** Temporary permission only. */
  readonly expiresAtMs?: number;
  /** Permission requests sent and not yet forgotten. */
  readonly requestsAtMs: readonly number[];
  /** The last request, until it is answered by accept, or expires. */
  readonly pending?: { readonly messageId: string; readonly atMs: number };
  /** Connected business-initiated calls. */
  readonly connectedAtMs: readonly number[];
  /** Business-initiated calls in a row that were not answered or rejected. */
  readonly unansweredInARow: number;
  /** The user was asked to reconsider. */
  readonly nudged: boolean;
  /** Free-form messages may be sent until then. */
  readonly windowUntilMs?: number;
}

export const STRANGER: Pair = { kind: 'none', requestsAtMs: [], connectedAtMs: [], unansweredInARow: 0, nudged: false };

/** The pair with everything forgotten that is over by now. */
export function current(pair: Pair, nowMs: number): Pair {
  const { expiresAtMs, pending, ...rest } = pair;
  const base: Pair = {
    ...rest,
    requestsAtMs: pair.requestsAtMs.filter((at) => at > nowMs - WEEK_MS),
    connectedAtMs: pair.connectedAtMs.filter((at) => at > nowMs - DAY_MS),
    ...(pending && pending.atMs > nowMs - WEEK_MS && { pending }),
  };
  if (pair.kind === 'temporary' && expiresAtMs !== undefined) {
    return expiresAtMs > nowMs ? { ...base, expiresAtMs } : { ...base, kind: 'none' };
  }
  return base;
}

export function granted(pair: Pair, kind: 'temporary' | 'permanent', expiresAtMs: number): Pair {
  const { expiresAtMs: _before, pending: _answered, ...rest } = pair;
  return { ...rest, kind, unansweredInARow: 0, nudged: false, ...(kind === 'temporary' && { expiresAtMs }) };
}

export function revoked(pair: Pair): Pair {
  const { expiresAtMs: _before, ...rest } = pair;
  return { ...rest, kind: 'none' };
}

export interface CallOutcome {
  readonly direction: 'user-initiated' | 'business-initiated';
  readonly outcome: 'connected' | 'unanswered' | 'rejected';
}

/** A connected call, whoever began it, starts all counters anew; only business-initiated ones count against the limits. */
export function afterCall(pair: Pair, { direction, outcome }: CallOutcome, nowMs: number, limits: Limits): Pair {
  const business = direction === 'business-initiated';
  if (outcome === 'connected') {
    const connectedAtMs = business ? [...pair.connectedAtMs, nowMs] : pair.connectedAtMs;
    return { ...pair, connectedAtMs, requestsAtMs: [], unansweredInARow: 0, nudged: false };
  }
  if (!business) return pair;
  const unansweredInARow = pair.unansweredInARow + 1;
  const counted = { ...pair, unansweredInARow, nudged: unansweredInARow >= limits.nudgeAfter };
  return unansweredInARow >= limits.revokeAfter ? revoked(counted) : counted;
}

export interface Limit {
  readonly period: 'PT24H' | 'P7D';
  readonly max: number;
  readonly usage: number;
  /** Epoch ms when there is room again; only while there is none. */
  readonly freeAtMs?: number;
}

export function requestLimits(pair: Pair, nowMs: number, limits: Limits): readonly Limit[] {
  return [
    limitOf('PT24H', DAY_MS, limits.requestsPerDay, pair.requestsAtMs, nowMs),
    limitOf('P7D', WEEK_MS, limits.requestsPerWeek, pair.requestsAtMs, nowMs),
  ];
}

export const callLimit = (pair: Pair, nowMs: number, limits: Limits): Limit =>
  limitOf('PT24H', DAY_MS, limits.connectedPerDay, pair.connectedAtMs, nowMs);

export const exhausted = ({ usage, max }: Limit): boolean => usage >= max;

function limitOf(period: Limit['period'], spanMs: number, max: number, at: readonly number[], nowMs: number): Limit {
  const counted = at.filter((ms) => ms > nowMs - spanMs).sort((a, b) => a - b);
  const oldest = counted[counted.length - max];
  return { period, max, usage: counted.length, ...(oldest !== undefined && { freeAtMs: oldest + spanMs }) };
}
