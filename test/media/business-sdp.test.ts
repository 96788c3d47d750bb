import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MediaFailure } from '../../gateway/media/port.js';
import { planBusinessOffer, readBusinessAnswer, writeBusinessOffer } from '../../gateway/media/sdp/business.js';
import { DTLS_OFFER, KEY, SDES_OFFER, lines } from './offers.js';

const head = ['v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 10.0.0.1', 't=0 0'];
const codecs = ['a=rtpmap:8 PCMA/8000', 'a=rtpmap:96 opus/48000/2'];
const NODE_SDES = lines(
  ...head,
  'm=audio 30000 RTP/SAVP 8 96',
  ...codecs,
  `a=crypto:1 AEAD_AES_256_GCM inline:${KEY}`,
  `a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
  `a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`,
  `a=crypto:12 NULL_HMAC_SHA1_80 inline:${KEY}`,
);
const NODE_DTLS = lines(
  ...head,
  'm=audio 30000 UDP/TLS/RTP/SAVPF 8 96',
  ...codecs,
  'a=setup:actpass',
  'a=fingerprint:sha-256 AA:BB',
  'a=ice-ufrag:u',
  'a=ice-pwd:p',
  'a=candidate:x 1 UDP 2130706431 10.0.0.1 30000 typ host',
);

test("the SDES offer: strong suites only, Meta's own first, Opus and the number's G.711, ptime and maxptime 20", () => {
  const offer = writeBusinessOffer(planBusinessOffer(NODE_SDES, 'sdes', ['opus'], 'PCMA'), '1', '203.0.113.5');
  assert.deepEqual(offer.split('\r\n').slice(3), [
    'c=IN IP4 203.0.113.5',
    't=0 0',
    'm=audio 30000 RTP/SAVP 96 126',
    'a=rtpmap:96 opus/48000/2',
    'a=fmtp:96 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;useinbandfec=1',
    'a=rtpmap:126 telephone-event/8000',
    'a=fmtp:126 0-16',
    'a=ptime:20',
    'a=sendrecv',
    'a=maxptime:20',
    'a=rtcp-mux',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
    `a=crypto:2 AEAD_AES_256_GCM inline:${KEY}`,
    '',
  ]);
  const wide = writeBusinessOffer(planBusinessOffer(NODE_SDES, 'sdes', ['opus', 'PCMA'], 'PCMA'), '1', undefined);
  assert.match(wide, /m=audio 30000 RTP\/SAVP 8 96 126\r\n/);
});

test('the DTLS offer: actpass, sha-256, ICE, no key, the advertised address in its candidate', () => {
  const offer = writeBusinessOffer(planBusinessOffer(NODE_DTLS, 'dtls', ['opus'], 'opus'), '1', '203.0.113.5');
  assert.match(offer, /m=audio 30000 UDP\/TLS\/RTP\/SAVPF 96 126\r\n/);
  assert.match(offer, /a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n/);
  assert.match(offer, /a=candidate:x 1 UDP 2130706431 203\.0\.113\.5 30000 typ host/);
  assert.doesNotMatch(offer, /crypto|ice-lite/);
});

test("an offer of rtpengine's that lacks something is not passed on", () => {
  const without = (sdp: string, line: RegExp): string =>
    sdp
      .split('\r\n')
      .filter((l) => !line.test(l))
      .join('\r\n');
  const cases: readonly (readonly [string, 'dtls' | 'sdes', RegExp])[] = [
    [without(NODE_DTLS, /fingerprint/), 'dtls', /lacks ICE or a sha-256 fingerprint/],
    [without(NODE_DTLS, /ice-pwd/), 'dtls', /lacks ICE/],
    [without(NODE_SDES, /AES_CM_128_HMAC_SHA1_80|GCM/), 'sdes', /lacks a=crypto/],
    [NODE_SDES.replace(/opus/g, 'AMR'), 'sdes', /lacks any of opus/],
  ];
  for (const [sdp, keying, detail] of cases) {
    assert.throws(
      () => planBusinessOffer(sdp, keying, ['opus'], 'PCMA'),
      (error) => error instanceof MediaFailure && error.kind === 'unavailable' && detail.test(error.message),
    );
  }
});

/** Meta's answers keep the numbers of the offer. */
const SDES = SDES_OFFER.replaceAll('111', '96');
const DTLS = DTLS_OFFER.replaceAll(/\b111\b/g, '96').replace('actpass', 'passive');

test("Meta's answer: its codec, its key under rtpengine's tag, its event; what rtpengine must not see is gone", () => {
  const { side, event } = readBusinessAnswer(SDES, planBusinessOffer(NODE_SDES, 'sdes', ['opus'], 'PCMA'));
  assert.deepEqual(side.formats, [{ codec: 'opus', payloadType: 96 }]);
  assert.equal(side.crypto?.tag, 4);
  assert.equal(event, 126);
  assert.deepEqual([side.facts.events, side.facts.mid], [{ at8000: 126 }, undefined]);
  const through = readBusinessAnswer(SDES, planBusinessOffer(NODE_SDES, 'sdes', ['opus'], 'opus'));
  assert.deepEqual([through.side.facts.events, through.event], [{}, 126]);
  const plan = planBusinessOffer(NODE_DTLS, 'dtls', ['opus'], 'PCMA');
  assert.equal(readBusinessAnswer(DTLS, plan).side.facts.setup, 'passive');
  const mute = DTLS.replace(' 126\r\n', '\r\n');
  assert.equal(readBusinessAnswer(mute, plan).event, undefined);
});

test('answers that do not fit the offer are refused with what is wrong', () => {
  const sdes = planBusinessOffer(NODE_SDES, 'sdes', ['opus'], 'PCMA');
  const dtls = planBusinessOffer(NODE_DTLS, 'dtls', ['opus'], 'PCMA');
  const cases: readonly (readonly [string, typeof sdes, RegExp])[] = [
    ['', sdes, /Meta's answer is not SDP/],
    [SDES.replace('m=audio 3480', 'm=audio 0'), sdes, /Meta's answer refuses audio/],
    [SDES.replace('RTP/SAVP 96', 'RTP/SAVP 8'), sdes, /has PCMA\/8000, telephone-event\/8000; offered were opus/],
    [SDES.replace('a=sendrecv', 'a=recvonly'), sdes, /has a=recvonly/],
    [
      SDES.replace('SHA1_80', 'SHA1_32'),
      sdes,
      /a=crypto 1 AES_CM_128_HMAC_SHA1_32; one of 1 AES_CM_128_HMAC_SHA1_80, 2/,
    ],
    [SDES.replace('crypto:1', 'crypto:2'), sdes, /a=crypto 2 AES_CM_128_HMAC_SHA1_80; one of/],
    [DTLS.replace('UDP/TLS/RTP/SAVPF', 'RTP/SAVP'), sdes, /no a=crypto but a=fingerprint/],
    [DTLS, sdes, /has UDP\/TLS\/RTP\/SAVPF, which was not offered/],
    [SDES, dtls, /has RTP\/SAVP, which was not offered/],
    [DTLS.replace('fingerprint:sha-256', 'fingerprint:sha-1'), dtls, /a=fingerprint:sha-1; only sha-256/],
    [DTLS.replace(/a=ice-pwd.*\r\n/, ''), dtls, /no a=ice-ufrag and a=ice-pwd/],
  ];
  for (const [answer, plan, detail] of cases) {
    assert.throws(
      () => readBusinessAnswer(answer, plan),
      (error) => error instanceof MediaFailure && error.kind === 'sdp' && detail.test(error.message),
      String(detail),
    );
  }
});
