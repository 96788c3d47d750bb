import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings, wantedCalling } from '../../../gateway/whatsapp/settings/index.js';
import { diffCalling } from '../../../gateway/whatsapp/settings/diff.js';
import { FULL } from './wanted-full.js';

test('what is not mentioned is not wanted; keying always is', () => {
  assert.deepEqual(wantedCalling({ keying: 'dtls' }), { srtp_key_exchange_protocol: 'DTLS' });
  assert.deepEqual(wantedCalling({ keying: 'sdes', status: 'disabled' }), {
    status: 'DISABLED',
    srtp_key_exchange_protocol: 'SDES',
  });
});

test("the configuration in Meta's names, lists in one order", () => {
  assert.deepEqual(wantedCalling(FULL), {
    status: 'ENABLED',
    sip: {
      status: 'ENABLED',
      servers: [{ hostname: 'sip.example.com', port: 5061, request_uri_user_params: { tgrp: 'wacall' } }],
      webhook_delivery: 'ENABLED',
    },
    call_icon_visibility: 'DISABLE_ALL',
    call_icons: { restrict_to_user_countries: ['BR', 'US'] },
    call_hours: {
      status: 'ENABLED',
      timezone_id: 'America/Manaus',
      weekly_operating_hours: [
        { day_of_week: 'MONDAY', open_time: '0900', close_time: '1230' },
        { day_of_week: 'MONDAY', open_time: '1400', close_time: '2359' },
        { day_of_week: 'SUNDAY', open_time: '0000', close_time: '0130' },
      ],
      holiday_schedule: [
        { date: '2026-12-24', start_time: '0900', end_time: '1200' },
        { date: '2026-12-25', start_time: '0000', end_time: '0000' },
      ],
    },
    callback_permission_status: 'ENABLED',
    voicemail: {
      status: 'DISABLED',
      triggers: ['REJECT', 'TIMEOUT'],
      audio: { default: { announcement_media_id: '77' } },
      timeout_seconds: 20,
    },
    audio: { additional_codecs: ['PCMA', 'PCMU'] },
    srtp_key_exchange_protocol: 'SDES',
  });
});

test('user parameters that are empty are none; a codec list may be empty', () => {
  const sip = { status: 'enabled', hostname: 'a.example', port: 5061, requestUriUserParams: {} } as const;
  const wanted = wantedCalling({ sip, additionalCodecs: [], keying: 'dtls' });
  assert.deepEqual(wanted.sip?.servers, [{ hostname: 'a.example', port: 5061 }]);
  assert.deepEqual(wanted.audio, { additional_codecs: [] });
});

test('what Meta gives back after it was written is no difference', () => {
  const wanted = wantedCalling(FULL);
  assert.deepEqual(diffCalling(wanted, readSettings({ calling: wanted }, 'app').calling), []);
});
