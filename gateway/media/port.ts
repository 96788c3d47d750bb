/** What the calls know of media. SDP goes in and out as text; nothing of rtpengine shows here. */
import type { Keying, PbxCodec, WhatsAppCodec } from '../config/types.js';

export interface MediaPort {
  /**
   * Opens a media session for a call that a WhatsApp user places.
   * Rejects with {@link MediaFailure}; then nothing is left behind on any node.
   */
  openUserCall(request: UserCallMedia): Promise<MediaSession>;
  /**
   * Opens a media session for a call from the PBX to a WhatsApp user.
   * Rejects with {@link MediaFailure}; then nothing is left behind on any node.
   */
  openBusinessCall(request: BusinessCallMedia): Promise<BusinessCallMediaSession>;
  /** Deletes what an earlier life of this gateway left on the nodes. Returns how many. */
  deleteOrphans(): Promise<number>;
  /** Sessions open in this process, for metrics and drain. */
  readonly sessions: number;
  /** False while no node answers. */
  readonly healthy: boolean;
  /** Every configured node; `host:port`. */
  readonly nodes: readonly { readonly name: string; readonly up: boolean }[];
  close(): Promise<void>;
}

/** What media needs to know of every call. */
export interface CallMedia {
  /** Unique per call; names the session on the node and in logs. */
  readonly id: string;
  readonly keying: Keying;
  readonly whatsappCodecs: readonly WhatsAppCodec[];
  readonly pbxCodecs: readonly PbxCodec[];
  /** Called at most once, when the node has forgotten the session or is gone while the call lasts. */
  readonly onLost: (reason: string) => void;
  /** What the watchdog sees while the call lasts: each trouble once when it begins, and once when it is over. */
  readonly onTrouble?: (trouble: MediaTrouble) => void;
  /** The call may be cancelled while the node has not answered yet: then opening rejects and a made session is deleted. */
  readonly signal: AbortSignal;
}

export interface UserCallMedia extends CallMedia {
  readonly whatsappOffer: string;
}

export interface BusinessCallMedia extends CallMedia {
  /** undefined: the PBX's INVITE had no SDP; the session then makes the offer for the 200 to the PBX. */
  readonly pbxOffer: string | undefined;
  /** Where the PBX's SIP comes from: its RTP is taken from there, too. */
  readonly pbxAddress?: string;
}

export interface MediaTrouble {
  /** The leg from which no audio comes; `one-way`: the other leg has audio at the same time. */
  readonly kind: 'no-audio';
  readonly from: 'pbx' | 'whatsapp';
  readonly oneWay: boolean;
  /** false: it is over. */
  readonly present: boolean;
  /** How long nothing has come (or came), ms. */
  readonly silentMs: number;
}

/**
 * The PBX may change its side at any time (hold, transfer, codec, address). What WhatsApp was told stays as it is:
 * nothing here ever changes Meta's side of the session, and media toward WhatsApp never stops.
 */
export interface PbxSide {
  /**
   * An offer of the PBX in its dialog (re-INVITE, UPDATE) in, the answer for it out. The o= version is one higher where the
   * answer differs from the SDP before; one that does not differ keeps it (RFC 3264, 8).
   * Rejects with {@link MediaFailure} 'sdp' when it cannot be served: 488, and everything stays as it was.
   */
  pbxOffers(sdp: string, pbxAddress?: string): Promise<string>;
  /**
   * Our offer for a re-INVITE of the PBX without SDP, or for another PBX leg: what is agreed now, sendrecv, then the
   * trunk's other codecs; the o= version one higher where it differs from the SDP before.
   */
  offerToPbx(): string;
  /** The PBX's answer to {@link offerToPbx} (in its ACK), or of another PBX leg that takes over (REFER). */
  pbxAnswers(sdp: string, pbxAddress?: string): Promise<void>;
  /**
   * A key that the PBX sent by SIP INFO, for the user: RFC 4733, or a tone where Meta has no telephone-event. Keys queue.
   * What is no key of 0-9, *, #, A-D is left out; durations outside of 40 to 8000 ms are brought there.
   */
  sendKey(key: string, durationMs: number): void;
}

export interface MediaSession extends PbxSide {
  /** Offer for the PBX: plain RTP, ptime 20, telephone-event/8000. */
  readonly pbxOffer: string;
  /**
   * PBX's answer in, the answer for Meta out. Rejects with {@link MediaFailure}. Nothing flows toward Meta yet.
   * @param pbxAddress where the PBX's SIP comes from: its RTP is taken from there, too, should its SDP name a private address
   */
  answer(pbxAnswer: string, pbxAddress?: string): Promise<string>;
  /** Meta has been sent its 200: media toward Meta starts now, silence until the PBX speaks. */
  start(): void;
  /** Ends the session on its node. Idempotent; resolves also when the node is silent. */
  close(): Promise<MediaStats | undefined>;
}

export interface BusinessCallMediaSession extends PbxSide {
  /** Offer for Meta. */
  readonly whatsappOffer: string;
  /**
   * Plays a ringing tone (425 Hz, 1 s on, 4 s off) to the PBX until {@link answer}; returns the SDP for a 183.
   * Rejects with {@link MediaFailure} when the PBX has neither offered nor answered yet.
   */
  ringback(): Promise<string>;
  /**
   * Meta's answer in; out comes the SDP for the 200 to the PBX: the answer to its offer, or our offer where its INVITE had
   * none (then {@link pbxAnswers} follows with the ACK). Rejects with {@link MediaFailure}.
   */
  answer(whatsappAnswer: string): Promise<string>;
  /** Media toward Meta starts now: Meta's 200 is ACKed. Silence until the PBX speaks. */
  start(): void;
  close(): Promise<MediaStats | undefined>;
}

export interface MediaStats {
  readonly fromWhatsApp: LegStats;
  readonly fromPbx: LegStats;
}

export interface LegStats {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
}

export type MediaFailureKind =
  /** The SDP cannot be served: 488. `detail` says which line or what is missing. */
  | 'sdp'
  /** No node answered, or the node refused: 503. */
  | 'unavailable'
  /** Every node is full: 503 with Retry-After. */
  | 'full'
  /** The call went away meanwhile. */
  | 'aborted';

export class MediaFailure extends Error {
  override readonly name = 'MediaFailure';
  constructor(
    readonly kind: MediaFailureKind,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}
