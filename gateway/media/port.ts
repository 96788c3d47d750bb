/** What the calls know of media. SDP goes in and out as text; nothing of rtpengine shows here. */
import type { Keying, PbxCodec, WhatsAppCodec } from '../config/types.js';

export interface MediaPort {
  /**
   * Opens a media session for a call that a WhatsApp user places.
   * Rejects with {@link MediaFailure}; then nothing is left behind on any node.
   */
  openUserCall(request: UserCallMedia): Promise<MediaSession>;
  /** Deletes what an earlier life of this gateway left on the nodes. Returns how many. */
  deleteOrphans(): Promise<number>;
  /** Sessions open in this process, for metrics and drain. */
  readonly sessions: number;
  /** False while no node answers. */
  readonly healthy: boolean;
  close(): Promise<void>;
}

export interface UserCallMedia {
  /** Unique per call; names the session on the node and in logs. */
  readonly id: string;
  readonly whatsappOffer: string;
  readonly keying: Keying;
  readonly whatsappCodecs: readonly WhatsAppCodec[];
  readonly pbxCodecs: readonly PbxCodec[];
  /** Called at most once, when the node has forgotten the session or is gone while the call lasts. */
  readonly onLost: (reason: string) => void;
  /** The call may be cancelled while the node has not answered yet: then openUserCall rejects and a made session is deleted. */
  readonly signal: AbortSignal;
}

export interface MediaSession {
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
