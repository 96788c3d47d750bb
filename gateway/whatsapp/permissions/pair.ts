/** What we remember of a business number and a user ourselves. Pure. */
import type { Json } from '../../store/index.js';
import type { Limits } from './limits.js';

export interface Pair {
  /** Calls in a row that the user did not take. */
  readonly unanswered: number;
  /** Connected calls of the last 24 hours, epoch ms. */
  readonly connected: readonly number[];
  /** Permission requests of the last 7 days since the last connected call, epoch ms. */
  readonly requests: readonly number[];
  /** The user wrote or called last, epoch ms: the service window is open for 24 hours. */
  readonly contactedAtMs?: number;
  /** Time of the newest reply to a request. */
  readonly repliedAtMs?: number;
}

export const DAY_MS = 24 * 60 * 60_000;
export const WEEK_MS = 7 * DAY_MS;

export function pairOf(value: Json | undefined, nowMs: number): Pair {
  const { unanswered, connected, requests, contactedAtMs, repliedAtMs } = (value ?? {}) as Partial<Pair>;
  return {
    unanswered: unanswered ?? 0,
    connected: (connected ?? []).filter((at) => at > nowMs - DAY_MS),
    requests: (requests ?? []).filter((at) => at > nowMs - WEEK_MS),
    ...(contactedAtMs === undefined ? {} : { contactedAtMs }),
    ...(repliedAtMs === undefined ? {} : { repliedAtMs }),
  };
}

/** A connected call starts both counts anew, as at Meta. */
export function connectedAt(pair: Pair, nowMs: number, limits: Limits): Pair {
  const connected = [...pair.connected, nowMs].slice(-limits.connectedCallsPerDay);
  return { ...pair, unanswered: 0, requests: [], connected };
}

/** When one more request is possible by our own log; undefined: now. */
export function nextRequestAt(pair: Pair, nowMs: number, limits: Limits): number | undefined {
  const ofDay = pair.requests.filter((at) => at > nowMs - DAY_MS);
  const next = [nextOf(ofDay, limits.requestsPerDay, DAY_MS), nextOf(pair.requests, limits.requestsPerWeek, WEEK_MS)];
  const times = next.filter((at) => at !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}

export function isWindowOpen({ contactedAtMs }: Pair, nowMs: number): boolean {
  return contactedAtMs !== undefined && contactedAtMs > nowMs - DAY_MS;
}

export function isDailyLimitReached(pair: Pair, limits: Limits): boolean {
  return pair.connected.length >= limits.connectedCallsPerDay;
}

/** The request that must be that old first: as many as allowed counted from the end. */
function nextOf(times: readonly number[], max: number, spanMs: number): number | undefined {
  const oldest = times.at(-max);
  return times.length < max || oldest === undefined ? undefined : oldest + spanMs;
}
