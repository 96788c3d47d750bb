import type { GraphFault } from './errors.js';

export interface Attempt {
  readonly method: 'GET' | 'POST';
  readonly repeatable: boolean;
  /** Tries made so far. */
  readonly tries: number;
}

const MAX_TRIES = 4;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 4000;

/** How long to wait before the same request is sent again; undefined: it must not be. `random` in [0, 1). */
export function retryDelayMs(fault: GraphFault, attempt: Attempt, random: () => number): number | undefined {
  if (attempt.tries >= MAX_TRIES || !isSafe(fault, attempt)) return undefined;
  // Full jitter: clients that failed together do not come back together.
  const backoff = random() * Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt.tries - 1));
  return Math.max(backoff, fault.retryAfterMs === undefined ? 0 : fault.retryAfterMs + backoff);
}

function isSafe(fault: GraphFault, { method, repeatable }: Attempt): boolean {
  const again = method === 'GET' || repeatable;
  switch (fault.kind) {
    case 'rate-limited':
      // Meta refused to act on it.
      return true;
    case 'unreachable':
      return again || fault.unsent === true;
    case 'unreadable':
      return again;
    case 'refused':
      return again && fault.transient === true;
    case 'timeout':
    case 'unauthorized':
    case 'no-token':
      return false;
  }
}
