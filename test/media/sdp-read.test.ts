import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAudio } from '../../gateway/media/sdp/read.js';
import { DTLS_OFFER, KEY, SDES_OFFER, lines } from './offers.js';

const HEAD = ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 't=0 0'];
const read = (...text: string[]): ReturnType<typeof readAudio> => readAudio(lines(...HEAD, ...text), 'it');

test("everything that media needs of Meta's offers", () => {
  const dtls = readAudio(DTLS_OFFER, 'it');
  assert.equal(dtls.address, '57.144.135.35');
  assert.equal(dtls.port, 3480);
  assert.equal(dtls.protocol, 'UDP/TLS/RTP/SAVPF');
  assert.equal(dtls.direction, 'sendrecv');
  assert.equal(dtls.mid, 'audio');
  assert.equal(dtls.setup, 'actpass');
  assert.equal(dtls.rtcpMux, true);
  assert.deepEqual(dtls.formats, [{ codec: 'opus', payloadType: 111 }]);
  assert.deepEqual(dtls.events, { at8000: 126 });
  assert.match(dtls.fmtp.get(111) ?? '', /^maxaveragebitrate=20000;.*;useinbandfec=1$/);
  assert.equal(dtls.fingerprint?.hash, 'sha-256');
  assert.equal(dtls.fingerprint.value.length, 32 * 3 - 1);
  assert.deepEqual(dtls.cryptos, []);
  assert.deepEqual(dtls.ice, {
    ufrag: 'Wm3h',
    password: 'lUr2Qf7vVw0kqLxJ5yZ3nT8b',
    candidates: ['57.144.135.35', '2a03:2880:f343:131:face:b00c:0:699c'].map((address, i) => ({
      foundation: ['1775469887', '3355715111'][i],
      component: 1,
      transport: 'udp',
      priority: [2122260223, 2122262783][i],
      address,
      port: 3480,
      type: 'host',
    })),
  });
  const sdes = readAudio(SDES_OFFER, 'it');
  assert.deepEqual(sdes.cryptos, [{ tag: 1, suite: 'AES_CM_128_HMAC_SHA1_80', keys: `inline:${KEY}` }]);
  assert.equal(sdes.ice, undefined);
  assert.equal(sdes.fingerprint, undefined);
});

test('lines may end in LF or CR alone', () => {
  const expected = readAudio(DTLS_OFFER, 'it');
  assert.deepEqual(readAudio(DTLS_OFFER.replaceAll('\r\n', '\n'), 'it'), expected);
  assert.deepEqual(readAudio(DTLS_OFFER.replaceAll('\r\n', '\r'), 'it'), expected);
});

test('what stands in the session holds for the section, unless it has its own', () => {
  const session = ['c=IN IP4 192.0.2.1', 'a=setup:active', 'a=fingerprint:sha-256 AA', 'a=recvonly'];
  const own = ['c=IN IP6 2001:db8::1', 'a=setup:passive', 'a=fingerprint:sha-1 BB', 'a=inactive'];
  const inherited = read(...session, 'm=audio 4000 RTP/AVP 8');
  assert.equal(inherited.address, '192.0.2.1');
  assert.equal(inherited.setup, 'active');
  assert.deepEqual(inherited.fingerprint, { hash: 'sha-256', value: 'AA' });
  assert.equal(inherited.direction, 'recvonly');
  const overridden = read(...session, 'm=audio 4000 RTP/AVP 8', ...own);
  assert.equal(overridden.address, '2001:db8::1');
  assert.equal(overridden.setup, 'passive');
  assert.deepEqual(overridden.fingerprint, { hash: 'sha-1', value: 'BB' });
  assert.equal(overridden.direction, 'inactive');
});

test('the first audio section with a port is read, and no line of another', () => {
  const facts = read(
    'm=video 4002 RTP/AVP 96',
    'c=IN IP4 192.0.2.2',
    'a=rtpmap:96 VP8/90000',
    'a=rtcp-mux',
    'm=audio 0 RTP/AVP 0',
    'a=mid:refused',
    'm=audio 4000/2 RTP/AVP 8 0 9 101 102',
    'c=IN IP4 192.0.2.1/127',
    'a=rtpmap:9 G722/8000',
    'a=rtpmap:101 Telephone-Event/8000',
    'm=audio 4004 RTP/AVP 0',
    'a=sendonly',
  );
  assert.equal(facts.address, '192.0.2.1');
  assert.equal(facts.port, 4000);
  assert.equal(facts.mid, undefined);
  assert.equal(facts.rtcpMux, false);
  assert.equal(facts.direction, 'sendrecv');
  assert.deepEqual(facts.formats, [
    { codec: 'PCMA', payloadType: 8 },
    { codec: 'PCMU', payloadType: 0 },
  ]);
  assert.deepEqual(facts.events, { at8000: 101 });
  assert.deepEqual(facts.names.slice(2), ['G722/8000', 'Telephone-Event/8000', 'payload type 102 without a=rtpmap']);
});

test('malformed lines are as if they were not there', () => {
  const facts = read(
    'nonsense',
    'c=IN IP4 192.0.2.1',
    'm=audio 4000 RTP/AVP 8 x -1 99999',
    'a=rtpmap:8',
    'a=fmtp:',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80',
    'a=ice-ufrag:u',
    'a=ice-pwd:p',
    'a=candidate:1 1 udp',
    'a=candidate:1 1 udp 1 192.0.2.1 4000 host',
    'a=fingerprint:sha-256',
    'a=',
  );
  assert.deepEqual(facts.names, ['PCMA/8000']);
  assert.deepEqual(facts.cryptos, []);
  assert.deepEqual(facts.ice?.candidates, []);
  assert.equal(facts.fingerprint, undefined);
  for (const media of ['m=audio', 'm=audio x RTP/AVP 8', 'm=audio 4000', 'm=application 4000 RTP/AVP 8']) {
    assert.throws(() => read('c=IN IP4 192.0.2.1', media), /it has no m=audio line/, media);
  }
  for (const connection of ['c=', 'c=IN IP4', 'c=IN IP4 ']) {
    assert.throws(() => read(connection, 'm=audio 4000 RTP/AVP 8'), /it has no c= line/, connection);
  }
});
