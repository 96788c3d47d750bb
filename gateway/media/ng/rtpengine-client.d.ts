/** The part of rtpengine-client 0.4 that is used here; the package has no types of its own. */
declare module 'rtpengine-client' {
  import type { Socket } from 'node:dgram';
  import type { EventEmitter } from 'node:events';

  export class Client extends EventEmitter {
    constructor(options: { localAddress?: string; localPort?: number; timeout?: number; rejectOnError?: boolean });
    readonly socket: Socket;
    close(): void;
    static encodeMessage(cookie: string, message: Record<string, unknown>): Buffer;
    /** Throws on anything but a cookie of 36 characters and bencode. */
    static decodeMessage(datagram: Buffer): { readonly id: string; readonly data: Record<string, unknown> };
  }
}
