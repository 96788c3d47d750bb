/** A user who waits to be called back. Pure. */
import type { Json } from '../../store/index.js';

export const REASONS = ['unanswered', 'outside-hours', 'agent'] as const;
export type Reason = (typeof REASONS)[number];

export interface CallbackEntry {
  readonly number: string;
  readonly user: string;
  /** Each once, in the order they came. */
  readonly reasons: readonly Reason[];
  readonly addedAtMs: number;
  /** With the permission. */
  readonly expiresAtMs: number;
  /** Calls that were placed and came to nothing. */
  readonly attempts: number;
  /** Not by itself before. */
  readonly notBeforeMs: number;
}

export type PlaceResult = 'connected' | 'unanswered' | 'failed';

/** Unanswered calls in a row cost the permission: after so many of ours, only an agent tries again. */
export const ATTEMPTS_MAX = 2;
const UNANSWERED_PAUSE_MS = 60 * 60_000;
const FAILED_PAUSE_MS = 5 * 60_000;

export function merged(before: CallbackEntry | undefined, added: CallbackEntry): CallbackEntry {
  if (before === undefined) return added;
  return {
    ...before,
    reasons: [...new Set([...before.reasons, ...added.reasons])],
    expiresAtMs: Math.max(before.expiresAtMs, added.expiresAtMs),
    // Whoever asks again is called again.
    attempts: 0,
    notBeforeMs: added.notBeforeMs,
  };
}

/** undefined: it is done. */
export function afterCall(entry: CallbackEntry, result: PlaceResult, nowMs: number): CallbackEntry | undefined {
  switch (result) {
    case 'connected':
      return undefined;
    case 'unanswered':
      return { ...entry, attempts: entry.attempts + 1, notBeforeMs: nowMs + UNANSWERED_PAUSE_MS };
    case 'failed':
      return { ...entry, notBeforeMs: nowMs + FAILED_PAUSE_MS };
  }
}

/** Oldest first: those that may be called now without an agent asking. */
export function dueEntries(
  entries: readonly CallbackEntry[],
  isOpen: (number: string) => boolean,
  nowMs: number,
): readonly CallbackEntry[] {
  return entries
    .filter(({ attempts, notBeforeMs, number }) => attempts < ATTEMPTS_MAX && notBeforeMs <= nowMs && isOpen(number))
    .sort((a, b) => a.addedAtMs - b.addedAtMs);
}

export const entryOf = (value: Json): CallbackEntry => value as unknown as CallbackEntry;
export const jsonOf = (entry: CallbackEntry): Json => entry as unknown as Json;
