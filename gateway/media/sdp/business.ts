/** Meta's side of a call from the PBX: our offer from rtpengine's, and Meta's answer to it. */
import type { Keying, PbxCodec, WhatsAppCodec } from '../../config/types.js';
import { MediaFailure } from '../port.js';
import { readAudio, type AudioFacts, type Format } from './read.js';
import { candidateLine, writeSdp } from './write.js';
import { OPUS_DEFAULT, STRONG_SUITES, checkDtls, type WhatsAppSide } from './whatsapp.js';

const ANSWER = "Meta's answer";
/** Meta's own number for telephone-event/8000. */
const EVENT = 126;

/**
 * The telephone-event that rtpengine is shown on both sides: it then gives events the timestamps of the audio around them.
 * Unknown to it they do not count as time, and 10.5 holds the audio after a key back by the key's length. Beside Opus on
 * both sides it must not know them: docs/decisions/0001-media.md.
 */
export function shownEvent(plain: PbxCodec): number | undefined {
  return plain === 'opus' ? undefined : EVENT;
}

export interface BusinessOffer {
  readonly keying: Keying;
  readonly plain: PbxCodec;
  /** rtpengine's side toward Meta. */
  readonly facts: AudioFacts;
  /** In our order of preference. */
  readonly formats: readonly Format[];
  readonly event: number;
  /** The strong ones of rtpengine's keys, best known suite first, under its own tags. */
  readonly cryptos: AudioFacts['cryptos'];
}

/**
 * What Meta is offered.
 * @param plain the PBX's codec: offered first where the number has it, so that nothing is transcoded
 * @throws MediaFailure 'unavailable' when rtpengine's offer lacks what Meta must be told
 */
export function planBusinessOffer(
  nodeOffer: string,
  keying: Keying,
  codecs: readonly WhatsAppCodec[],
  plain: PbxCodec,
): BusinessOffer {
  const facts = readAudio(nodeOffer, "rtpengine's offer");
  const order = [...codecs].sort((a, b) => Number(b === plain) - Number(a === plain));
  const formats = order.flatMap((codec) => facts.formats.find((f) => f.codec === codec) ?? []);
  if (formats.length === 0) throw lacking(`any of ${codecs.join(', ')}`);
  const cryptos = [...facts.cryptos]
    .filter((c) => STRONG_SUITES.includes(c.suite))
    .sort((a, b) => STRONG_SUITES.indexOf(a.suite) - STRONG_SUITES.indexOf(b.suite));
  if (keying === 'sdes' && cryptos.length === 0) throw lacking(`a=crypto of ${STRONG_SUITES.join(', ')}`);
  const { fingerprint, ice } = facts;
  if (keying === 'dtls' && (fingerprint?.hash.toLowerCase() !== 'sha-256' || ice === undefined)) {
    throw lacking('ICE or a sha-256 fingerprint');
  }
  return { keying, plain, facts, formats, event: EVENT, cryptos };
}

function lacking(what: string): MediaFailure {
  return new MediaFailure('unavailable', `rtpengine's offer lacks ${what}`);
}

/** @param advertised the address Meta is told instead of rtpengine's own (1:1 NAT) */
export function writeBusinessOffer(offer: BusinessOffer, id: string, advertised: string | undefined): string {
  const { facts, keying } = offer;
  const address = advertised ?? facts.address;
  return writeSdp(
    { id, version: 1 },
    {
      address,
      port: facts.port,
      protocol: keying === 'dtls' ? 'UDP/TLS/RTP/SAVPF' : 'RTP/SAVP',
      formats: offer.formats,
      events: { at8000: offer.event },
      opus: OPUS_DEFAULT,
      attributes: ['a=maxptime:20', 'a=rtcp-mux', ...(keying === 'dtls' ? iceAndDtls(facts, address) : keys(offer))],
    },
  );
}

function iceAndDtls({ ice, fingerprint, address }: AudioFacts, told: string): string[] {
  return [
    `a=ice-ufrag:${ice?.ufrag ?? ''}`,
    `a=ice-pwd:${ice?.password ?? ''}`,
    `a=fingerprint:sha-256 ${fingerprint?.value ?? ''}`,
    'a=setup:actpass',
    ...(ice?.candidates ?? []).map((c) => candidateLine(c.address === address ? { ...c, address: told } : c)),
  ];
}

/** Tags count from 1 for Meta: what was left out before them is no concern of its. */
function keys({ cryptos }: BusinessOffer): string[] {
  return cryptos.map((c, i) => `a=crypto:${i + 1} ${c.suite} ${c.keys}`);
}

export interface BusinessAnswer {
  /** Meta's side as rtpengine is to see it, with the one codec that is used. */
  readonly side: WhatsAppSide;
  /** Absent: Meta takes no telephone-events. */
  readonly event?: number;
}

/** @throws MediaFailure 'sdp' for an answer that does not fit the offer */
export function readBusinessAnswer(sdp: string, offer: BusinessOffer): BusinessAnswer {
  const { mid: _mid, ...facts } = readAudio(sdp, ANSWER);
  const format = facts.formats.find((f) => offer.formats.some((o) => o.codec === f.codec));
  if (format === undefined) {
    const offered = offer.formats.map((f) => f.codec).join(', ');
    throw new MediaFailure('sdp', `${ANSWER} has ${facts.names.join(', ') || 'no codec'}; offered were ${offered}`);
  }
  if (facts.direction !== 'sendrecv') {
    throw new MediaFailure('sdp', `${ANSWER} has a=${facts.direction}; offered was a=sendrecv`);
  }
  checkProtocol(facts.protocol, offer.keying);
  const side: WhatsAppSide = {
    facts: shownEvent(offer.plain) === undefined ? { ...facts, events: {} } : facts,
    keying: offer.keying,
    formats: [format],
    opus: facts.fmtp.get(format.payloadType) ?? OPUS_DEFAULT,
  };
  const event = facts.events.at8000 === undefined ? {} : { event: facts.events.at8000 };
  if (offer.keying === 'sdes') return { side: { ...side, crypto: chosen(facts, offer) }, ...event };
  checkDtls(facts, ANSWER);
  return { side, ...event };
}

function checkProtocol(protocol: string, keying: Keying): void {
  const fits = keying === 'dtls' ? /^UDP\/TLS\/RTP\/SAVPF?$/ : /^RTP\/SAVPF?$/;
  if (!fits.test(protocol)) throw new MediaFailure('sdp', `${ANSWER} has ${protocol}, which was not offered`);
}

/** Meta's key, under rtpengine's tag for the suite. */
function chosen(facts: AudioFacts, offer: BusinessOffer): AudioFacts['cryptos'][number] {
  const answered = facts.cryptos[0];
  if (answered === undefined) {
    const other = facts.fingerprint ? ' but a=fingerprint: at Meta this number is set to DTLS, here to sdes' : '';
    throw new MediaFailure('sdp', `${ANSWER} has no a=crypto${other}`);
  }
  const offered = offer.cryptos.find((c, i) => c.suite === answered.suite && i + 1 === answered.tag);
  if (offered === undefined || facts.cryptos.length > 1) {
    const found = facts.cryptos.map((c) => `${c.tag} ${c.suite}`).join(', ');
    const was = offer.cryptos.map((c, i) => `${i + 1} ${c.suite}`).join(', ');
    throw new MediaFailure('sdp', `${ANSWER} has a=crypto ${found}; one of ${was} was expected`);
  }
  return { ...answered, tag: offered.tag };
}
