import type { PbxCodec } from '../config/types.js';
import type { RelayHandle } from './conditioner/conditioner.js';
import type { PbxRoute } from './conditioner/messages.js';
import { readPbxAnswer, readPbxOffer, type PbxOffer, type PbxTerms } from './sdp/pbx.js';
import type { AudioFacts, Format } from './sdp/read.js';
import { NO_OTHERS, refusals, type OtherSections } from './sdp/sections.js';
import { rtcpAt, writeSdp, type AudioSection } from './sdp/write.js';

export interface PbxLegOptions {
  readonly relay: Pick<RelayHandle, 'port' | 'pbx'>;
  /** Our address for the PBX. */
  readonly address: string;
  /** The trunk's, in order of preference. */
  readonly codecs: readonly PbxCodec[];
  /** What we offer as long as nothing is agreed. */
  readonly offer: PbxOffer;
  /** Session id of our SDPs (RFC 8866, 5.2). */
  readonly id: string;
}

type Direction = AudioFacts['direction'];
/** Ours to the PBX's (RFC 3264, 6.1). */
const MIRRORED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/**
 * Offer and answer with the PBX. Whatever it changes ends in the relay, which makes the same stream of it for WhatsApp:
 * rtpengine is not told.
 */
export class PbxLeg {
  readonly #o: PbxLegOptions;
  #terms: PbxTerms | undefined;
  #sipAddress: string | undefined;
  /** Where the PBX last said its media are: on hold with `c=0.0.0.0` its music still comes from there. */
  #mediaAddress: string | undefined;
  /** Sections that were refused: they stay in the SDP for the life of the session (RFC 3264, 8). */
  #others: OtherSections = NO_OTHERS;
  #offered: PbxOffer;
  #version = 0;
  #last = '';

  constructor(options: PbxLegOptions) {
    this.#o = options;
    this.#offered = options.offer;
  }

  /** What the PBX agreed to; undefined before it has. */
  get terms(): PbxTerms | undefined {
    return this.#terms;
  }

  /** The present codec first, so that nothing changes needlessly, then what else the trunk allows. */
  offer(): string {
    this.#offered = this.#terms === undefined ? this.#o.offer : continued(this.#o.offer, this.#terms);
    const { formats, events } = this.#offered;
    const protocol = this.#terms?.protocol ?? 'RTP/AVP';
    return this.#write({ protocol, formats, events, direction: 'sendrecv', others: this.#others });
  }

  /** @throws MediaFailure 'sdp'; then everything stays as it was */
  takeOffer(sdp: string, sipAddress?: string): string {
    const now = this.#terms?.format.codec;
    const order = now === undefined ? this.#o.codecs : [now, ...this.#o.codecs.filter((c) => c !== now)];
    const terms = readPbxOffer(sdp, order);
    this.#others = refusals(sdp);
    this.#agree(terms, sipAddress);
    const { event, format, protocol } = terms;
    const events = event === undefined ? {} : { [event.khz === 8 ? 'at8000' : 'at48000']: event.payloadType };
    const direction = MIRRORED[terms.direction];
    return this.#write({ protocol, formats: [format], events, direction, others: this.#others });
  }

  /** @throws MediaFailure 'sdp'; then everything stays as it was */
  takeAnswer(sdp: string, sipAddress?: string): void {
    this.#agree(readPbxAnswer(sdp, this.#offered), sipAddress);
  }

  #agree(terms: PbxTerms, sipAddress: string | undefined): void {
    this.#sipAddress = sipAddress ?? this.#sipAddress;
    const receives = terms.direction === 'sendrecv' || terms.direction === 'recvonly';
    if (!/^(0\.0\.0\.0|::)$/.test(terms.address)) this.#mediaAddress = terms.address;
    const before = this.#terms;
    this.#terms = terms;
    const route: PbxRoute = {
      endpoint: { address: this.#mediaAddress ?? terms.address, port: terms.port },
      addresses: [this.#mediaAddress, this.#sipAddress].filter((a) => a !== undefined),
      audio: terms.format,
      formats: withFormer(terms.formats, before?.formats),
      ...(terms.event === undefined ? {} : { event: terms.event }),
      events: [
        ...terms.events,
        ...(before?.events ?? []).filter((p) => !terms.formats.some((f) => f.payloadType === p)),
      ],
      receives,
      sends: terms.direction === 'sendrecv',
    };
    this.#o.relay.pbx(route);
  }

  /** The version grows where the text differs (RFC 3264, 8): an unchanged one tells the PBX that nothing has changed. */
  #write(section: Omit<AudioSection, 'address' | 'port' | 'opus' | 'attributes'>): string {
    const { id, address, relay, offer } = this.#o;
    const { port } = relay;
    const audio = { ...section, address, port, opus: offer.opus, attributes: [rtcpAt(port)] };
    const same = writeSdp({ id, version: this.#version }, audio);
    if (same === this.#last) return same;
    this.#version += 1;
    this.#last = writeSdp({ id, version: this.#version }, audio);
    return this.#last;
  }
}

/** Packets on their way still have the numbers of before. */
function withFormer(formats: readonly Format[], former: readonly Format[] = []): readonly Format[] {
  return [...formats, ...former.filter((f) => !formats.some((n) => n.payloadType === f.payloadType))];
}

/** A payload type keeps its meaning for the life of a session (RFC 3264, 8.3.2): the PBX's numbers come first. */
function continued(plan: PbxOffer, { format, event }: PbxTerms): PbxOffer {
  const used = new Set([format.payloadType, ...(event === undefined ? [] : [event.payloadType])]);
  const others = plan.formats.filter((f) => f.codec !== format.codec && !used.has(f.payloadType));
  const formats = [format, ...others];
  const free = (p: number | undefined): number | undefined =>
    p === undefined || used.has(p) || formats.some((f) => f.payloadType === p) ? undefined : p;
  const at8000 = event?.khz === 8 ? event.payloadType : free(plan.events.at8000);
  const at48000 = event?.khz === 48 ? event.payloadType : free(plan.events.at48000);
  return {
    ...plan,
    formats,
    events: { ...(at8000 === undefined ? {} : { at8000 }), ...(at48000 === undefined ? {} : { at48000 }) },
  };
}
