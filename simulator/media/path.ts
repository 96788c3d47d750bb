import type { RuleId } from '../rules.js';

/** Sends a datagram from the peer's one socket. */
export type SendDatagram = (datagram: Buffer, port: number, address: string) => void;

export interface PathEvents {
  /** Media can be sent now. Once. */
  readonly onReady: () => void;
  /** A decrypted RTP packet; `arrivalMs` is when its datagram left the socket. */
  readonly onRtp: (packet: Buffer, arrivalMs: number) => void;
  /** A decrypted RTCP packet. */
  readonly onRtcp: (packet: Buffer, arrivalMs: number) => void;
  readonly onViolation: (rule: RuleId) => void;
}

/** The way between the socket and plain RTP: keys, and for DTLS also ICE. */
export interface MediaPath {
  /** A datagram of whatever kind from the socket. */
  receive(datagram: Buffer, address: string, port: number, arrivalMs: number): void;
  /** Encrypts and sends; dropped while there is no key or no address. The buffer may be used again at once. */
  sendRtp(packet: Buffer): void;
  sendRtcp(packet: Buffer): void;
  close(): Promise<void>;
}
