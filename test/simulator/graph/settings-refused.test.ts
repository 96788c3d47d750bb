import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefused, HOSTNAME, NUMBER, withGraph, withServer } from './fixture.js';

const window = (day: string, open: string, close: string) => ({ day_of_week: day, open_time: open, close_time: close });
const hours = (weekly: unknown, more: object = {}) => ({
  call_hours: { status: 'ENABLED', timezone_id: 'Europe/Berlin', weekly_operating_hours: weekly, ...more },
});
const monday = window('MONDAY', '0900', '1700');
const server = (more: object) => ({ sip: { status: 'ENABLED', servers: [{ hostname: HOSTNAME, ...more }] } });
const holidays = (count: number) => ({
  holiday_schedule: Array.from({ length: count }, () => ({ date: '2026-12-25', start_time: '0000', end_time: '2359' })),
});
const voicemail = { status: 'ENABLED', triggers: ['REJECT'], timeout_seconds: 20 };

const REFUSED: readonly (readonly [what: string, calling: unknown, details: RegExp])[] = [
  ['no object', 'ENABLED', /^body\.calling must be an object$/],
  ['null', null, /^body\.calling must be an object$/],
  ['a field of no meaning', { call_routing: {} }, /^body\.calling\.call_routing is not a known field$/],
  ['a field named as a method of objects', { constructor: 1 }, /constructor is not a known field/],
  ['what only a GET has', { restrictions: {} }, /restrictions is not a known field/],
  ['a wrong type', { status: true }, /^body\.calling\.status must be a string$/],
  ['a bad enum', { status: 'enabled' }, /status must be one of ENABLED, DISABLED/],
  ['bad visibility', { call_icon_visibility: 'HIDDEN' }, /call_icon_visibility must be one of DEFAULT, DISABLE_ALL/],
  ['bad callback status', { callback_permission_status: 'ON' }, /callback_permission_status must be one of/],
  ['bad keying', { srtp_key_exchange_protocol: 'ZRTP' }, /srtp_key_exchange_protocol must be one of DTLS, SDES/],
  ['a codec that cannot be added', { audio: { additional_codecs: ['OPUS'] } }, /additional_codecs\[0\] must be one of/],
  ['a codec twice', { audio: { additional_codecs: ['PCMA', 'PCMA'] } }, /must not repeat/],
  ['no country', { call_icons: { restrict_to_user_countries: ['UK'] } }, /countries\[0\] must be an ISO 3166-1/],
  ['a country in small letters', { call_icons: { restrict_to_user_countries: ['de'] } }, /must be an ISO 3166-1/],
  ['SIP without a server', { sip: { status: 'ENABLED' } }, /must have a server/],
  ['SIP with its server cleared', { sip: { status: 'ENABLED', servers: [] } }, /must have a server/],
  ['two servers', { sip: { servers: [{ hostname: HOSTNAME }, { hostname: 'b.example.com' }] } }, /at most 1 entries/],
  ['a server without hostname', { sip: { servers: [{ port: 5061 }] } }, /servers\[0\]\.hostname is required/],
  ['an IPv4 address', server({ hostname: '192.0.2.1' }), /hostname must be a hostname, not an IP address/],
  ['an IPv6 address', server({ hostname: '2001:db8::1' }), /hostname must be a hostname, not an IP address/],
  ['a short hostname', server({ hostname: 'sip' }), /must be a fully qualified hostname/],
  ['a hostname with a port', server({ hostname: 'sip.example.com:5061' }), /must be a fully qualified hostname/],
  ['port 0', server({ port: 0 }), /port must be 1 to 65535/],
  ['port 65536', server({ port: 65_536 }), /port must be 1 to 65535/],
  ['a port as text', server({ port: '5061' }), /port must be an integer/],
  ["the server's app", server({ app_id: '1' }), /app_id is not a known field/],
  ["the server's password", server({ sip_user_password: 'x' }), /sip_user_password is not a known field/],
  ['user params of no text', server({ request_uri_user_params: { tgrp: 1 } }), /user_params\.tgrp must be a string/],
  ['user params that break the URI', server({ request_uri_user_params: { a: 'b@c' } }), /must fit in the user part/],
  [
    '129 characters of user params',
    server({ request_uri_user_params: { tgrp: 'a'.repeat(124) } }),
    /user_params must have at most 128 characters/,
  ],
  ['hours without zone', { call_hours: { status: 'ENABLED', weekly_operating_hours: [] } }, /timezone_id is required/],
  ['an unknown zone', hours([monday], { timezone_id: 'Europe/Bonn' }), /must be a time zone/],
  ['an offset as zone', hours([monday], { timezone_id: '+01:00' }), /must be a time zone/],
  ['no window at all', hours([]), /weekly_operating_hours must have at least 1 entry/],
  ['an unknown day', hours([window('HOLIDAY', '0900', '1700')]), /day_of_week must be one of/],
  ['a time with colon', hours([window('MONDAY', '09:00', '1700')]), /open_time must be a time as HHMM/],
  ['24 hours', hours([window('MONDAY', '0000', '2400')]), /close_time must be a time as HHMM/],
  ['closing before opening', hours([window('MONDAY', '1700', '0900')]), /must open before it closes/],
  [
    'three windows a day',
    hours([window('MONDAY', '0100', '0200'), window('MONDAY', '0300', '0400'), window('MONDAY', '0500', '0600')]),
    /at most 2 entries for MONDAY/,
  ],
  ['windows that overlap', hours([monday, window('MONDAY', '1659', '1800')]), /must not overlap on MONDAY/],
  ['21 holidays', hours([monday], holidays(21)), /holiday_schedule must have at most 20 entries/],
  [
    'a date that is none',
    hours([monday], { holiday_schedule: [{ date: '2026-02-30', start_time: '0000', end_time: '2359' }] }),
    /holiday_schedule\[0\]\.date must be a date/,
  ],
  [
    'a holiday that ends first',
    hours([monday], { holiday_schedule: [{ date: '2026-12-24', start_time: '1400', end_time: '1300' }] }),
    /holiday_schedule\[0\] must start before it ends/,
  ],
  ['voicemail without status', { voicemail: { triggers: ['REJECT'] } }, /voicemail\.status is required/],
  ['an unknown trigger', { voicemail: { ...voicemail, triggers: ['BUSY'] } }, /triggers\[0\] must be one of/],
  ['31 s of ringing', { voicemail: { ...voicemail, timeout_seconds: 31 } }, /timeout_seconds must be 0 to 30/],
  ['an announcement without id', { voicemail: { ...voicemail, audio: { default: {} } } }, /media_id is required/],
  ['voicemail with call hours', { voicemail, ...hours([monday]) }, /voicemail cannot be ENABLED while/],
];

for (const [what, calling, details] of REFUSED) {
  test(`settings are refused for ${what}`, async () => {
    await withGraph(async ({ sim, post }) => {
      const before = sim.state.number(NUMBER);
      assertRefused(await post(`${NUMBER}/settings`, { calling }), 400, 100, details);
      assert.deepEqual(sim.state.number(NUMBER), before, 'a refused write changes nothing');
    });
  });
}

test('a body that is no JSON, or has something else beside calling, is refused', async () => {
  await withGraph(async ({ post }) => {
    assertRefused(await post(`${NUMBER}/settings`, '{"calling":'), 400, 100, /not JSON/);
    assertRefused(await post(`${NUMBER}/settings`, {}), 400, 100, /^body\.calling is required$/);
    assertRefused(await post(`${NUMBER}/settings`, { calling: {}, storage: {} }), 400, 100, /^body\.storage is not/);
    assertRefused(await post(`${NUMBER}/settings`, [{ calling: {} }]), 400, 100, /^body must be an object$/);
  });
});

test('what is wrong in one field keeps the others from being written', async () => {
  await withGraph(async ({ sim, post }) => {
    const answer = await post(`${NUMBER}/settings`, { calling: { status: 'ENABLED', sip: { ...withServer, x: 1 } } });
    assertRefused(answer, 400, 100, /sip\.x is not a known field/);
    assert.equal(sim.state.number(NUMBER).calling.status, 'DISABLED');
  });
});
