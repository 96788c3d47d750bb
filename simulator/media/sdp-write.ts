import type { Codec, Keying } from './types.js';

/** What Meta's SDP says about one side of the media. */
export interface LocalMedia {
  readonly keying: Keying;
  readonly address: string;
  readonly port: number;
  /** Payload types in order of preference, with their codecs. */
  readonly codecs: readonly { readonly payloadType: number; readonly codec: Codec }[];
  readonly eventPayloadType: number | undefined;
  readonly ssrc: number;
  readonly streamId: string;
  readonly ice: { readonly ufrag: string; readonly pwd: string };
  /** DTLS: our certificate's sha-256. */
  readonly fingerprint: string;
  /** SDES: our master key and salt, base64. */
  readonly inlineKey: string;
  readonly deadIpv6Candidate: boolean;
}

/** Meta's `o=` version and session id do not matter to anybody, so they are the same in every offer. */
const ORIGIN = 'o=- 1741113186367 2 IN IP4 127.0.0.1';
const DEAD_IPV6 = '2001:db8:f343:131:face:b00c:0:699c';
const OPUS_FMTP = 'maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1';
const RTPMAP: Record<Codec, string> = { opus: 'opus/48000/2', PCMA: 'PCMA/8000', PCMU: 'PCMU/8000' };

/**
 * SDP in the order and with the attributes of Meta's own samples.
 * @param role offers say `actpass`, answers `passive`: Meta never is the DTLS client.
 * @param answered in an answer: the `mid`, `a=crypto` tag and whether the offer had BUNDLE.
 */
export function writeSdp(
  media: LocalMedia,
  role: 'offer' | 'answer',
  answered: { readonly mid: string; readonly cryptoTag: number } = { mid: 'audio', cryptoTag: 1 },
): string {
  const dtls = media.keying === 'dtls';
  const payloads = [
    ...media.codecs.map((c) => c.payloadType),
    ...(media.eventPayloadType === undefined ? [] : [media.eventPayloadType]),
  ];
  const lines = [
    'v=0',
    ORIGIN,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${answered.mid}`,
    `a=msid-semantic: WMS ${media.streamId}`,
    ...(dtls ? ['a=ice-lite'] : []),
    `m=audio ${media.port} ${dtls ? 'UDP/TLS/RTP/SAVPF' : 'RTP/SAVP'} ${payloads.join(' ')}`,
    `c=IN IP4 ${media.address}`,
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...(dtls
      ? dtlsLines(media, role)
      : [`a=crypto:${answered.cryptoTag} AES_CM_128_HMAC_SHA1_80 inline:${media.inlineKey}`]),
    `a=mid:${answered.mid}`,
    'a=sendrecv',
    `a=msid:${media.streamId} WhatsAppTrack1`,
    'a=rtcp-mux',
    ...media.codecs.flatMap(({ payloadType, codec }) => [
      `a=rtpmap:${payloadType} ${RTPMAP[codec]}`,
      ...(codec === 'opus' && dtls ? [`a=rtcp-fb:${payloadType} transport-cc`] : []),
      ...(codec === 'opus' ? [`a=fmtp:${payloadType} ${OPUS_FMTP}`] : []),
    ]),
    ...(media.eventPayloadType === undefined ? [] : [`a=rtpmap:${media.eventPayloadType} telephone-event/8000`]),
    'a=maxptime:20',
    'a=ptime:20',
    `a=ssrc:${media.ssrc} cname:WhatsAppAudioStream1`,
  ];
  return lines.join('\r\n') + '\r\n';
}

function dtlsLines(media: LocalMedia, role: 'offer' | 'answer'): string[] {
  const tail = `${media.port} typ host generation 0 network-cost 50`;
  return [
    `a=candidate:1775469887 1 udp 2122260223 ${media.address} ${tail}`,
    ...(media.deadIpv6Candidate ? [`a=candidate:3355715111 1 udp 2122262783 ${DEAD_IPV6} ${tail}`] : []),
    `a=ice-ufrag:${media.ice.ufrag}`,
    `a=ice-pwd:${media.ice.pwd}`,
    `a=fingerprint:sha-256 ${media.fingerprint}`,
    `a=setup:${role === 'offer' ? 'actpass' : 'passive'}`,
  ];
}
