import type { MinutesLedger } from '../../gateway/calls/minutes.js';

/** Keeps the current day, until the process ends. */
export function createMemoryLedger(): MinutesLedger {
  const days = new Map<string, { day: string; ms: number }>();
  return {
    used(number, day) {
      const entry = days.get(number);
      return entry?.day === day ? entry.ms : 0;
    },
    add(number, day, ms) {
      const entry = days.get(number);
      if (entry === undefined || entry.day < day) days.set(number, { day, ms });
      else if (entry.day === day) entry.ms += ms;
    },
  };
}
