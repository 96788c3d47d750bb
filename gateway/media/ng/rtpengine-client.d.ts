/** The part of rtpengine-client 0.4 that is used here; the package has no types of its own. */
declare module 'rtpengine-client' {
  import type { Socket } from 'node:dgram';
  import type { EventEmitter } from 'node:events';

  export type NgCallback = (error: unknown, reply?: Record<string, unknown>) => void;

  export class Client extends EventEmitter {
    constructor(options: { localAddress?: string; localPort?: number; timeout?: number; rejectOnError?: boolean });
    /** Commands in flight, by cookie, in the order sent. */
    messages: Map<string, NgCallback>;
    readonly socket: Socket;
    /** The words rtpengine knows: offer, answer, delete, list, query, ping. */
    send_internal(command: string, options: Record<string, unknown>, callback: NgCallback): this;
    remotePort: number;
    remoteHost: string;
    close(): void;
    static encodeMessage(cookie: string, message: Record<string, unknown>): Buffer;
  }
}
