/** Meta's side: its offer checked and shown to rtpengine, rtpengine's answer shown to Meta. */
import { isIPv6 } from 'node:net';
import type { Keying, WhatsAppCodec } from '../../config/types.js';
import { MediaFailure } from '../port.js';
import { readAudio, type AudioFacts, type Candidate, type Format } from './read.js';
import { candidateLine, writeSdp } from './write.js';

/** Strong suites, best known first: the first is the only one Meta has been seen with. */
export const STRONG_SUITES: readonly string[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_192_CM_HMAC_SHA1_80',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
];
/** What Meta itself asks for, should its offer not say. */
export const OPUS_DEFAULT = 'maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;useinbandfec=1';

/** What Meta says of its side, in an offer or an answer. */
export interface WhatsAppSide {
  readonly facts: AudioFacts;
  readonly keying: Keying;
  /** The codecs both Meta and this number allow, in Meta's order. */
  readonly formats: readonly Format[];
  readonly opus: string;
  readonly crypto?: AudioFacts['cryptos'][number];
}

/** @throws MediaFailure 'sdp' for an offer that cannot be served */
export function readWhatsAppOffer(sdp: string, keying: Keying, codecs: readonly WhatsAppCodec[]): WhatsAppSide {
  const who = "Meta's offer";
  const facts = readAudio(sdp, who);
  const formats = facts.formats.filter((f) => codecs.includes(f.codec));
  if (formats.length === 0) {
    throw new MediaFailure('sdp', `${who} has only ${facts.names.join(', ')}; this number allows ${codecs.join(', ')}`);
  }
  const opusFormat = formats.find((f) => f.codec === 'opus');
  const opus = (opusFormat && facts.fmtp.get(opusFormat.payloadType)) ?? OPUS_DEFAULT;
  const base = { facts, keying, formats, opus };
  if (keying === 'sdes') return { ...base, crypto: strongCrypto(facts, who) };
  checkDtls(facts, who);
  return base;
}

/** @throws MediaFailure 'sdp' for what lacks ICE or a sha-256 fingerprint */
export function checkDtls({ fingerprint, ice, cryptos }: AudioFacts, who: string): void {
  if (fingerprint === undefined) {
    const other = cryptos.length > 0 ? ' but a=crypto: at Meta this number is set to SDES, here to dtls' : '';
    throw new MediaFailure('sdp', `${who} has no a=fingerprint${other}`);
  }
  if (fingerprint.hash.toLowerCase() !== 'sha-256') {
    throw new MediaFailure('sdp', `${who} has a=fingerprint:${fingerprint.hash}; only sha-256 is taken`);
  }
  if (ice === undefined) throw new MediaFailure('sdp', `${who} has no a=ice-ufrag and a=ice-pwd`);
}

/** @throws MediaFailure 'sdp' where there is no suite of {@link STRONG_SUITES} */
export function strongCrypto(facts: AudioFacts, who: string): AudioFacts['cryptos'][number] {
  const strong = facts.cryptos
    .filter((c) => STRONG_SUITES.includes(c.suite))
    .sort((a, b) => STRONG_SUITES.indexOf(a.suite) - STRONG_SUITES.indexOf(b.suite))[0];
  if (strong !== undefined) return strong;
  if (facts.cryptos.length > 0) {
    const suites = facts.cryptos.map((c) => c.suite).join(', ');
    throw new MediaFailure('sdp', `${who} has only the suites ${suites}; taken are ${STRONG_SUITES.join(', ')}`);
  }
  const other = facts.fingerprint ? ' but a=fingerprint: at Meta this number is set to DTLS, here to sdes' : '';
  throw new MediaFailure('sdp', `${who} has no a=crypto${other}`);
}

/** What of Meta's DTLS offer rtpengine is shown, and so what it does (docs/decisions/0001-media.md). */
export type DtlsStage =
  /** No candidates, Meta said to be active: it waits with everything. */
  | 'hold'
  /** Candidates: ICE begins. */
  | 'ice'
  /** Meta said to be passive: the ClientHello leaves. */
  | 'hello';

/** Meta's side as rtpengine sees it. */
export function whatsappForNode(
  offer: WhatsAppSide,
  options: { readonly ipv6: boolean; readonly id: string; readonly version: number; readonly stage: DtlsStage },
): string {
  const { facts } = offer;
  const attributes = ['a=rtcp-mux', ...(facts.mid === undefined ? [] : [`a=mid:${facts.mid}`])];
  if (offer.crypto !== undefined) {
    attributes.push(`a=crypto:${offer.crypto.tag} ${offer.crypto.suite} ${offer.crypto.keys}`);
  } else if (facts.ice !== undefined && facts.fingerprint !== undefined) {
    attributes.push(
      'a=ice-lite',
      `a=ice-ufrag:${facts.ice.ufrag}`,
      `a=ice-pwd:${facts.ice.password}`,
      `a=fingerprint:sha-256 ${facts.fingerprint.value}`,
      `a=setup:${options.stage === 'hello' ? 'passive' : 'active'}`,
      ...(options.stage === 'hold' ? [] : reachable(facts.ice.candidates, options.ipv6).map(candidateLine)),
    );
  }
  return writeSdp(
    { id: options.id, version: options.version },
    {
      address: facts.address,
      port: facts.port,
      // Some of Meta's SDES offers name the DTLS profile; rtpengine would take them at their word.
      protocol: offer.keying === 'sdes' ? 'RTP/SAVP' : facts.protocol,
      formats: offer.formats,
      events: facts.events.at8000 === undefined ? {} : { at8000: facts.events.at8000 },
      opus: offer.opus,
      attributes,
    },
  );
}

function reachable(candidates: readonly Candidate[], ipv6: boolean): readonly Candidate[] {
  return ipv6 ? candidates : candidates.filter((c) => !isIPv6(c.address));
}

/**
 * The answer for Meta, from rtpengine's: one codec and its own telephone-event/8000, ptime 20, rtcp-mux, and either
 * our fingerprint as the DTLS client or one key.
 *
 * @param advertised the address Meta is told instead of rtpengine's own (1:1 NAT)
 * @throws MediaFailure 'unavailable' when rtpengine's answer lacks what Meta must be told
 */
export function answerForWhatsApp(
  offer: WhatsAppSide,
  nodeAnswer: string,
  options: { readonly format: Format; readonly id: string; readonly advertised: string | undefined },
): string {
  const node = readAudio(nodeAnswer, "rtpengine's answer");
  if (node.formats[0]?.codec !== options.format.codec) {
    const found = node.names.join(', ');
    throw new MediaFailure('unavailable', `rtpengine answered ${found} where ${options.format.codec} was to be agreed`);
  }
  const { facts } = offer;
  const address = options.advertised ?? node.address;
  const attributes = [
    ...(facts.mid === undefined || offer.keying === 'sdes' ? [] : [`a=mid:${facts.mid}`]),
    ...(facts.rtcpMux ? ['a=rtcp-mux'] : []),
    ...(offer.crypto === undefined ? dtlsAttributes(node, address) : cryptoAttribute(offer.crypto, node)),
  ];
  return writeSdp(
    { id: options.id, version: 1 },
    {
      address,
      port: node.port,
      protocol: facts.protocol,
      formats: [options.format],
      events: facts.events.at8000 === undefined ? {} : { at8000: facts.events.at8000 },
      opus: offer.opus,
      attributes,
    },
  );
}

function dtlsAttributes(node: AudioFacts, address: string): string[] {
  if (node.fingerprint?.hash.toLowerCase() !== 'sha-256' || node.ice === undefined) {
    throw new MediaFailure('unavailable', "rtpengine's answer lacks ICE or a sha-256 fingerprint");
  }
  return [
    `a=ice-ufrag:${node.ice.ufrag}`,
    `a=ice-pwd:${node.ice.password}`,
    `a=fingerprint:sha-256 ${node.fingerprint.value}`,
    'a=setup:active',
    ...node.ice.candidates.map((c) => candidateLine(c.address === node.address ? { ...c, address } : c)),
  ];
}

function cryptoAttribute(offered: NonNullable<WhatsAppSide['crypto']>, node: AudioFacts): string[] {
  const crypto = node.cryptos.find((c) => c.suite === offered.suite);
  if (crypto === undefined) {
    const found = node.cryptos.map((c) => c.suite).join(', ') || 'none';
    throw new MediaFailure('unavailable', `rtpengine's answer has the suites ${found} instead of ${offered.suite}`);
  }
  return [`a=crypto:${offered.tag} ${crypto.suite} ${crypto.keys}`];
}
