/**
 * How many of a number's calls are picked up, by our own records. Meta hides the call button of a number that does not pick up
 * its users' calls, and pauses calls to users who do not want them; it publishes no thresholds.
 */
import type { CallRecords, CallRow, Json } from '../../store/port.js';

export type Direction = CallRow['direction'];

export interface Rate {
  /** That rang at the other side, and are over. */
  readonly calls: number;
  readonly answered: number;
}

export interface Pickup {
  /** The last 24 hours. */
  readonly day: Rate;
  /** The last 7 days. */
  readonly week: Rate;
}

export interface PickupRules {
  /** Fewer calls say nothing. */
  readonly minimumCalls: number;
  /** Share of answered calls, 0 to 1. */
  readonly warnBelow: number;
}

export const PICKUP_RULES: PickupRules = { minimumCalls: 20, warnBelow: 0.5 };

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** The newest calls: a rate of these is as good as one of all. */
const SAMPLE = 1000;

/** Rejects with StoreError. */
export async function readPickup(
  records: Pick<CallRecords, 'query'>,
  of: { readonly number: string; readonly direction: Direction },
  nowMs: number,
): Promise<Pickup> {
  return pickupOf(await records.query({ ...of, fromMs: nowMs - WEEK_MS, limit: SAMPLE }), nowMs);
}

/** @param rows of one number and direction */
export function pickupOf(rows: readonly CallRow[], nowMs: number): Pickup {
  const counted = rows.filter(isCounted);
  const since = (ms: number): readonly CallRow[] => counted.filter(({ startedAtMs }) => startedAtMs >= nowMs - ms);
  return { day: rateOf(since(DAY_MS)), week: rateOf(since(WEEK_MS)) };
}

/** The span in which too few calls are picked up: the day, if it has calls enough. */
export function lowPickup(
  { day, week }: Pickup,
  { minimumCalls, warnBelow }: PickupRules = PICKUP_RULES,
): { readonly span: '24 h' | '7 days'; readonly rate: Rate } | undefined {
  const isLow = ({ calls, answered }: Rate): boolean => calls >= minimumCalls && answered / calls < warnBelow;
  if (isLow(day)) return { span: '24 h', rate: day };
  return isLow(week) ? { span: '7 days', rate: week } : undefined;
}

function rateOf(rows: readonly CallRow[]): Rate {
  return { calls: rows.length, answered: rows.filter(({ answered }) => answered).length };
}

/** A user's call always counts. A call to a user counts if it rang: one that was refused before says nothing of the user. */
function isCounted({ direction, endedAtMs, answered, outcome, details }: CallRow): boolean {
  if (endedAtMs === undefined || outcome === 'gateway-died') return false;
  if (answered || direction === 'user-initiated') return true;
  return outcome === 'no-answer' || outcome === 'declined' || typeof fieldOf(details, 'ringingMs') === 'number';
}

function fieldOf(details: Json, name: string): Json | undefined {
  return typeof details === 'object' && details !== null && !Array.isArray(details)
    ? (details as Readonly<Record<string, Json>>)[name]
    : undefined;
}
