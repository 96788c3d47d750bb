import { isSupportedCountry } from 'libphonenumber-js/min';
import { describe, keyOf } from './faults.js';
import type { Path } from './faults.js';
import type { Report } from './report.js';
import type { Settings } from './schema.js';
import type { Draft } from './structure.js';

type Calling = Draft<NonNullable<Settings['numbers'][number]['calling']>>;
type CallHours = NonNullable<Calling['callHours']>;

const WINDOWS_A_DAY = 2;
const HOLIDAYS = 20;
const USER_PARAMS_CHARACTERS = 128;
const DAYS = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];
/** Meta knows no 24:00. */
const LAST_MINUTE = 23 * 60 + 59;

/** What Meta would refuse of numbers[].calling. */
export function checkCalling(draft: Draft<Settings>, report: Report): void {
  for (const [i, number] of (draft.numbers ?? []).entries()) {
    const calling = number?.calling;
    if (calling === undefined) continue;
    const path: Path = ['numbers', i, 'calling'];
    checkUserParams(calling.sip?.requestUriUserParams, [...path, 'sip', 'requestUriUserParams'], report);
    checkCountries(calling, [...path, 'callIcons', 'restrictToUserCountries'], report);
    if (calling.callHours !== undefined) checkCallHours(calling.callHours, [...path, 'callHours'], report);
    if (calling.voicemail?.status === 'enabled' && calling.callHours?.status === 'enabled') {
      const found = `"enabled" besides ${keyOf([...path, 'callHours'])}`;
      report.fault([...path, 'voicemail', 'status'], found, 'voicemail or call hours: Meta takes one of them alone');
    }
  }
}

// RFC 3261, 25.1: what the user part holds unescaped, without ";" and "=", which divide the parameters.
const USER_PARAM = /^[A-Za-z0-9\-_.!~*'()%&+$,?/]+$/;

function checkUserParams(
  params: Readonly<Record<string, string | undefined>> | undefined,
  path: Path,
  report: Report,
): void {
  if (params === undefined) return;
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && USER_PARAM.test(name) && USER_PARAM.test(value)) continue;
    const allowed = "letters, digits and any of - _ . ! ~ * ' ( ) % & + $ , ? /";
    report.fault([...path, name], `${name}=${value ?? ''}`, allowed);
  }
  const text = Object.entries(params)
    .map(([name, value]) => `${name}=${value ?? ''}`)
    .join(';');
  if (text.length <= USER_PARAMS_CHARACTERS) return;
  report.fault(
    path,
    `${text.length} characters in all`,
    `at most ${USER_PARAMS_CHARACTERS}, written as name=value;name=value`,
  );
}

/** Have calling codes, and are of ISO 3166 only by reservation. */
const NOT_ASSIGNED = ['AC', 'TA', 'XK'];

function checkCountries(calling: Calling, path: Path, report: Report): void {
  for (const [i, code] of (calling.callIcons?.restrictToUserCountries ?? []).entries()) {
    if (code === undefined || (isSupportedCountry(code) && !NOT_ASSIGNED.includes(code))) continue;
    report.fault([...path, i], describe(code), 'an ISO 3166 country whose numbers can use WhatsApp, such as BR');
  }
}

function checkCallHours(hours: CallHours, path: Path, report: Report): void {
  checkTimeZone(hours.timezone, [...path, 'timezone'], report);
  checkWeek(hours, [...path, 'weekly'], report);
  const holidays = hours.holidays ?? [];
  const dates = holidays.map((holiday) => holiday?.date);
  if (holidays.length > HOLIDAYS)
    report.fault([...path, 'holidays'], `${holidays.length} holidays`, `at most ${HOLIDAYS}`);
  for (const [i, holiday] of holidays.entries()) {
    if (holiday === undefined) continue;
    const { date, from, to } = holiday;
    const first = dates.indexOf(date);
    if (date !== undefined && first !== i) {
      const where = keyOf([...path, 'holidays', first, 'date']);
      report.fault([...path, 'holidays', i, 'date'], `${describe(date)} again (see ${where})`, 'each date once');
    }
    if (from === undefined || to === undefined || from <= to) continue;
    report.fault(
      [...path, 'holidays', i, 'to'],
      describe(to),
      `a time from ${from} on: Meta knows no hours past midnight`,
    );
  }
}

/** The runtime takes names in any case, Meta as the IANA database spells them. */
function checkTimeZone(zone: string | undefined, path: Path, report: Report): void {
  if (zone === undefined) return;
  const name = Intl.supportedValuesOf('timeZone').find((one) => one.toLowerCase() === zone.toLowerCase());
  if (name !== undefined && name !== zone) report.fault(path, describe(zone), 'the name as IANA spells it', name);
}

interface Window {
  readonly entry: number;
  readonly from: number;
  readonly to: number;
}

function checkWeek(hours: CallHours, path: Path, report: Report): void {
  const days = DAYS.map((): Window[] => []);
  for (const [entry, weekly] of (hours.weekly ?? []).entries()) {
    for (const time of weekly?.times ?? []) {
      const { from, to } = time ?? {};
      if (from === undefined || to === undefined) continue;
      if (Math.min(to, LAST_MINUTE) <= from) {
        const allowed = 'hours that end after they begin: Meta knows none past midnight, write two windows';
        report.fault([...path, entry], `${clock(from)}-${clock(to)}`, allowed);
        continue;
      }
      for (const day of weekly?.days ?? []) if (day !== undefined) days[day]?.push({ entry, from, to });
    }
  }
  for (const [day, windows] of days.entries()) checkDay(DAYS[day] ?? '', windows, path, report);
}

/** Each fault is told at the entry that is one too many. */
function checkDay(day: string, windows: readonly Window[], path: Path, report: Report): void {
  const extra = windows[WINDOWS_A_DAY];
  if (extra !== undefined) {
    report.fault([...path, extra.entry], `${windows.length} windows on ${day}`, `at most ${WINDOWS_A_DAY} a day`);
    return;
  }
  const [first, second] = windows;
  if (first === undefined || second === undefined || second.to <= first.from || first.to <= second.from) return;
  const found = `${clock(second.from)}-${clock(second.to)} on ${day}, besides ${clock(first.from)}-${clock(first.to)}`;
  report.fault([...path, second.entry], found, 'windows that do not overlap');
}

function clock(minutes: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
