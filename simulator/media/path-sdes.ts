import { META_SUITE, type RemoteSdp, usableCrypto } from './sdp-read.js';
import type { MediaPath, PathEvents, SendDatagram } from './path.js';
import { classify } from './rtp.js';
import { SrtpContext } from './srtp.js';

/** SDES-SRTP: keys from the SDP; media goes to where media comes from, and to the SDP's address until then. */
export class SdesPath implements MediaPath {
  readonly #events: PathEvents;
  readonly #send: SendDatagram;
  readonly #outbound: SrtpContext;
  #inbound: SrtpContext | undefined;
  #remote: { readonly address: string; readonly port: number } | undefined;
  #latched = false;

  /** @param key our master key and salt, 30 bytes. */
  constructor(key: Buffer, events: PathEvents, send: SendDatagram) {
    this.#outbound = new SrtpContext(key, META_SUITE);
    this.#events = events;
    this.#send = send;
  }

  /** Takes the other side's key and address; without a usable key the path stays shut. */
  agree(sdp: RemoteSdp): void {
    const crypto = usableCrypto(sdp);
    if (crypto === undefined || this.#inbound !== undefined) return;
    this.#inbound = new SrtpContext(crypto.key, META_SUITE);
    if (sdp.address !== undefined) this.#remote ??= { address: sdp.address, port: sdp.port };
    this.#events.onReady();
  }

  receive(datagram: Buffer, address: string, port: number, arrivalMs: number): void {
    const kind = classify(datagram);
    if (this.#inbound === undefined || (kind !== 'rtp' && kind !== 'rtcp')) return;
    const packet = kind === 'rtp' ? this.#inbound.unprotect(datagram) : this.#inbound.unprotectRtcp(datagram);
    if (packet === undefined) return;
    if (!this.#latched) {
      this.#latched = true;
      this.#remote = { address, port };
    }
    if (kind === 'rtp') this.#events.onRtp(packet, arrivalMs);
    else this.#events.onRtcp(packet, arrivalMs);
  }

  sendRtp(packet: Buffer): void {
    if (this.#remote !== undefined) this.#send(this.#outbound.protect(packet), this.#remote.port, this.#remote.address);
  }

  sendRtcp(packet: Buffer): void {
    if (this.#remote === undefined) return;
    this.#send(this.#outbound.protectRtcp(packet), this.#remote.port, this.#remote.address);
  }

  close(): Promise<void> {
    this.#remote = undefined;
    return Promise.resolve();
  }
}
