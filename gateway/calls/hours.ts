/** Whether a route is open at a moment. */
import type { Hours } from '../config/types.js';

interface LocalTime {
  /** 0 is Monday. */
  readonly day: number;
  readonly minute: number;
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** For one route; making the formatter costs more than using it. */
export function createOpeningHours({ timezone, weekly }: Hours): (at: Date) => boolean {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (at) => {
    const now = localTime(format, at);
    return weekly.some(({ days, times }) => times.some((window) => isWithin(days, window, now)));
  };
}

function localTime(format: Intl.DateTimeFormat, at: Date): LocalTime {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { day: DAYS.indexOf(parts.get('weekday') ?? ''), minute };
}

function isWithin(days: readonly number[], { from, to }: { from: number; to: number }, now: LocalTime): boolean {
  if (from < to) return days.includes(now.day) && from <= now.minute && now.minute < to;
  // It belongs to the day it begins on.
  const yesterday = (now.day + 6) % 7;
  return (days.includes(now.day) && from <= now.minute) || (days.includes(yesterday) && now.minute < to);
}
