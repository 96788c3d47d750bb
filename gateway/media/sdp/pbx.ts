/** The PBX's side: plain RTP through the conditioner. */
import type { PbxCodec } from '../../config/types.js';
import { MediaFailure } from '../port.js';
import { readAudio, type AudioFacts, type Format } from './read.js';
import { writeSdp } from './write.js';

const ANSWER = "the PBX's answer";

export interface PbxOffer {
  /** In the trunk's order of preference. */
  readonly formats: readonly Format[];
  readonly events: AudioFacts['events'];
  readonly opus: string;
}

export interface PbxAnswer {
  readonly address: string;
  readonly port: number;
  /** The codec that the PBX will send, under the payload type of its answer. */
  readonly format: Format;
  readonly event?: { readonly payloadType: number; readonly khz: 8 | 48 };
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
  if (whatsappEvent === undefined) return { formats, events: {}, opus };
  const used = new Set([...formats.map((f) => f.payloadType), whatsappEvent]);
  const at48000 = [110, 109, 108, 107, 106].find((p) => !used.has(p));
  const wide = formats.some((f) => f.codec === 'opus') && at48000 !== undefined;
  return { formats, events: wide ? { at8000: whatsappEvent, at48000 } : { at8000: whatsappEvent }, opus };
}

export function writePbxOffer(offer: PbxOffer, id: string, address: string, port: number): string {
  return writeSdp(
    { id, version: 1 },
    {
      address,
      port,
      protocol: 'RTP/AVP',
      formats: offer.formats,
      events: offer.events,
      opus: offer.opus,
      attributes: [rtcpAt(port)],
    },
  );
}

/** @throws MediaFailure 'sdp' when the PBX took none of what it was offered */
export function readPbxAnswer(sdp: string, offer: PbxOffer): PbxAnswer {
  const facts = readAudio(sdp, ANSWER);
  const format = facts.formats.find((f) => offer.formats.some((o) => o.codec === f.codec));
  if (format === undefined) {
    const offered = offer.formats.map((f) => f.codec).join(', ');
    throw new MediaFailure('sdp', `${ANSWER} has ${facts.names.join(', ') || 'no codec'}; offered were ${offered}`);
  }
  if (!/^RTP\/AVPF?$/.test(facts.protocol)) {
    throw new MediaFailure('sdp', `${ANSWER} has ${facts.protocol}; offered was RTP/AVP`);
  }
  const event = eventOf(facts, format.codec);
  return { address: facts.address, port: facts.port, format, ...(event === undefined ? {} : { event }) };
}

/** An event's clock is that of the audio beside it where there is the choice (RFC 4733, 2.1). */
function eventOf({ events }: AudioFacts, codec: PbxCodec): PbxAnswer['event'] {
  if (codec === 'opus' && events.at48000 !== undefined) return { payloadType: events.at48000, khz: 48 };
  if (events.at8000 !== undefined) return { payloadType: events.at8000, khz: 8 };
  return undefined;
}

/** The PBX's answer as rtpengine sees it: the conditioner in the PBX's place. */
export function answerForNode(
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

/** RTCP comes to the RTP port and ends there: the next port up may be another call's (RFC 3605). */
const rtcpAt = (port: number): string => `a=rtcp:${port}`;
