/** What Meta would refuse of numbers[].calling is a fault of the file, at its key. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFixture, MINIMAL } from './fixture.js';
import type { Fixture } from './fixture.js';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
  fixture.write('secrets/token', 'token\n');
});
after(() => fixture.close());

function faultsOf(calling: string): readonly string[] {
  const number = `    trunk: office\n    phoneNumberId: '1'\n    calling: ${calling}\n`;
  const yaml = `${MINIMAL.replace('    trunk: office\n', number)}graph: { tokenFile: secrets/token }\n`;
  return fixture.load(yaml).faults.map((fault) => fault.replace(/^wa-trunk\.yaml: numbers\[0\]\.calling\./, ''));
}

const hours = (weekly: string, more = ''): string => `{ callHours: { timezone: UTC, weekly: ${weekly}${more} } }`;
const holidays = (days: readonly string[]): string => hours('[Mo 09:00-10:00]', `, holidays: [${days.join(', ')}]`);
const holiday = (date: string, from: string, to: string): string => `{ date: ${date}, from: '${from}', to: '${to}' }`;
const days = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => holiday(`2026-01-${String(i + 1).padStart(2, '0')}`, '00:00', '00:00'));
const params = (length: number): string => `{ sip: { requestUriUserParams: { tgrp: ${'a'.repeat(length - 5)} } } }`;

const GOOD: readonly (readonly [what: string, calling: string])[] = [
  ['two windows a day that touch', hours('["Mo-Fr 09:00-12:00,12:00-18:00", "Sa 10:00-24:00"]')],
  ['windows of one day in two entries', hours('["Mo-Fr 09:00-12:00", "Mo 13:00-18:00"]')],
  ['twenty holidays, closed all day', holidays(days(20))],
  ['a holiday with hours', holidays([holiday('2026-12-24', '09:00', '12:00')])],
  ['128 characters of user parameters', params(128)],
  [
    'voicemail with call hours off',
    '{ voicemail: {}, callHours: { status: disabled, timezone: UTC, weekly: [Mo 09:00-10:00] } }',
  ],
  [
    'voicemail off with call hours on',
    '{ voicemail: { status: disabled }, callHours: { timezone: UTC, weekly: [Mo 09:00-10:00] } }',
  ],
  ['countries', '{ callIcons: { restrictToUserCountries: [BR, US, GB] } }'],
  ['no countries', '{ callIcons: { restrictToUserCountries: [] } }'],
  ['a time zone that has an older name', '{ callHours: { timezone: Asia/Kolkata, weekly: [Mo 09:00-10:00] } }'],
];

for (const [what, calling] of GOOD) test(`good: ${what}`, () => assert.deepEqual(faultsOf(calling), []));

const FAULTS: readonly (readonly [what: string, calling: string, fault: string])[] = [
  [
    'three windows a day',
    hours('["Mo 08:00-09:00,10:00-11:00,12:00-13:00"]'),
    'callHours.weekly[0]: found 3 windows on Mo, allowed at most 2 a day',
  ],
  [
    'a third window in another entry',
    hours('["Mo-Fr 08:00-09:00,10:00-11:00", "We 12:00-13:00"]'),
    'callHours.weekly[1]: found 3 windows on We, allowed at most 2 a day',
  ],
  [
    'windows that overlap',
    hours('["Mo-Fr 09:00-12:00", "Tu 11:59-18:00"]'),
    'callHours.weekly[1]: found 11:59-18:00 on Tu, besides 09:00-12:00, allowed windows that do not overlap',
  ],
  [
    'a window past midnight',
    hours('["Fr 22:00-02:00"]'),
    'callHours.weekly[0]: found 22:00-02:00, allowed hours that end after they begin: Meta knows none past midnight, write two windows',
  ],
  ['twenty-one holidays', holidays(days(21)), 'callHours.holidays: found 21 holidays, allowed at most 20'],
  [
    'a holiday twice',
    holidays([holiday('2026-12-25', '00:00', '00:00'), holiday('2026-12-25', '10:00', '12:00')]),
    'callHours.holidays[1].date: found "2026-12-25" again (see numbers[0].calling.callHours.holidays[0].date), allowed each date once',
  ],
  [
    'a holiday past midnight',
    holidays([holiday('2026-12-31', '22:00', '02:00')]),
    'callHours.holidays[0].to: found "02:00", allowed a time from 22:00 on: Meta knows no hours past midnight',
  ],
  [
    '129 characters of user parameters',
    params(129),
    'sip.requestUriUserParams: found 129 characters in all, allowed at most 128, written as name=value;name=value',
  ],
  [
    'a user parameter that would need escaping',
    '{ sip: { requestUriUserParams: { tgrp: "wa call" } } }',
    "sip.requestUriUserParams.tgrp: found tgrp=wa call, allowed letters, digits and any of - _ . ! ~ * ' ( ) % & + $ , ? /",
  ],
  [
    'a country that is none',
    '{ callIcons: { restrictToUserCountries: [BR, UK] } }',
    'callIcons.restrictToUserCountries[1]: found "UK", allowed an ISO 3166 country whose numbers can use WhatsApp, such as BR',
  ],
  [
    'voicemail besides call hours',
    '{ voicemail: {}, callHours: { timezone: UTC, weekly: [Mo 09:00-10:00] } }',
    'voicemail.status: found "enabled" besides numbers[0].calling.callHours, allowed voicemail or call hours: Meta takes one of them alone',
  ],
  [
    'a time zone in lower case',
    '{ callHours: { timezone: america/manaus, weekly: [Mo 09:00-10:00] } }',
    'callHours.timezone: found "america/manaus", allowed the name as IANA spells it',
  ],
  ['an IP address as the SIP server', '{ sip: { hostname: 203.0.113.5 } }', 'sip.hostname: found "203.0.113.5"'],
  ['a voicemail that rings too long', '{ voicemail: { timeoutSeconds: 31 } }', 'voicemail.timeoutSeconds: found 31'],
];

for (const [what, calling, fault] of FAULTS) {
  test(`fault: ${what}`, () => {
    const [first = '', ...more] = faultsOf(calling);
    assert.deepEqual(more, []);
    assert.ok(first.startsWith(fault), first);
    assert.match(first, /\(line \d+[);]/);
  });
}
