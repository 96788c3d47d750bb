import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../../../gateway/whatsapp/settings/index.js';

const APP = '670843887433847';

test('nothing set, in whatever way Meta says so', () => {
  for (const reply of [{}, { calling: {} }, { calling: null }, { calling: [] }]) {
    assert.deepEqual(readSettings(reply, APP), {
      calling: {},
      foreignServers: [],
      restrictions: [],
    });
  }
});

test('statuses in lower case or as booleans, ports and times as text or numbers', () => {
  const { calling } = readSettings(
    {
      calling: {
        status: 'enabled',
        sip: { status: true, servers: [{ hostname: 'SIP.Example.com', port: '5061', request_uri_user_params: [] }] },
        call_hours: {
          status: 'Enabled',
          timezone: 'UTC',
          weekly_operating_hours: [
            { day_of_week: 'Monday', open_time: '9:00', close_time: '17:30:00' },
            { day_of_week: 'TUESDAY', open_time: 0, close_time: 930 },
          ],
        },
        srtp_key_exchange_protocol: 'sdes',
        additional_codecs: ['pcmu', 'PCMA'],
      },
    },
    APP,
  );
  assert.deepEqual(calling, {
    status: 'ENABLED',
    sip: { status: 'ENABLED', servers: [{ hostname: 'sip.example.com', port: 5061 }] },
    call_hours: {
      status: 'ENABLED',
      timezone_id: 'UTC',
      weekly_operating_hours: [
        { day_of_week: 'MONDAY', open_time: '0900', close_time: '1730' },
        { day_of_week: 'TUESDAY', open_time: '0000', close_time: '0930' },
      ],
      holiday_schedule: [],
    },
    srtp_key_exchange_protocol: 'SDES',
    audio: { additional_codecs: ['PCMA', 'PCMU'] },
  });
});

const SERVERS = [
  { hostname: 'other.example.com', port: 5061, app_id: 111 },
  { hostname: 'sip.example.com', port: 5062, app_id: APP, sip_user_password: 'pw' },
];

test('servers of several apps: the own one is told apart by app_id, as text or number', () => {
  for (const app_id of [APP, Number(APP)]) {
    const servers = [SERVERS[0], { ...SERVERS[1], app_id }];
    const current = readSettings({ calling: { sip: { status: 'ENABLED', servers } } }, APP);
    assert.deepEqual(current.calling.sip?.servers, [{ hostname: 'sip.example.com', port: 5062 }]);
    assert.deepEqual(current.foreignServers, [{ hostname: 'other.example.com', port: 5061 }]);
    assert.equal(current.sipPassword, 'pw');
  }
});

test('servers: without an app_id it is the own one; when the own app is not known, the first', () => {
  const [server] =
    readSettings({ calling: { sip: { servers: [{ hostname: 'a.example' }] } } }, APP).calling.sip?.servers ?? [];
  assert.deepEqual(server, { hostname: 'a.example', port: 5061 });
  const current = readSettings({ calling: { sip: { servers: SERVERS } } }, undefined);
  assert.equal(current.calling.sip?.servers?.[0]?.hostname, 'other.example.com');
  assert.equal(current.foreignServers.length, 1);
});

test('restrictions with their end', () => {
  const restrictions_list = [
    { type: 'RESTRICTED_USER_INITIATED_CALLING', reason: 'feedback', expiration: 1_790_000_000 },
    { reason: 'no type' },
  ];
  assert.deepEqual(readSettings({ calling: { restrictions: { restrictions_list } } }, APP).restrictions, [
    { type: 'RESTRICTED_USER_INITIATED_CALLING', reason: 'feedback', expiresAtMs: 1_790_000_000_000 },
  ]);
});

test('garbage in any place is no exception', () => {
  const garbage = [null, 1, 'x', [], [null], {}, { servers: 1 }, { servers: [null, { hostname: 5 }] }];
  for (const key of ['status', 'sip', 'call_hours', 'call_icons', 'audio', 'voicemail', 'restrictions']) {
    for (const value of garbage) assert.doesNotThrow(() => readSettings({ calling: { [key]: value } }, APP));
  }
});
