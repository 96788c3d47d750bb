import type { Codec, Keying } from '../media/types.js';
import type { MediaPort } from './media-port.js';

export interface MediaLessOptions {
  readonly keying: Keying;
  /** In order of preference; default Opus alone. */
  readonly codecs?: readonly Codec[];
  /** Where media would be received; nothing is there. Default 127.0.0.1:9. */
  readonly address?: string;
  readonly port?: number;
}

const CODEC_LINES: Readonly<Record<Codec, readonly [payloadType: number, ...lines: string[]]>> = {
  opus: [
    111,
    'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1',
  ],
  PCMA: [8, 'a=rtpmap:8 PCMA/8000'],
  PCMU: [0, 'a=rtpmap:0 PCMU/8000'],
};

const KEYING_LINES: Readonly<Record<Keying, readonly string[]>> = {
  dtls: [
    'a=candidate:1775469887 1 udp 2122260223 ADDRESS PORT typ host generation 0 network-cost 50',
    'a=candidate:3355715111 1 udp 2122262783 2001:db8::face PORT typ host generation 0 network-cost 50',
    'a=ice-ufrag:6O0HbZVqGsyAJVhN',
    'a=ice-pwd:Bq3LkR2rkJ3ZcJm2sWn0aBcD',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'A5').join(':')}`,
    'a=setup:actpass',
  ],
  sdes: ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'],
};

/** An offer in Meta's shape with media behind it that neither speaks nor listens: for signalling under load. */
export function mediaLess(options: MediaLessOptions): MediaPort {
  const sdp = cannedOffer(options);
  return {
    offerSdp: () => sdp,
    setAnswer: () => [],
    markAck: () => undefined,
    markEnd: () => undefined,
    on: () => undefined,
    close: () => Promise.resolve(),
  };
}

/** Meta's offer as text; keys and addresses are constants. */
export function cannedOffer({ keying, codecs = ['opus'], address = '127.0.0.1', port = 9 }: MediaLessOptions): string {
  const payloadTypes = [...codecs.map((codec) => CODEC_LINES[codec][0]), 126].join(' ');
  const dtls = keying === 'dtls';
  const lines = [
    'v=0',
    'o=- 1741113186367 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE audio',
    'a=msid-semantic: WMS 632a909f-1060-4369-96a4-7bd03e291ee7',
    ...(dtls ? ['a=ice-lite'] : []),
    `m=audio ${port} ${dtls ? 'UDP/TLS/RTP/SAVPF' : 'RTP/SAVP'} ${payloadTypes}`,
    `c=IN IP4 ${address}`,
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...KEYING_LINES[keying].map((line) => line.replace('ADDRESS', address).replace('PORT', String(port))),
    'a=mid:audio',
    'a=sendrecv',
    'a=msid:632a909f-1060-4369-96a4-7bd03e291ee7 WhatsAppTrack1',
    'a=rtcp-mux',
    ...codecs.flatMap((codec) => CODEC_LINES[codec].slice(1)),
    ...(dtls && codecs.includes('opus') ? ['a=rtcp-fb:111 transport-cc'] : []),
    'a=rtpmap:126 telephone-event/8000',
    'a=maxptime:20',
    'a=ptime:20',
    'a=ssrc:849255537 cname:WhatsAppAudioStream1',
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}
