import { array, matching, object, oneOf, ParseFault, type Parse } from '../parse.js';

const DAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const;
const WINDOWS_A_DAY = 2;
const HOLIDAYS = 20;

const time = matching((text) => /^([01]\d|2[0-3])[0-5]\d$/.test(text), 'must be a time as HHMM, 0000 to 2359');

const weekly = object({ day_of_week: oneOf(...DAYS), open_time: time, close_time: time }, [
  'day_of_week',
  'open_time',
  'close_time',
]);

const holiday = object({ date: matching(isDate, 'must be a date as YYYY-MM-DD'), start_time: time, end_time: time }, [
  'date',
  'start_time',
  'end_time',
]);

const fields = object(
  {
    status: oneOf('ENABLED', 'DISABLED'),
    timezone_id: matching(isTimeZone, 'must be a time zone of the IANA database'),
    weekly_operating_hours: array(weekly),
    holiday_schedule: array(holiday, { max: HOLIDAYS }),
  },
  ['status', 'timezone_id', 'weekly_operating_hours'],
);

export type CallHours = ReturnType<typeof fields>;

export const callHours: Parse<CallHours> = (value, path) => {
  const hours = fields(value, path);
  checkWeek(hours, `${path}.weekly_operating_hours`);
  for (const [index, { start_time, end_time }] of (hours.holiday_schedule ?? []).entries()) {
    if (start_time > end_time) {
      throw new ParseFault('value', `${path}.holiday_schedule[${index}]`, 'must start before it ends');
    }
  }
  return hours;
};

function checkWeek({ status, weekly_operating_hours: week }: CallHours, path: string): void {
  if (status === 'ENABLED' && week.length === 0) throw new ParseFault('value', path, 'must have at least 1 entry');
  for (const [index, { open_time, close_time }] of week.entries()) {
    if (open_time >= close_time) throw new ParseFault('value', `${path}[${index}]`, 'must open before it closes');
  }
  for (const day of DAYS) {
    const windows = week
      .filter(({ day_of_week }) => day_of_week === day)
      .sort((a, b) => a.open_time.localeCompare(b.open_time));
    if (windows.length > WINDOWS_A_DAY) {
      throw new ParseFault('value', path, `must have at most ${WINDOWS_A_DAY} entries for ${day}`);
    }
    const [first, second] = windows;
    if (first && second && second.open_time < first.close_time) {
      throw new ParseFault('value', path, `must not overlap on ${day}`);
    }
  }
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** Intl takes offsets and any case as well: names only, as the database spells them. */
function isTimeZone(text: string): boolean {
  if (text !== 'UTC' && !/^[A-Z][A-Za-z]+(\/[A-Z][A-Za-z0-9_+-]*){1,2}$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
