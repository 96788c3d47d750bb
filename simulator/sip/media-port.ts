import type { SdpFault } from '../media/types.js';

/** What the SIP side needs of the user's media; `MediaPeer` of simulator/media is one. */
export interface MediaPort {
  /** The SDP of the INVITE. */
  offerSdp(): string;
  /** Takes the SDP of the 200; returns the rules it breaks. */
  setAnswer(sdp: string): readonly SdpFault[];
  /** The ACK has left: time zero of what is measured. */
  markAck(): void;
  /** BYE was sent or has come: what is heard later does not count. */
  markEnd(): void;
  /** One of Meta's media timers ran out: the stand-in sends BYE. */
  on(event: 'timeout', listener: (rule: 'media-start-timeout' | 'media-gap-timeout') => void): unknown;
  /** Releases sockets and timers; the call closes its media when it ends. Idempotent. */
  close(): Promise<void>;
}
