import type { RuleId } from '../rules.js';
import type { MediaShare } from './share.js';
import type { Codec } from './sound.js';

export type { Codec, Source } from './sound.js';

export type Keying = 'dtls' | 'sdes';
export interface MediaPeerOptions {
  readonly keying: Keying;
  /** In order of preference; G.711 stands for a number with `additional_codecs`. */
  readonly codecs: readonly Codec[];
  /** IPv4 address to bind and to advertise. */
  readonly address: string;
  /** Port to bind; 0 or none: any free one. */
  readonly port?: number;
  /** False (the default): a ClientHello is dropped until ICE has nominated a pair. */
  readonly earlyClientHello?: boolean;
  /** Offer a second, higher-priority IPv6 candidate that nobody answers, as Meta does. Default true. */
  readonly deadIpv6Candidate?: boolean;
  /** Offer telephone-event/8000. Default true. */
  readonly telephoneEvent?: boolean;
  /** Send nothing before the business has sent its first packet. Default true: Meta's relay waits for it. */
  readonly waitForMaiden?: boolean;
  /** Clock and pre-encoded sounds shared by many peers of one process; without it the peer owns its own. */
  readonly share?: MediaShare;
  /** Limits of Meta's two media timers, in ms; 20 000 and 30 000 when not given. */
  readonly limits?: { readonly startMs: number; readonly gapMs: number };
  /** How much heard audio is kept for measuring, in ms of packets. Default 120 000; counting goes on beyond it. */
  readonly keepAudioMs?: number;
}

/** A fault in the other side's SDP: the rule it breaks, and what was found. */
export interface SdpFault {
  readonly rule: RuleId;
  readonly found: string;
}

export interface ReceivedDigit {
  /** 0-9, *, #, A-D. */
  readonly key: string;
  readonly via: 'rfc4733' | 'inband';
  /** RFC 4733: the final duration field at 8000 Hz; in-band: how long the dual tone was heard. In ms. */
  readonly durationMs: number;
  /** By arrival: from the first packet of the key to the first that ends it, plus one packet time. In ms. */
  readonly arrivalMs: number;
  /** Start of the key in ms after the ACK (after the first packet where no ACK was marked). */
  readonly atMs: number;
}

/** DTLS figures in ms relative to the ACK; negative is before it. Undefined: did not happen. */
export interface DtlsFigures {
  readonly clientHelloFirstMs: number | undefined;
  readonly clientHellosDropped: number;
  readonly iceFirstCheckMs: number | undefined;
  readonly iceNominatedMs: number | undefined;
  readonly dtlsDoneMs: number | undefined;
  /** Checks refused with 487 because the business took the controlled role. */
  readonly roleConflicts: number;
}

/** What the peer heard. All times in ms; `undefined` where there is nothing to measure. */
export interface MediaReport {
  readonly hz: number | undefined;
  /** Power of the strongest tone over the total power in the best second, 0 to 1. */
  readonly purity: number | undefined;
  /** How long a tone at `hz` was heard in all. */
  readonly toneMs: number;
  /** Fraction of the expected sequence numbers that never came. */
  readonly loss: number;
  readonly reordered: number;
  readonly duplicates: number;
  readonly firstAudioMs: number | undefined;
  readonly firstToneMs: number | undefined;
  readonly ssrcs: number;
  /** Longest time between two packets, from the first after the ACK to the end that was marked. */
  readonly largestGapMs: number | undefined;
  /**
   * The same less the time this process may have been held up before it read the packet that ends the gap: what must
   * have been a gap on the wire, however busy the machine is.
   */
  readonly largestSureGapMs: number | undefined;
  readonly packets: number;
  /** RFC 3550, section 6.4.1, the largest estimate during the call. */
  readonly jitterMs: number;
  readonly payloadTypes: readonly number[];
  readonly codec: Codec | undefined;
  readonly digits: readonly ReceivedDigit[];
  readonly dtls: DtlsFigures | undefined;
  readonly rtcpPackets: number;
  /** Packets that failed SRTP authentication or came before there was a key. */
  readonly undecryptable: number;
  readonly packetsSent: number;
  /**
   * How long this process itself was held up at worst while it sent, in ms: arrival times, and so gaps and jitter, are no
   * better than that.
   */
  readonly ownStallMs: number;
  readonly violations: readonly RuleId[];
}

export interface MediaPeerEvents {
  /** A key was heard as RFC 4733 events (in-band keys are found only in the report). */
  digit: [ReceivedDigit];
  /** The first packet that could be decrypted. */
  firstPacket: [];
  /** One of Meta's media timers ran out: Meta would send BYE now. */
  timeout: ['media-start-timeout' | 'media-gap-timeout'];
  violation: [RuleId];
}
