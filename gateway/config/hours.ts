import type { WeeklyHours } from './types.js';

const DAYS = ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'];

/** `Mo-Fr 09:00-12:30,14:00-18:00`, `Mo,We 09:00-24:00`, `Fr-Mo 22:00-06:00` (to the next morning); undefined when it is none. */
export function readWeeklyHours(text: string): WeeklyHours | undefined {
  const [daysText = '', timesText = '', ...more] = text.trim().split(/\s+/);
  const days = daysText.split(',').flatMap(readDays);
  const times = timesText.split(',').map(readTimes);
  if (more.length > 0 || days.includes(-1) || times.includes(undefined)) return undefined;
  return { days: [...new Set(days)].sort(), times: times.filter((time) => time !== undefined) };
}

/** -1 among them: no such days. */
function readDays(text: string): readonly number[] {
  const [first = -1, last = first, ...more] = text.split('-').map((day) => DAYS.indexOf(day.toLowerCase()));
  if (more.length > 0 || first < 0 || last < 0) return [-1];
  const count = ((last - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, i) => (first + i) % 7);
}

function readTimes(text: string): WeeklyHours['times'][number] | undefined {
  const [from, to, ...more] = text.split('-').map(readTime);
  if (from === undefined || to === undefined || more.length > 0 || from === 1440 || from === to) return undefined;
  return { from, to };
}

/** Minutes of the day, 24:00 included. */
function readTime(text: string): number | undefined {
  const match = /^(\d\d):([0-5]\d)$/.exec(text);
  const minutes = match === null ? Infinity : Number(match[1]) * 60 + Number(match[2]);
  return minutes <= 1440 ? minutes : undefined;
}
