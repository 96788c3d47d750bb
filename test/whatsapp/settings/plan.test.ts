import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffCalling, planWrites, wantedCalling } from '../../../gateway/whatsapp/settings/index.js';
import type { MetaCalling } from '../../../gateway/whatsapp/settings/index.js';
import { FULL } from './wanted-full.js';

function plan(wanted: MetaCalling, current: MetaCalling): readonly (readonly [step: string, calling: unknown])[] {
  const changes = diffCalling(wanted, current);
  const writes = planWrites(wanted, current, changes);
  assert.equal(writes.flatMap((write) => write.changes).length, changes.length);
  return writes.map(({ step, body }) => [step, body.calling]);
}

const WANTED = wantedCalling(FULL);
const SERVER = { hostname: 'sip.example.com', port: 5061 };

test('an empty number: SIP, calling, everything else, and keying last and alone', () => {
  const { status, sip, srtp_key_exchange_protocol, voicemail: _, ...rest } = WANTED;
  assert.deepEqual(plan(WANTED, {}), [
    ['sip', { sip }],
    ['enable', { status }],
    ['settings', rest],
    ['keying', { srtp_key_exchange_protocol }],
  ]);
});

test('no difference, no write', () => {
  assert.deepEqual(plan(WANTED, { ...WANTED, voicemail: {} }), []);
});

test('switching off: calling first, then SIP, which keeps its server', () => {
  const sip = { status: 'DISABLED', servers: [SERVER] };
  assert.deepEqual(
    plan({ status: 'DISABLED', sip }, { status: 'ENABLED', sip: { status: 'ENABLED', servers: [SERVER] } }),
    [
      ['disable', { status: 'DISABLED' }],
      ['sip', { sip: { status: 'DISABLED' } }],
    ],
  );
});

test('keying alone', () => {
  assert.deepEqual(plan(WANTED, { ...WANTED, srtp_key_exchange_protocol: 'DTLS' }), [
    ['keying', { srtp_key_exchange_protocol: 'SDES' }],
  ]);
});

test('a write of SIP carries what YAML does not mention as it is', () => {
  const wanted = { sip: { status: 'ENABLED', servers: [SERVER] } };
  const current = { sip: { status: 'ENABLED', servers: [{ ...SERVER, port: 1 }], webhook_delivery: 'ENABLED' } };
  assert.deepEqual(plan(wanted, current), [
    ['sip', { sip: { status: 'ENABLED', servers: [SERVER], webhook_delivery: 'ENABLED' } }],
  ]);
});

test('a write of voicemail carries what YAML does not mention as it is', () => {
  const audio = { default: { announcement_media_id: '7' } };
  const wanted = { voicemail: { status: 'ENABLED', triggers: ['REJECT'] } };
  assert.deepEqual(plan(wanted, { voicemail: { status: 'DISABLED', audio, timeout_seconds: 12 } }), [
    ['settings', { voicemail: { status: 'ENABLED', triggers: ['REJECT'], audio, timeout_seconds: 12 } }],
  ]);
});

test('of the rest only what differs is sent', () => {
  assert.deepEqual(plan(WANTED, { ...WANTED, callback_permission_status: 'DISABLED' }), [
    ['settings', { callback_permission_status: 'ENABLED' }],
  ]);
});

test('codecs and voicemail are told apart although both have audio', () => {
  assert.deepEqual(plan(WANTED, { ...WANTED, audio: { additional_codecs: [] } }), [
    ['settings', { audio: { additional_codecs: ['PCMA', 'PCMU'] } }],
  ]);
});
