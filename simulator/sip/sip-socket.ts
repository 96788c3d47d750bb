import type { TLSSocket } from 'node:tls';
import { Framer } from './framing.js';

/** What the owner of a socket hears from it. */
export interface SipSocketEvents {
  message(raw: string, from: SipSocket): void;
  broken(why: string): void;
  closed(socket: SipSocket): void;
}

/** One TLS connection that carries SIP messages, whoever opened it. */
export class SipSocket {
  constructor(
    private readonly socket: TLSSocket,
    events: SipSocketEvents,
  ) {
    const framer = new Framer({
      message: (raw) => {
        events.message(raw, this);
      },
      ping: () => socket.write('\r\n'),
      broken: (why) => {
        events.broken(why);
        socket.destroy();
      },
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      framer.push(chunk);
    });
    // Why a link was lost does not matter here: the next request opens another.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      events.closed(this);
    });
  }

  get open(): boolean {
    return this.socket.writable;
  }

  /** The other end; empty once the connection is gone. */
  get remote(): { readonly address: string; readonly port: number } {
    return { address: this.socket.remoteAddress ?? '', port: this.socket.remotePort ?? 0 };
  }

  /** Sends a message; false if the link is gone. */
  send(raw: string | Buffer): boolean {
    if (!this.open) return false;
    this.socket.write(raw);
    return true;
  }

  close(): void {
    this.socket.destroy();
  }
}
