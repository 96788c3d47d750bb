/** The PBX's side: plain RTP through the conditioner. */
import type { PbxCodec } from '../../config/types.js';
import { MediaFailure } from '../port.js';
import { readAudio, type AudioFacts, type Format } from './read.js';
import { rtcpAt, writeSdp } from './write.js';

const ANSWER = "the PBX's answer";

/** Our own payload types toward the PBX. */
const NUMBERS: Readonly<Record<PbxCodec, number>> = { opus: 111, PCMA: 8, PCMU: 0 };
const EVENT = 101;

type Direction = AudioFacts['direction'];
const WITHOUT_RECEIVING: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendonly',
  sendonly: 'sendonly',
  recvonly: 'inactive',
  inactive: 'inactive',
};

export interface PbxOffer {
  /** In the trunk's order of preference. */
  readonly formats: readonly Format[];
  readonly events: AudioFacts['events'];
  readonly opus: string;
}

/**
 * What the PBX is offered. Beside Opus, telephone-event has both clocks: Asterisk counts 48 kHz steps there and 22 says
 * so when it is given the choice; a PBX that knows only 8000 takes that.
 */
export function planPbxOffer(
  nodeOffer: string,
  codecs: readonly PbxCodec[],
  opus: string,
  whatsappEvent: number | undefined,
): PbxOffer {
  const node = readAudio(nodeOffer, "rtpengine's offer");
  const formats = codecs.flatMap((codec) => node.formats.find((f) => f.codec === codec) ?? []);
  if (formats.length === 0) {
    throw new MediaFailure(
      'unavailable',
      `rtpengine offers ${node.names.join(', ')} where ${codecs.join(', ')} was asked`,
    );
  }
  return { formats, events: offeredEvents(formats, whatsappEvent ?? EVENT), opus };
}

/** The same for a call that the PBX places without an offer of its own. */
export function ownPbxOffer(codecs: readonly PbxCodec[], opus: string): PbxOffer {
  const formats = codecs.map((codec) => ({ codec, payloadType: NUMBERS[codec] }));
  return { formats, events: offeredEvents(formats, EVENT), opus };
}

function offeredEvents(formats: readonly Format[], at8000: number): AudioFacts['events'] {
  const used = new Set([...formats.map((f) => f.payloadType), at8000]);
  const at48000 = [110, 109, 108, 107, 106].find((p) => !used.has(p));
  const wide = formats.some((f) => f.codec === 'opus') && at48000 !== undefined;
  return wide ? { at8000, at48000 } : { at8000 };
}

/** What the PBX said of its side, in an offer or an answer. */
export interface PbxTerms {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  /** What the PBX does, as far as it is true: `c=0.0.0.0` receives nothing (RFC 3264, 8.4). */
  readonly direction: Direction;
  /** The codec that is used, under the PBX's payload type. */
  readonly format: Format;
  /** All that both sides know: the PBX may send any of them. */
  readonly formats: readonly Format[];
  readonly event?: { readonly payloadType: number; readonly khz: 8 | 48 };
  readonly events: readonly number[];
}

/**
 * @param preferred codecs in our order; used is the first that the PBX offers
 * @throws MediaFailure 'sdp' for what plain RTP and these codecs cannot serve
 */
export function readPbxOffer(sdp: string, preferred: readonly PbxCodec[]): PbxTerms {
  const facts = plainAudio(sdp, "the PBX's offer");
  const known = preferred.flatMap((codec) => facts.formats.find((f) => f.codec === codec) ?? []);
  const [format] = known;
  if (format === undefined) {
    const found = facts.names.join(', ') || 'no codec';
    throw new MediaFailure('sdp', `the PBX's offer has ${found}; this trunk allows ${preferred.join(', ')}`);
  }
  const event = eventOf(facts, format.codec);
  return { ...terms(facts, format, event), formats: [format], events: event === undefined ? [] : [event.payloadType] };
}

/** @throws MediaFailure 'sdp' when the PBX took none of what it was offered */
export function readPbxAnswer(sdp: string, offer: PbxOffer): PbxTerms {
  const facts = plainAudio(sdp, ANSWER);
  const known = facts.formats.filter((f) => offer.formats.some((o) => o.codec === f.codec));
  const [format] = known;
  if (format === undefined) {
    const offered = offer.formats.map((f) => f.codec).join(', ');
    throw new MediaFailure('sdp', `${ANSWER} has ${facts.names.join(', ') || 'no codec'}; offered were ${offered}`);
  }
  const event = eventOf(facts, format.codec);
  // What the PBX sends has the numbers of our offer (RFC 3264, 6.1), at some PBXs those of its answer.
  const offered = offer.formats.filter((o) => known.some((f) => f.codec === o.codec));
  const ours = event === undefined ? [] : [offer.events.at8000, offer.events.at48000];
  const events = [event?.payloadType, ...ours].filter((p) => p !== undefined);
  return { ...terms(facts, format, event), formats: [...known, ...offered], events };
}

function plainAudio(sdp: string, who: string): AudioFacts {
  const facts = readAudio(sdp, who);
  if (/^RTP\/AVPF?$/.test(facts.protocol)) return facts;
  throw new MediaFailure('sdp', `${who} has ${facts.protocol}; plain RTP/AVP is served`);
}

function terms(facts: AudioFacts, format: Format, event: PbxTerms['event']): Omit<PbxTerms, 'formats' | 'events'> {
  const { address, port, protocol } = facts;
  const direction = /^(0\.0\.0\.0|::)$/.test(address) ? WITHOUT_RECEIVING[facts.direction] : facts.direction;
  return { address, port, protocol, direction, format, ...(event === undefined ? {} : { event }) };
}

/** An event's clock is that of the audio beside it where there is the choice (RFC 4733, 2.1). */
function eventOf({ events }: AudioFacts, codec: PbxCodec): PbxTerms['event'] {
  if (codec === 'opus' && events.at48000 !== undefined) return { payloadType: events.at48000, khz: 48 };
  if (events.at8000 !== undefined) return { payloadType: events.at8000, khz: 8 };
  return undefined;
}

/** The PBX's side as rtpengine sees it, in an offer or an answer: the conditioner in the PBX's place. */
export function pbxForNode(
  format: Format,
  event: number | undefined,
  id: string,
  address: string,
  port: number,
): string {
  return writeSdp(
    { id, version: 1 },
    {
      address,
      port,
      protocol: 'RTP/AVP',
      formats: [format],
      events: event === undefined ? {} : { at8000: event },
      attributes: [rtcpAt(port)],
    },
  );
}
