import type { RuleId } from '../rules.js';
import type { Codec, Keying, SdpFault } from './types.js';

/** The parts of the other side's SDP that the stand-in looks at, as they were written. */
export interface RemoteSdp {
  readonly mediaLines: readonly string[];
  readonly address: string | undefined;
  readonly port: number;
  readonly profile: string;
  readonly formats: readonly { readonly payloadType: number; readonly encoding: string }[];
  readonly ptime: number | undefined;
  readonly setup: string | undefined;
  readonly fingerprints: readonly { readonly algorithm: string; readonly value: string }[];
  readonly hasIce: boolean;
  readonly iceLite: boolean;
  readonly direction: string;
  readonly crypto: readonly { readonly tag: number; readonly suite: string; readonly key: Buffer }[];
  readonly mid: string;
}

const STATIC_ENCODINGS: Record<number, string> = { 0: 'PCMU/8000', 8: 'PCMA/8000' };
const ENCODINGS: Record<Codec, RegExp> = {
  opus: /^opus\/48000\/2$/i,
  PCMA: /^pcma\/8000(\/1)?$/i,
  PCMU: /^pcmu\/8000(\/1)?$/i,
};
const TELEPHONE_EVENT = /^telephone-event\/8000$/i;
const DIRECTION = /^a=(sendrecv|sendonly|recvonly|inactive)$/;
/** What an offer may hold: everything of RFC 4568, 6188 and 7714 that encrypts and authenticates. */
const STRONG_SUITE = /^(AES_CM_128_HMAC_SHA1_(80|32)|AES_(192|256)_CM_HMAC_SHA1_(80|32)|AEAD_AES_(128|256)_GCM)$/;
export const META_SUITE = 'AES_CM_128_HMAC_SHA1_80';

/** Reads an SDP; never throws: what is missing shows as a fault. Only the first audio stream is read. */
export function readSdp(sdp: string): RemoteSdp {
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  const mediaAt = lines.flatMap((line, i) => (line.startsWith('m=') ? [i] : []));
  const audioAt = mediaAt.find((i) => lines[i]!.startsWith('m=audio '));
  const first = mediaAt[0] ?? lines.length;
  const audioEnd = mediaAt.find((i) => audioAt !== undefined && i > audioAt) ?? lines.length;
  const audio = audioAt === undefined ? [] : lines.slice(audioAt, audioEnd);
  // Attributes of the session hold for the stream unless it has its own (RFC 8866, section 5.13).
  const scope = [...audio, ...lines.slice(0, first)];
  const value = (prefix: string): string | undefined =>
    scope
      .find((line) => line.startsWith(prefix))
      ?.slice(prefix.length)
      .trim();
  const all = (prefix: string): string[] =>
    scope.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
  const [port = '0', profile = '', ...payloads] = (audio[0] ?? '').slice('m=audio '.length).split(' ');
  const rtpmap = new Map(all('a=rtpmap:').map((map) => splitOnce(map, ' ')));
  const ptime = value('a=ptime:');
  return {
    mediaLines: mediaAt.map((i) => lines[i]!),
    address: value('c=IN IP4 '),
    port: Number(port),
    profile,
    formats: payloads.map((pt) => ({
      payloadType: Number(pt),
      encoding: rtpmap.get(pt) ?? STATIC_ENCODINGS[Number(pt)] ?? '',
    })),
    ptime: ptime === undefined ? undefined : Number(ptime),
    setup: value('a=setup:'),
    fingerprints: all('a=fingerprint:').map((line) => {
      const [algorithm, digest] = splitOnce(line, ' ');
      return { algorithm: algorithm.toLowerCase(), value: digest.toUpperCase() };
    }),
    hasIce: value('a=ice-ufrag:') !== undefined && value('a=ice-pwd:') !== undefined,
    iceLite: scope.includes('a=ice-lite'),
    direction: scope.find((line) => DIRECTION.test(line))?.slice('a='.length) ?? 'sendrecv',
    crypto: all('a=crypto:').map(readCrypto),
    mid: value('a=mid:') ?? 'audio',
  };
}

function readCrypto(line: string): RemoteSdp['crypto'][number] {
  const [tag = '', suite = '', key = ''] = line.split(/\s+/);
  const inline = /^inline:([A-Za-z0-9+/=]+)/.exec(key)?.[1] ?? '';
  return { tag: Number(tag), suite, key: Buffer.from(inline, 'base64') };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1).trim()];
}

/** The payload types of the codecs that are enabled, in the order of the SDP. */
export function commonCodecs(
  sdp: RemoteSdp,
  enabled: readonly Codec[],
): { readonly payloadType: number; readonly codec: Codec }[] {
  return sdp.formats.flatMap(({ payloadType, encoding }) => {
    const codec = enabled.find((c) => ENCODINGS[c].test(encoding));
    return codec === undefined ? [] : [{ payloadType, codec }];
  });
}

export function telephoneEventOf(sdp: RemoteSdp): number | undefined {
  return sdp.formats.find((f) => TELEPHONE_EVENT.test(f.encoding))?.payloadType;
}

/** Every rule that the SDP breaks, as Meta would judge an answer to its offer or an offer of the business. */
export function checkSdp(
  sdp: RemoteSdp,
  role: 'offer' | 'answer',
  number: { readonly keying: Keying; readonly codecs: readonly Codec[]; readonly telephoneEvent: boolean },
): SdpFault[] {
  const faults: SdpFault[] = [];
  const fault = (rule: RuleId, found: string): number => faults.push({ rule, found });
  if (sdp.mediaLines.length !== 1 || sdp.formats.length === 0 || sdp.port === 0) {
    fault('several-media', sdp.mediaLines.join(' | ') || 'no m= line');
  }
  if (commonCodecs(sdp, number.codecs).length === 0) fault('no-opus', formatsOf(sdp));
  if (number.telephoneEvent && telephoneEventOf(sdp) === undefined) fault('no-telephone-event', formatsOf(sdp));
  if (sdp.ptime !== undefined && sdp.ptime !== 20) fault('ptime', `a=ptime:${sdp.ptime}`);
  if (sdp.direction !== 'sendrecv') fault('direction', `a=${sdp.direction}`);
  faults.push(...(number.keying === 'dtls' ? dtlsFaults(sdp, role) : sdesFaults(sdp, role)));
  return faults;
}

function dtlsFaults(sdp: RemoteSdp, role: 'offer' | 'answer'): SdpFault[] {
  const faults: SdpFault[] = [];
  if (!/^UDP\/TLS\/RTP\/SAVPF?$/.test(sdp.profile) || sdp.crypto.length > 0) {
    faults.push({ rule: 'keying', found: `${sdp.profile}, ${sdp.crypto.length} a=crypto lines` });
  }
  if (sdp.fingerprints.length === 0 || sdp.fingerprints.some((f) => f.algorithm !== 'sha-256')) {
    faults.push({ rule: 'fingerprint', found: sdp.fingerprints.map((f) => f.algorithm).join(', ') || 'none' });
  }
  const roles = role === 'answer' ? ['active'] : ['active', 'actpass'];
  if (sdp.setup === undefined || !roles.includes(sdp.setup)) {
    faults.push({ rule: 'dtls-role', found: `a=setup:${sdp.setup ?? '(none)'}` });
  }
  if (!sdp.hasIce) faults.push({ rule: 'ice', found: 'no a=ice-ufrag or a=ice-pwd' });
  if (sdp.iceLite) faults.push({ rule: 'ice', found: 'a=ice-lite' });
  return faults;
}

function sdesFaults(sdp: RemoteSdp, role: 'offer' | 'answer'): SdpFault[] {
  const faults: SdpFault[] = [];
  if (!/^RTP\/SAVPF?$/.test(sdp.profile) || sdp.fingerprints.length > 0 || sdp.crypto.length === 0) {
    const found = `${sdp.profile}, ${sdp.crypto.length} a=crypto lines, ${sdp.fingerprints.length} fingerprints`;
    faults.push({ rule: 'keying', found });
  }
  const suites = sdp.crypto.map((c) => `${c.tag} ${c.suite}`).join(', ');
  const weak = sdp.crypto.some((c) => !STRONG_SUITE.test(c.suite));
  const usable = usableCrypto(sdp);
  const agreed = role === 'answer' ? sdp.crypto.length === 1 && usable?.tag === 1 : usable !== undefined;
  if (sdp.crypto.length > 0 && (weak || !agreed)) faults.push({ rule: 'weak-suite', found: suites });
  return faults;
}

/** The first key of the suite that Meta uses. */
export function usableCrypto(sdp: RemoteSdp): RemoteSdp['crypto'][number] | undefined {
  return sdp.crypto.find((c) => c.suite === META_SUITE && c.key.length === 30);
}

function formatsOf(sdp: RemoteSdp): string {
  return sdp.formats.map((f) => `${f.payloadType} ${f.encoding}`.trim()).join(', ') || 'no formats';
}
