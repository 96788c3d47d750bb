import type { Codec, Keying } from '../media/types.js';
import { commonCodecs, readSdp, telephoneEventOf } from '../media/sdp-read.js';
import type { AnsweringMedia, MediaPort } from './media-port.js';

export interface MediaLessOptions {
  readonly keying: Keying;
  /** In order of preference; default Opus alone. */
  readonly codecs?: readonly Codec[];
  /** Where media would be received; nothing is there. Default 127.0.0.1:9. */
  readonly address?: string;
  readonly port?: number;
}

const OFFERED: Readonly<Record<Codec, number>> = { opus: 111, PCMA: 8, PCMU: 0 };
const OFFERED_EVENTS = 126;
const OPUS_FMTP = 'maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1';

const KEYING_LINES: Readonly<Record<Keying, readonly string[]>> = {
  dtls: [
    'a=candidate:1775469887 1 udp 2122260223 ADDRESS PORT typ host generation 0 network-cost 50',
    'a=candidate:3355715111 1 udp 2122262783 2001:db8::face PORT typ host generation 0 network-cost 50',
    'a=ice-ufrag:6O0HbZVqGsyAJVhN',
    'a=ice-pwd:Bq3LkR2rkJ3ZcJm2sWn0aBcD',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'A5').join(':')}`,
  ],
  sdes: ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'],
};

/** An offer in Meta's shape with media behind it that neither speaks nor listens: for signalling under load. */
export function mediaLess(options: MediaLessOptions): MediaPort & AnsweringMedia {
  const sdp = cannedOffer(options);
  return {
    offerSdp: () => sdp,
    setAnswer: () => [],
    answerSdp: (offer) => cannedAnswer(options, offer),
    markAck: () => undefined,
    markEnd: () => undefined,
    on: () => undefined,
    close: () => Promise.resolve(),
  };
}

/** Meta's offer as text; keys and addresses are constants. */
export function cannedOffer(options: MediaLessOptions): string {
  const codecs = (options.codecs ?? ['opus']).map((codec) => ({ codec, payloadType: OFFERED[codec] }));
  return cannedSdp(options, codecs, OFFERED_EVENTS, 'actpass');
}

/** Meta's answer, with the payload types of the offer. */
function cannedAnswer(options: MediaLessOptions, offer: string): string {
  const remote = readSdp(offer);
  const codecs = commonCodecs(remote, options.codecs ?? ['opus']);
  return cannedSdp(options, codecs, telephoneEventOf(remote), 'passive');
}

function cannedSdp(
  { keying, address = '127.0.0.1', port = 9 }: MediaLessOptions,
  codecs: readonly { readonly codec: Codec; readonly payloadType: number }[],
  events: number | undefined,
  setup: 'actpass' | 'passive',
): string {
  const dtls = keying === 'dtls';
  const payloadTypes = [...codecs.map(({ payloadType }) => payloadType), ...(events === undefined ? [] : [events])];
  const lines = [
    'v=0',
    'o=- 1741113186367 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE audio',
    'a=msid-semantic: WMS 632a909f-1060-4369-96a4-7bd03e291ee7',
    ...(dtls ? ['a=ice-lite'] : []),
    `m=audio ${port} ${dtls ? 'UDP/TLS/RTP/SAVPF' : 'RTP/SAVP'} ${payloadTypes.join(' ')}`,
    `c=IN IP4 ${address}`,
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...KEYING_LINES[keying].map((line) => line.replace('ADDRESS', address).replace('PORT', String(port))),
    ...(dtls ? [`a=setup:${setup}`] : []),
    'a=mid:audio',
    'a=sendrecv',
    'a=msid:632a909f-1060-4369-96a4-7bd03e291ee7 WhatsAppTrack1',
    'a=rtcp-mux',
    ...codecs.flatMap(({ codec, payloadType }) => codecLines(codec, payloadType)),
    ...codecs.filter(({ codec }) => dtls && codec === 'opus').map((c) => `a=rtcp-fb:${c.payloadType} transport-cc`),
    ...(events === undefined ? [] : [`a=rtpmap:${events} telephone-event/8000`]),
    'a=maxptime:20',
    'a=ptime:20',
    'a=ssrc:849255537 cname:WhatsAppAudioStream1',
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

function codecLines(codec: Codec, payloadType: number): string[] {
  if (codec !== 'opus') return [`a=rtpmap:${payloadType} ${codec}/8000`];
  return [`a=rtpmap:${payloadType} opus/48000/2`, `a=fmtp:${payloadType} ${OPUS_FMTP}`];
}
