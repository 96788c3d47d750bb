import type { MediaReport, SdpFault } from '../media/types.js';

/** What a call of the business needs of the user's media; a `MediaPeer` is one. */
export interface AnsweringMedia extends Pick<MediaPort, 'markAck' | 'markEnd' | 'on' | 'close'> {
  /** The SDP of the 200 for the offer of the INVITE. Throws Error where there is nothing in common. */
  answerSdp(offer: string): string;
  report?(): Promise<MediaReport>;
}

/** What the SIP side needs of the user's media; `MediaPeer` of simulator/media is one. */
export interface MediaPort {
  /** The SDP of the INVITE. */
  offerSdp(): string;
  /** Takes the SDP of the 200; returns the rules it breaks. */
  setAnswer(sdp: string): readonly SdpFault[];
  /** The ACK has left, or come: time zero of what is measured. */
  markAck(): void;
  /** BYE was sent or has come: what is heard later does not count. */
  markEnd(): void;
  /** One of Meta's media timers ran out: the stand-in sends BYE. */
  on(event: 'timeout', listener: (rule: 'media-start-timeout' | 'media-gap-timeout') => void): unknown;
  /** Releases sockets and timers; the call closes its media when it ends. Idempotent. */
  close(): Promise<void>;
}
