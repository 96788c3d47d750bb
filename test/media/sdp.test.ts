import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MediaFailure } from '../../gateway/media/port.js';
import { PbxLeg } from '../../gateway/media/pbx-leg.js';
import { pbxForNode, planPbxOffer, readPbxAnswer, type PbxOffer } from '../../gateway/media/sdp/pbx.js';
import { answerForWhatsApp, whatsappForNode, readWhatsAppOffer } from '../../gateway/media/sdp/whatsapp.js';
import { DTLS_OFFER, KEY, SDES_OFFER, lines } from './offers.js';

const refused = (detail: RegExp) => (error: unknown) =>
  error instanceof MediaFailure && error.kind === 'sdp' && detail.test(error.message);

const shown = (stage: 'hold' | 'ice' | 'hello', ipv6 = false): string =>
  whatsappForNode(readWhatsAppOffer(DTLS_OFFER, 'dtls', ['opus']), { ipv6, id: '1', version: 1, stage });

test("Meta's DTLS offer is shown to rtpengine in stages, without its dead IPv6 candidate", () => {
  const hold = shown('hold');
  assert.doesNotMatch(hold, /a=candidate/);
  assert.match(hold, /a=setup:active/);
  const ice = shown('ice');
  assert.equal(ice.match(/a=candidate/g)?.length, 1);
  assert.match(ice, /a=candidate:1775469887 1 udp 2122260223 57\.144\.135\.35 3480 typ host/);
  assert.match(ice, /a=setup:active/);
  assert.match(shown('hello'), /a=setup:passive/);
  for (const sdp of [hold, ice]) assert.match(sdp, /m=audio 3480 UDP\/TLS\/RTP\/SAVPF 111 126\r\n/);
  // 10.5 reads ice-lite in the media section only, and begins in the wrong role without it.
  assert.ok(ice.indexOf('a=ice-lite') > ice.indexOf('m=audio'));
  assert.match(shown('ice', true), /2a03:2880/);
});

test('an SDES offer that names the DTLS profile is served as SDES and answered under its own name', () => {
  const sdp = SDES_OFFER.replace('RTP/SAVP', 'UDP/TLS/RTP/SAVPF');
  const offer = readWhatsAppOffer(sdp, 'sdes', ['opus']);
  assert.match(
    whatsappForNode(offer, { ipv6: false, id: '1', version: 1, stage: 'hold' }),
    /m=audio 3480 RTP\/SAVP 111 126/,
  );
  const node = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 30000 RTP/SAVP 111',
    'a=rtpmap:111 opus/48000/2',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
  );
  const answer = answerForWhatsApp(offer, node, {
    format: { codec: 'opus', payloadType: 111 },
    id: '1',
    advertised: '203.0.113.5',
  });
  assert.match(answer, /m=audio 30000 UDP\/TLS\/RTP\/SAVPF 111 126\r\n/);
  assert.match(answer, /c=IN IP4 203\.0\.113\.5\r\n/);
});

test('the answer to Meta has one codec, telephone-event/8000, ptime 20, rtcp-mux and one key', () => {
  const offer = readWhatsAppOffer(SDES_OFFER, 'sdes', ['opus']);
  const node = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 30000 RTP/SAVP 111 8',
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:8 PCMA/8000',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
    'a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:WEAK',
  );
  const answer = answerForWhatsApp(offer, node, {
    format: { codec: 'opus', payloadType: 111 },
    id: '1',
    advertised: undefined,
  });
  assert.deepEqual(answer.split('\r\n').slice(5), [
    'm=audio 30000 RTP/SAVP 111 126',
    'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1',
    'a=rtpmap:126 telephone-event/8000',
    'a=fmtp:126 0-16',
    'a=ptime:20',
    'a=sendrecv',
    'a=rtcp-mux',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
    '',
  ]);
});

test('the answer to a DTLS offer: we are the client, candidates carry the advertised address', () => {
  const offer = readWhatsAppOffer(DTLS_OFFER, 'dtls', ['opus']);
  const node = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 30000 UDP/TLS/RTP/SAVPF 111',
    'a=rtpmap:111 opus/48000/2',
    'a=setup:passive',
    'a=fingerprint:sha-256 AA:BB',
    'a=ice-ufrag:u',
    'a=ice-pwd:p',
    'a=candidate:x 1 UDP 2130706431 10.0.0.1 30000 typ host',
  );
  const answer = answerForWhatsApp(offer, node, {
    format: { codec: 'opus', payloadType: 111 },
    id: '1',
    advertised: '203.0.113.5',
  });
  assert.match(answer, /a=setup:active\r\na=candidate:x 1 UDP 2130706431 203\.0\.113\.5 30000 typ host\r\n$/);
  assert.match(answer, /a=mid:audio/);
  assert.doesNotMatch(answer, /crypto|BUNDLE/);
});

test('what rtpengine must not leave out of its answer is missed', () => {
  const offer = readWhatsAppOffer(SDES_OFFER, 'sdes', ['opus']);
  const node = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 30000 RTP/SAVP 126',
    'a=rtpmap:126 telephone-event/8000',
  );
  assert.throws(
    () =>
      answerForWhatsApp(offer, node, { format: { codec: 'opus', payloadType: 111 }, id: '1', advertised: undefined }),
    /rtpengine answered telephone-event\/8000 where opus/,
  );
});

test('offers that cannot be served are refused with what is missing', () => {
  const without = (sdp: string, line: RegExp): string =>
    sdp
      .split('\r\n')
      .filter((l) => !line.test(l))
      .join('\r\n');
  const cases: readonly (readonly [string, 'dtls' | 'sdes', RegExp])[] = [
    ['hello', 'dtls', /is not SDP: it has no line "v=0"/],
    ['', 'sdes', /is not SDP/],
    [DTLS_OFFER.replace('m=audio', 'm=video'), 'dtls', /has no m=audio line/],
    [DTLS_OFFER.replace('m=audio 3480', 'm=audio 0'), 'dtls', /refuses audio/],
    [without(DTLS_OFFER, /^c=/), 'dtls', /no c= line/],
    [without(DTLS_OFFER, /^a=fingerprint/), 'dtls', /no a=fingerprint$/],
    [SDES_OFFER, 'dtls', /no a=fingerprint but a=crypto: at Meta this number is set to SDES/],
    [DTLS_OFFER, 'sdes', /no a=crypto but a=fingerprint: at Meta this number is set to DTLS/],
    [DTLS_OFFER.replace('fingerprint:sha-256', 'fingerprint:sha-1'), 'dtls', /a=fingerprint:sha-1; only sha-256/],
    [without(DTLS_OFFER, /^a=ice-pwd/), 'dtls', /no a=ice-ufrag and a=ice-pwd/],
    [SDES_OFFER.replace('SHA1_80', 'SHA1_32'), 'sdes', /only the suites AES_CM_128_HMAC_SHA1_32; taken are AES_CM_128/],
    [
      SDES_OFFER.replace('opus/48000/2', 'AMR/8000'),
      'sdes',
      /has only AMR\/8000, telephone-event\/8000; this number allows opus/,
    ],
  ];
  for (const [sdp, keying, detail] of cases) {
    assert.throws(() => readWhatsAppOffer(sdp, keying, ['opus']), refused(detail), String(detail));
  }
});

test('the PBX is offered its codecs in its order, both event clocks beside Opus', () => {
  const node = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 30000 RTP/AVP 111 8 126',
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:126 telephone-event/8000',
  );
  const plan = planPbxOffer(node, ['PCMA', 'opus'], 'useinbandfec=1', 126);
  const sdp = offered(plan);
  assert.match(sdp, /m=audio 40000 RTP\/AVP 8 111 126 110\r\n/);
  assert.match(sdp, /a=rtpmap:126 telephone-event\/8000\r\na=fmtp:126 0-16\r\na=rtpmap:110 telephone-event\/48000/);
  assert.match(sdp, /a=rtcp:40000\r\n/);
  assert.match(offered(planPbxOffer(node, ['PCMA'], '', 126)), /m=audio 40000 RTP\/AVP 8 126\r\n/);
  // Where Meta takes no events, the PBX's become tones.
  assert.match(offered(planPbxOffer(node, ['PCMA'], '', undefined)), /m=audio 40000 RTP\/AVP 8 101\r\n/);
});

function offered(offer: PbxOffer): string {
  const relay = { port: 40_000, pbx: () => undefined };
  return new PbxLeg({ relay, address: '192.0.2.1', codecs: [], offer, id: '1' }).offer();
}

test("the PBX's answer: its codec, its event type and clock; refusals say what was found", () => {
  const plan = {
    formats: [{ codec: 'opus', payloadType: 111 }] as const,
    events: { at8000: 126, at48000: 110 },
    opus: '',
  };
  const answer = (media: string, ...rest: string[]): string =>
    lines('v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0', media, ...rest);
  const read = readPbxAnswer(
    answer('m=audio 5000 RTP/AVP 107 110', 'a=rtpmap:107 opus/48000/2', 'a=rtpmap:110 telephone-event/48000'),
    plan,
  );
  assert.deepEqual(read, {
    address: '192.0.2.9',
    port: 5000,
    protocol: 'RTP/AVP',
    direction: 'sendrecv',
    format: { codec: 'opus', payloadType: 107 },
    formats: [
      { codec: 'opus', payloadType: 107 },
      { codec: 'opus', payloadType: 111 },
    ],
    event: { payloadType: 110, khz: 48 },
    events: [110, 126, 110],
  });
  assert.throws(() => readPbxAnswer(answer('m=audio 0 RTP/AVP 111'), plan), refused(/the PBX's answer refuses audio/));
  assert.throws(
    () => readPbxAnswer(answer('m=audio 5000 RTP/AVP 8'), plan),
    refused(/has PCMA\/8000; offered were opus/),
  );
  assert.throws(
    () => readPbxAnswer(answer('m=audio 5000 RTP/SAVP 111', 'a=rtpmap:111 opus/48000/2'), plan),
    refused(/has RTP\/SAVP; plain RTP\/AVP is served/),
  );
  assert.throws(() => readPbxAnswer('', plan), refused(/the PBX's answer is not SDP/));
});

test('rtpengine sees the conditioner in place of the PBX, with RTCP on the same port', () => {
  const sdp = pbxForNode({ codec: 'PCMA', payloadType: 8 }, undefined, '1', '127.0.0.1', 40_000);
  assert.match(sdp, /c=IN IP4 127\.0\.0\.1\r\n/);
  assert.match(sdp, /m=audio 40000 RTP\/AVP 8\r\n/);
  assert.match(sdp, /a=rtcp:40000\r\n/);
});
