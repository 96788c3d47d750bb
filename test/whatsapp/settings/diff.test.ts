import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetaCalling } from '../../../gateway/whatsapp/settings/index.js';
import { diffCalling } from '../../../gateway/whatsapp/settings/index.js';

const SERVER = { hostname: 'sip.example.com', port: 5061 };
const SIP = { status: 'ENABLED', servers: [SERVER] };
const MONDAY = { day_of_week: 'MONDAY', open_time: '0900', close_time: '1800' };
const TUESDAY = { day_of_week: 'TUESDAY', open_time: '0900', close_time: '1800' };
const HOURS = { status: 'ENABLED', timezone_id: 'UTC', weekly_operating_hours: [MONDAY], holiday_schedule: [] };
const XMAS = { date: '2026-12-25', start_time: '0000', end_time: '0000' };
const VOICEMAIL = { status: 'ENABLED', triggers: ['REJECT'], timeout_seconds: 10 };

const add = (path: string, after: unknown) => ({ kind: 'added', path, after });
const change = (path: string, before: unknown, after: unknown) => ({ kind: 'changed', path, before, after });
const remove = (path: string, before: unknown) => ({ kind: 'removed', path, before });

const ROWS: readonly (readonly [
  what: string,
  wanted: MetaCalling,
  current: MetaCalling,
  changes: readonly unknown[],
])[] = [
  ['nothing wanted, all there', {}, { status: 'ENABLED', sip: SIP, call_hours: HOURS, voicemail: VOICEMAIL }, []],
  ['status: never set and wanted', { status: 'ENABLED' }, {}, [add('status', 'ENABLED')]],
  ['status: never set is disabled', { status: 'DISABLED' }, {}, []],
  ['status: changed', { status: 'ENABLED' }, { status: 'DISABLED' }, [change('status', 'DISABLED', 'ENABLED')]],
  [
    'a value of Meta that nobody knows',
    { status: 'ENABLED' },
    { status: 'PAUSED' },
    [change('status', 'PAUSED', 'ENABLED')],
  ],
  ['keying: never set is DTLS', { srtp_key_exchange_protocol: 'DTLS' }, {}, []],
  [
    'keying: never set, SDES wanted',
    { srtp_key_exchange_protocol: 'SDES' },
    {},
    [add('srtp_key_exchange_protocol', 'SDES')],
  ],
  [
    'keying: reset',
    { srtp_key_exchange_protocol: 'SDES' },
    { srtp_key_exchange_protocol: 'DTLS' },
    [change('srtp_key_exchange_protocol', 'DTLS', 'SDES')],
  ],
  ['icon: never set is default', { call_icon_visibility: 'DEFAULT' }, {}, []],
  [
    'icon: changed',
    { call_icon_visibility: 'DISABLE_ALL' },
    { call_icon_visibility: 'DEFAULT' },
    [change('call_icon_visibility', 'DEFAULT', 'DISABLE_ALL')],
  ],
  ['countries: none wanted, none set', { call_icons: { restrict_to_user_countries: [] } }, {}, []],
  [
    'countries: set',
    { call_icons: { restrict_to_user_countries: ['BR'] } },
    {},
    [add('call_icons.restrict_to_user_countries', ['BR'])],
  ],
  [
    'countries: lifted',
    { call_icons: { restrict_to_user_countries: [] } },
    { call_icons: { restrict_to_user_countries: ['BR', 'US'] } },
    [change('call_icons.restrict_to_user_countries', ['BR', 'US'], [])],
  ],
  ['callback: never set is disabled', { callback_permission_status: 'DISABLED' }, {}, []],
  ['callback: wanted', { callback_permission_status: 'ENABLED' }, {}, [add('callback_permission_status', 'ENABLED')]],
  ['codecs: none wanted, none set', { audio: { additional_codecs: [] } }, {}, []],
  [
    'codecs: one more',
    { audio: { additional_codecs: ['PCMA', 'PCMU'] } },
    { audio: { additional_codecs: ['PCMA'] } },
    [change('audio.additional_codecs', ['PCMA'], ['PCMA', 'PCMU'])],
  ],
  ['codecs: not wanted to be anything', {}, { audio: { additional_codecs: ['PCMA'] } }, []],
  [
    'SIP: nothing there',
    { sip: SIP },
    {},
    [add('sip.status', 'ENABLED'), add('sip.servers[0].hostname', 'sip.example.com'), add('sip.servers[0].port', 5061)],
  ],
  [
    'SIP: disabled, its server kept',
    { sip: SIP },
    { sip: { status: 'DISABLED', servers: [SERVER] } },
    [change('sip.status', 'DISABLED', 'ENABLED')],
  ],
  [
    'SIP: disabled and wanted so, whatever server it has',
    { sip: { ...SIP, status: 'DISABLED' } },
    { sip: { status: 'DISABLED', servers: [] } },
    [],
  ],
  ['SIP: never set and wanted off', { sip: { ...SIP, status: 'DISABLED' } }, {}, []],
  [
    'SIP: to be switched off',
    { sip: { ...SIP, status: 'DISABLED' } },
    { sip: { status: 'ENABLED', servers: [{ hostname: 'other.example.com', port: 1 }] } },
    [change('sip.status', 'ENABLED', 'DISABLED')],
  ],
  [
    'SIP: another host and port',
    { sip: SIP },
    { sip: { status: 'ENABLED', servers: [{ hostname: 'old.example.com', port: 5071 }] } },
    [
      change('sip.servers[0].hostname', 'old.example.com', 'sip.example.com'),
      change('sip.servers[0].port', 5071, 5061),
    ],
  ],
  [
    'SIP: user parameters added, changed and removed',
    { sip: { ...SIP, servers: [{ ...SERVER, request_uri_user_params: { a: '1', b: '2' } }] } },
    { sip: { ...SIP, servers: [{ ...SERVER, request_uri_user_params: { b: '3', c: '4' } }] } },
    [
      add('sip.servers[0].request_uri_user_params.a', '1'),
      change('sip.servers[0].request_uri_user_params.b', '3', '2'),
      remove('sip.servers[0].request_uri_user_params.c', '4'),
    ],
  ],
  [
    'SIP: a second server of this app',
    { sip: SIP },
    { sip: { ...SIP, servers: [SERVER, { hostname: 'b.example.com', port: 5061 }] } },
    [remove('sip.servers[1].hostname', 'b.example.com'), remove('sip.servers[1].port', 5061)],
  ],
  ['SIP webhooks: not mentioned', { sip: SIP }, { sip: { ...SIP, webhook_delivery: 'ENABLED' } }, []],
  ['SIP webhooks: never set is off', { sip: { ...SIP, webhook_delivery: 'DISABLED' } }, { sip: SIP }, []],
  [
    'SIP webhooks: off',
    { sip: { ...SIP, webhook_delivery: 'DISABLED' } },
    { sip: { ...SIP, webhook_delivery: 'ENABLED' } },
    [change('sip.webhook_delivery', 'ENABLED', 'DISABLED')],
  ],
  [
    'hours: nothing there',
    { call_hours: { ...HOURS, holiday_schedule: [XMAS] } },
    {},
    [
      add('call_hours.status', 'ENABLED'),
      add('call_hours.timezone_id', 'UTC'),
      add('call_hours.weekly_operating_hours.MONDAY', ['0900-1800']),
      add('call_hours.holiday_schedule.2026-12-25', ['0000-0000']),
    ],
  ],
  [
    'hours: a day moved, a day gone, a holiday gone, another zone',
    { call_hours: { ...HOURS, timezone_id: 'America/Manaus' } },
    {
      call_hours: {
        ...HOURS,
        weekly_operating_hours: [{ ...MONDAY, close_time: '1700' }, TUESDAY],
        holiday_schedule: [XMAS],
      },
    },
    [
      change('call_hours.timezone_id', 'UTC', 'America/Manaus'),
      change('call_hours.weekly_operating_hours.MONDAY', ['0900-1700'], ['0900-1800']),
      remove('call_hours.weekly_operating_hours.TUESDAY', ['0900-1800']),
      remove('call_hours.holiday_schedule.2026-12-25', ['0000-0000']),
    ],
  ],
  [
    'hours: the windows of a day in another order',
    {
      call_hours: { ...HOURS, weekly_operating_hours: [MONDAY, { ...MONDAY, open_time: '1900', close_time: '2000' }] },
    },
    {
      call_hours: { ...HOURS, weekly_operating_hours: [{ ...MONDAY, open_time: '1900', close_time: '2000' }, MONDAY] },
    },
    [],
  ],
  [
    'hours: off, and wanted so',
    { call_hours: { ...HOURS, status: 'DISABLED' } },
    { call_hours: { status: 'DISABLED' } },
    [],
  ],
  [
    'hours: to be switched off',
    { call_hours: { ...HOURS, status: 'DISABLED' } },
    { call_hours: { ...HOURS, weekly_operating_hours: [TUESDAY] } },
    [change('call_hours.status', 'ENABLED', 'DISABLED')],
  ],
  [
    'voicemail: nothing there',
    { voicemail: VOICEMAIL },
    {},
    [add('voicemail.status', 'ENABLED'), add('voicemail.triggers', ['REJECT']), add('voicemail.timeout_seconds', 10)],
  ],
  [
    'voicemail: other triggers, an announcement',
    { voicemail: { ...VOICEMAIL, audio: { default: { announcement_media_id: '7' } } } },
    { voicemail: { ...VOICEMAIL, triggers: ['REJECT', 'TIMEOUT'] } },
    [
      change('voicemail.triggers', ['REJECT', 'TIMEOUT'], ['REJECT']),
      add('voicemail.audio.default.announcement_media_id', '7'),
    ],
  ],
  [
    'voicemail: what is not mentioned stays',
    { voicemail: { status: 'ENABLED', triggers: ['REJECT'] } },
    { voicemail: { ...VOICEMAIL, audio: { default: { announcement_media_id: '7' } } } },
    [],
  ],
  ['voicemail: off and wanted so', { voicemail: { ...VOICEMAIL, status: 'DISABLED' } }, {}, []],
];

for (const [what, wanted, current, changes] of ROWS) {
  test(what, () => assert.deepEqual(diffCalling(wanted, current), changes));
}
