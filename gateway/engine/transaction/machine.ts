import type { Timers } from '../types.js';

/** Timers of RFC 3261 table 4, Timer L of RFC 6026, T: the wait before 100, and X: the wait for a final response to a cancelled INVITE (section 9.1). */
export type TimerName = 'A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M' | 'T' | 'X';

/** What a machine asks its owner to do. */
export type Effect =
  | { kind: 'send' }
  | { kind: 'resend' }
  | { kind: 'ack' }
  /** Say 100 to an INVITE. */
  | { kind: 'trying' }
  | { kind: 'cancel' }
  | { kind: 'deliver' }
  | { kind: 'start'; timer: TimerName; after: number }
  | { kind: 'stop'; timer: TimerName }
  | { kind: 'timeout' }
  | { kind: 'lost' }
  | { kind: 'end' };

export interface Step<State> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** What a machine needs to know of its surroundings. `limit` is Timer C: the longest wait from one provisional to the next. */
export interface Surroundings {
  readonly reliable: boolean;
  readonly timers: Pick<Timers, 't1' | 't2' | 't4'>;
  readonly limit: number;
}

export const NOTHING: readonly Effect[] = [];

export function start(timer: TimerName, after: number): Effect {
  return { kind: 'start', timer, after };
}

export function stop(timer: TimerName): Effect {
  return { kind: 'stop', timer };
}
