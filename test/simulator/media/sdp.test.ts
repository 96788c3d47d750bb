import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RuleId } from '../../../simulator/rules.js';
import { checkSdp, commonCodecs, readSdp, telephoneEventOf } from '../../../simulator/media/sdp-read.js';

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');
const KEY = Buffer.alloc(30, 7).toString('base64');

const dtls = (change: (sdp: string) => string = (sdp) => sdp): string =>
  change(
    [
      'v=0',
      'o=- 1 1 IN IP4 192.0.2.9',
      's=-',
      'c=IN IP4 192.0.2.9',
      't=0 0',
      'm=audio 30000 UDP/TLS/RTP/SAVPF 111 126',
      'a=rtpmap:111 opus/48000/2',
      'a=rtpmap:126 telephone-event/8000',
      'a=ptime:20',
      'a=setup:active',
      'a=ice-ufrag:u',
      'a=ice-pwd:p',
      `a=fingerprint:sha-256 ${FINGERPRINT}`,
      '',
    ].join('\r\n'),
  );

const sdes = (change: (sdp: string) => string = (sdp) => sdp): string =>
  change(
    dtls((sdp) =>
      sdp
        .replace('UDP/TLS/RTP/SAVPF', 'RTP/SAVP')
        .replace(/a=(setup|ice-ufrag|ice-pwd|fingerprint):.*\r\n/g, '')
        .concat(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}\r\n`),
    ),
  );

const faultsOf = (sdp: string, keying: 'dtls' | 'sdes', role: 'offer' | 'answer' = 'answer'): RuleId[] =>
  checkSdp(readSdp(sdp), role, { keying, codecs: ['opus'], telephoneEvent: true }).map((fault) => fault.rule);

describe('SDP rules', () => {
  test('good answers have no fault', () => {
    assert.deepEqual(faultsOf(dtls(), 'dtls'), []);
    assert.deepEqual(faultsOf(sdes(), 'sdes'), []);
  });

  const bad: [name: string, sdp: string, keying: 'dtls' | 'sdes', rules: RuleId[]][] = [
    ['sha-1 fingerprint', dtls((s) => s.replace('sha-256', 'sha-1')), 'dtls', ['fingerprint']],
    ['no fingerprint', dtls((s) => s.replace(/a=fingerprint.*\r\n/, '')), 'dtls', ['fingerprint']],
    ['passive', dtls((s) => s.replace('active', 'passive')), 'dtls', ['dtls-role']],
    ['actpass in an answer', dtls((s) => s.replace('active', 'actpass')), 'dtls', ['dtls-role']],
    ['no ICE', dtls((s) => s.replace(/a=ice-.*\r\n/g, '')), 'dtls', ['ice']],
    ['ptime 40', dtls((s) => s.replace('ptime:20', 'ptime:40')), 'dtls', ['ptime']],
    ['event at 48 kHz', dtls((s) => s.replace('event/8000', 'event/48000')), 'dtls', ['no-telephone-event']],
    ['video as well', dtls((s) => s + 'm=video 0 RTP/AVP 96\r\n'), 'dtls', ['several-media']],
    [
      'a crypto line beside DTLS',
      dtls((s) => s + `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}\r\n`),
      'dtls',
      ['keying'],
    ],
    ['G.711 where it is not enabled', dtls((s) => s.replace('opus/48000/2', 'PCMA/8000')), 'dtls', ['no-opus']],
    ['DTLS where SDES is set', dtls(), 'sdes', ['keying']],
    ['plain RTP', sdes((s) => s.replace('RTP/SAVP', 'RTP/AVP').replace(/a=crypto.*\r\n/, '')), 'sdes', ['keying']],
    ['NULL suite', sdes((s) => s.replace('AES_CM_128_HMAC_SHA1_80', 'NULL_HMAC_SHA1_80')), 'sdes', ['weak-suite']],
    ['suite that was not offered', sdes((s) => s.replace('SHA1_80', 'SHA1_32')), 'sdes', ['weak-suite']],
    ['tag that was not offered', sdes((s) => s.replace('crypto:1', 'crypto:2')), 'sdes', ['weak-suite']],
    ['short key', sdes((s) => s.replace(KEY, 'AAAA')), 'sdes', ['weak-suite']],
  ];
  for (const [name, sdp, keying, rules] of bad) {
    test(name, () => assert.deepEqual(faultsOf(sdp, keying), rules));
  }

  test('an offer may hold several strong suites, but no weak one', () => {
    const more = (suite: string): string => sdes((s) => s + `a=crypto:2 ${suite} inline:${KEY}\r\n`);
    assert.deepEqual(faultsOf(more('AES_256_CM_HMAC_SHA1_80'), 'sdes', 'offer'), []);
    assert.deepEqual(faultsOf(more('NULL_HMAC_SHA1_80'), 'sdes', 'offer'), ['weak-suite']);
  });

  test('garbage is faulty, not fatal', () => {
    assert.ok(faultsOf('', 'dtls').includes('several-media'));
    assert.ok(faultsOf('\0\xff m=audio\r\nm=audio x y z', 'sdes').length > 0);
  });

  test('payload types are those of the SDP, static ones without rtpmap included', () => {
    const sdp = readSdp(
      'v=0\r\nm=audio 4 RTP/AVP 96 8 0 101\r\na=rtpmap:96 OPUS/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n',
    );
    assert.deepEqual(commonCodecs(sdp, ['PCMA', 'opus']), [
      { payloadType: 96, codec: 'opus' },
      { payloadType: 8, codec: 'PCMA' },
    ]);
    assert.equal(telephoneEventOf(sdp), 101);
  });
});
