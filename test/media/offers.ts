/** Meta's offers as its guide shows them, with made-up keys. */
export const lines = (...text: string[]): string => text.map((line) => `${line}\r\n`).join('');

export const KEY = 'd0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj';

const HEAD = ['v=0', 'o=- 1741113186367 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE audio'];
const CODECS = [
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1',
  'a=rtpmap:126 telephone-event/8000',
  'a=maxptime:20',
  'a=ptime:20',
  'a=ssrc:849255537 cname:WhatsAppAudioStream1',
];

export const DTLS_OFFER = lines(
  ...HEAD,
  'a=msid-semantic: WMS 632a909f-1060-4369-96a4-7bd03e291ee7',
  'a=ice-lite',
  'm=audio 3480 UDP/TLS/RTP/SAVPF 111 126',
  'c=IN IP4 57.144.135.35',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=candidate:1775469887 1 udp 2122260223 57.144.135.35 3480 typ host generation 0 network-cost 50',
  'a=candidate:3355715111 1 udp 2122262783 2a03:2880:f343:131:face:b00c:0:699c 3480 typ host generation 0 network-cost 50',
  'a=ice-ufrag:Wm3h',
  'a=ice-pwd:lUr2Qf7vVw0kqLxJ5yZ3nT8b',
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, (_, i) => (i + 16).toString(16).toUpperCase()).join(':')}`,
  'a=setup:actpass',
  'a=mid:audio',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtcp-fb:111 transport-cc',
  ...CODECS,
);

export const SDES_OFFER = lines(
  ...HEAD,
  'm=audio 3480 RTP/SAVP 111 126',
  'c=IN IP4 57.144.135.35',
  'a=rtcp:9 IN IP4 0.0.0.0',
  `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
  'a=mid:audio',
  'a=sendrecv',
  'a=rtcp-mux',
  ...CODECS,
);

export const PBX_ANSWER = lines(
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 9 RTP/AVP 8 126',
  'a=rtpmap:126 telephone-event/8000',
);

export const PBX_OFFER = lines(
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 9 RTP/AVP 8 0 101',
  'a=rtpmap:101 telephone-event/8000',
  'a=ptime:20',
);
