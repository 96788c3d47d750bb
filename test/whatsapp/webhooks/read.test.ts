import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebhookEvent } from '../../../gateway/whatsapp/webhooks/events.js';
import { isBefore, keyOf, momentOf, subjectOf } from '../../../gateway/whatsapp/webhooks/identity.js';
import { readWebhook } from '../../../gateway/whatsapp/webhooks/read.js';
import {
  account,
  AT,
  callCreated,
  message,
  NUMBER_ID,
  payload,
  reply,
  settings,
  terminate,
  voicemail,
} from './payloads.js';
import type { Change } from './payloads.js';

const NOW = (AT + 100) * 1000;
const NUMBER = { accountId: '366634483210360', numberId: NUMBER_ID, number: '+15551234567', dated: true };

function one(change: Change): ReturnType<typeof readWebhook>[number] {
  const events = readWebhook(payload(change), NOW);
  assert.equal(events.length, 1);
  const [event] = events;
  assert.ok(event);
  return event;
}

function said(change: Change): Record<string, unknown> {
  const { raw, ...event } = one(change);
  assert.ok(raw !== undefined);
  return event;
}

function known(change: Change): WebhookEvent {
  const event = one(change);
  assert.ok(event.kind !== 'unknown');
  return event;
}

test('calls: created and terminated, with times, duration and errors', () => {
  const call = { ...NUMBER, wacid: 'wacid.1', user: '+447700900123', direction: 'user-initiated' };
  assert.deepEqual(said(callCreated('wacid.1')), { kind: 'call-created', ...call, atMs: AT * 1000 });
  const over = { kind: 'call-terminated', ...call, atMs: (AT + 60) * 1000 };
  const times = { startedAtMs: AT * 1000, endedAtMs: (AT + 60) * 1000, durationMs: 60_000 };
  assert.deepEqual(said(terminate('wacid.1')), { ...over, status: 'completed', ...times, errors: [] });
  const unanswered = { start_time: undefined, end_time: null, duration: '', status: ['FAILED'] };
  const errors = { errors: [{ code: 138021, message: 'no media', error_data: { details: '20 s' } }] };
  const failed = { ...over, status: 'failed', errors: [{ code: 138021, text: 'no media: 20 s' }] };
  assert.deepEqual(said(terminate('wacid.1', unanswered, errors)), failed);
  assert.deepEqual(said(terminate('wacid.1', { ...unanswered, ...errors })), failed);
});

test('the other party of a call: by direction, by the number where Meta tells none, a BSUID without a phone number', () => {
  const outgoing = { direction: 'BUSINESS_INITIATED', from: '+1 555 123-4567', to: '447700900123' };
  assert.deepEqual(pick(callCreated('w', outgoing)), ['business-initiated', '+447700900123']);
  assert.deepEqual(pick(callCreated('w', { ...outgoing, direction: undefined })), [
    'business-initiated',
    '+447700900123',
  ]);
  assert.deepEqual(pick(callCreated('w', { direction: undefined })), ['user-initiated', '+447700900123']);
  assert.deepEqual(pick(callCreated('w', { from: undefined, from_user_id: 'GB.13' })), ['user-initiated', 'GB.13']);
  assert.deepEqual(pick(callCreated('w', { from: 'GB.13' })), ['user-initiated', 'GB.13']);
});

function pick(change: Change): unknown[] {
  const event = one(change);
  assert.ok(event.kind === 'call-created');
  return [event.direction, event.user];
}

test('permission replies: all spellings and sources', () => {
  const accepted = {
    ...{ kind: 'permission-reply', ...NUMBER, user: '+447700900123', messageId: 'wamid.1', response: 'accept' },
    ...{ atMs: AT * 1000, permanent: false, expiresAtMs: (AT + 604_800) * 1000, source: 'user' },
    contextId: 'wamid.request',
  };
  assert.deepEqual(said(reply('wamid.1')), accepted);
  const spelled = { expiration_timestamp: undefined, expiration_time: String(AT + 604_800) };
  assert.deepEqual(said(reply('wamid.1', spelled)), accepted);
  const permanent = said(reply('wamid.1', { is_permanent: true, expiration_timestamp: 0 }));
  assert.deepEqual([permanent.permanent, permanent.expiresAtMs], [true, undefined]);
  const rejected = said(reply('wamid.1', { response: 'REJECT', response_source: 'automatic' }));
  assert.deepEqual([rejected.response, rejected.source], ['reject', 'automatic']);
  assert.equal(said(reply('wamid.1', {}, { from: undefined, from_user_id: 'GB.9' })).user, 'GB.9');
  assert.equal(said(reply('wamid.1', {}, { from: undefined })).user, '+447700900123', 'from contacts');
  assert.equal(one(reply('wamid.1', { response: 'maybe' })).kind, 'unknown');
});

test('voicemail is audio with the id of a call; other messages are none of ours', () => {
  assert.deepEqual(said(voicemail('wacid.7')), {
    ...{ kind: 'voicemail', ...NUMBER, wacid: 'wacid.7', user: '+447700900123', atMs: AT * 1000 },
    ...{ mediaId: '1002764438271669', mimeType: 'audio/ogg; codecs=opus', sha256: 'Y9vv=' },
  });
  assert.equal(one(voicemail('wamid.7')).kind, 'unknown');
  assert.equal(
    one(message({ from: '447700900123', id: 'wamid.2', type: 'text', text: { body: 'hi' } })).kind,
    'unknown',
  );
});

test('settings and account changes; no password goes on into the store', () => {
  const calling = { status: 'ENABLED', sip: { servers: [{ hostname: 'sip.example.com', sip_user_password: 'pw' }] } };
  const changed = one(settings(calling));
  assert.ok(changed.kind === 'settings-changed');
  assert.deepEqual(changed.calling, { status: 'ENABLED', sip: { servers: [{ hostname: 'sip.example.com' }] } });
  assert.doesNotMatch(JSON.stringify(changed), /pw/);
  assert.equal(said(settings(null)).calling, undefined);
  assert.deepEqual(said(account({ violation_info: { violation_type: 'LOW_CALLING_QUALITY' } })), {
    ...{ kind: 'account-changed', accountId: '366634483210360', atMs: NOW, dated: false, event: 'ACCOUNT_VIOLATION' },
    ...{ number: '+15551234567', violation: 'LOW_CALLING_QUALITY', restrictions: [] },
  });
  const restriction_info = [{ restriction_type: 'RESTRICTED_USER_INITIATED_CALLING', expiration: AT }, { x: 1 }];
  assert.deepEqual(said(account({ event: 'ACCOUNT_RESTRICTION', restriction_info })).restrictions, [
    { type: 'RESTRICTED_USER_INITIATED_CALLING', expiresAtMs: AT * 1000 },
  ]);
});

test('several entries and changes, known and unknown, in one payload; unknown fields are kept', () => {
  const body = {
    object: 'whatsapp_business_account',
    entry: [
      { id: '1', time: AT, changes: [callCreated('a'), { field: 'flows', value: { x: 1 } }] },
      { id: 2, changes: [terminate('b', { new_field: { deep: [1] } })] },
      { id: '3' },
      null,
    ],
  };
  const events = readWebhook(body, NOW);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['call-created', 'unknown', 'call-terminated'],
  );
  const [, strange, over] = events;
  assert.deepEqual(strange, { kind: 'unknown', field: 'flows', raw: { x: 1 } });
  assert.ok(over?.kind === 'call-terminated');
  assert.deepEqual([over.accountId, over.raw.new_field], ['2', { deep: [1] }]);
});

test('whatever comes, nothing throws', () => {
  const values = [
    null,
    undefined,
    0,
    'x',
    [],
    {},
    [null],
    { calls: [null, 5, {}] },
    { messages: [{ interactive: 1 }] },
  ];
  const names = ['calls', 'messages', 'account_settings_update', 'account_update', 'x', 5, null];
  for (const value of values) {
    assert.deepEqual(readWebhook(value, NOW), []);
    assert.deepEqual(readWebhook({ entry: [{ changes: value }] }, NOW).length <= 1, true);
    for (const field of names) {
      for (const event of readWebhook({ entry: [{ changes: [{ field, value }] }] }, NOW))
        assert.equal(event.kind, 'unknown', `${String(field)} ${JSON.stringify(value)}`);
    }
  }
  const faulty = one(callCreated('', {}));
  assert.ok(faulty.kind === 'unknown' && faulty.fault?.includes('without call'));
});

test('times in seconds, as text or number, or milliseconds', () => {
  for (const timestamp of [AT, String(AT), AT * 1000, String(AT * 1000)])
    assert.equal(said(callCreated('a', { timestamp })).atMs, AT * 1000);
  assert.deepEqual(
    [said(callCreated('a', { timestamp: 'soon' })).atMs, said(callCreated('a', { timestamp: -1 })).dated],
    [NOW, false],
  );
});

test('the same event has the same key, however it is written and whenever it is read', () => {
  const twice = (change: Change): void => {
    const again = JSON.parse(JSON.stringify(change)) as Change;
    assert.equal(keyOf(known(change)), keyOf(known(again)));
  };
  for (const change of [callCreated('a'), terminate('a'), reply('m'), voicemail('wacid.a'), settings({ status: 'X' })])
    twice(change);
  const [early] = readWebhook(payload(account({})), NOW);
  const [late] = readWebhook(payload(account({})), NOW + 5000);
  assert.ok(early?.kind === 'account-changed' && late?.kind === 'account-changed');
  assert.equal(keyOf(early), keyOf(late), 'without a time of its own');
  const reordered = { field: 'account_update', value: { event: 'ACCOUNT_VIOLATION', phone_number: '15551234567' } };
  assert.equal(keyOf(known(account({}))), keyOf(known(reordered)));
  const all = [callCreated('a'), callCreated('b'), terminate('a'), terminate('a', { status: 'FAILED' }), reply('m')];
  const more = [reply('n'), voicemail('wacid.a'), settings({ status: 'X' }), settings({ status: 'Y' }), account({})];
  const keys = [...all, ...more].map((change) => keyOf(known(change)));
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.every((key) => /^[0-9a-f]{64}$/.test(key)));
});

test('of a call that begins and ends in one second the end is later; a clock far ahead counts as five minutes', () => {
  const created = known(callCreated('a', { timestamp: AT }));
  const over = known(terminate('a', { timestamp: AT }));
  assert.equal(subjectOf(created), subjectOf(over));
  assert.notEqual(subjectOf(created), subjectOf(known(callCreated('b'))));
  assert.ok(isBefore(momentOf(created, NOW), momentOf(over, NOW)));
  assert.ok(!isBefore(momentOf(over, NOW), momentOf(created, NOW)));
  assert.ok(!isBefore(momentOf(over, NOW), momentOf(over, NOW)));
  const ahead = known(callCreated('a', { timestamp: AT + 1_000_000 }));
  assert.equal(momentOf(ahead, NOW).atMs, NOW + 300_000);
});

test('warnings and restrictions of an account hide no others', () => {
  const subjects = [
    account({ violation_info: { violation_type: 'LOW_USER_INITIATED_CALLING_QUALITY' } }),
    account({ violation_info: { violation_type: 'LOW_BUSINESS_INITIATED_CALLING_QUALITY' } }),
    account({ event: 'ACCOUNT_RESTRICTION', restriction_info: [{ restriction_type: 'A' }] }),
    account({ event: 'ACCOUNT_RESTRICTION', restriction_info: [{ restriction_type: 'B' }] }),
    account({ phone_number: '15550000000' }),
  ].map((change) => subjectOf(known(change)));
  assert.equal(new Set(subjects).size, subjects.length);
  assert.ok(
    subjects.every((subject) => /^[0-9a-f]{64}$/.test(subject)),
    'no number in what is kept',
  );
});
