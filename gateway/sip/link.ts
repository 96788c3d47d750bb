/** The connection to the SIP server: made, watched, made again, closed. */
import type { Socket } from 'node:net';
import type { SrfAgent, SrfLike } from './drachtio-types.js';
import { farEndOf } from './far-end.js';
import type { SipLog } from './log.js';
import type { FarEnd } from './port.js';

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** How long connect() tries, milliseconds (default 10,000). */
  readonly connectTimeoutMs?: number;
  /** A ping is sent this often, milliseconds (default 5,000); the link is given up when two go by unanswered. */
  readonly heartbeatMs?: number;
  readonly log: SipLog;
}

export interface LinkEvents {
  up(farEnd: FarEnd): void;
  down(): void;
}

// The longest message that makes sense; the app protocol itself stops at 100,000 bytes.
const MAX_FRAME = 1_000_000;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

type State =
  | { readonly kind: 'idle' | 'closed' }
  | {
      readonly kind: 'connecting';
      readonly resolve: (farEnd: FarEnd) => void;
      readonly reject: (error: Error) => void;
      readonly deadline: NodeJS.Timeout;
      lastError: string;
    }
  | { readonly kind: 'up'; readonly socket: Socket; readonly heartbeat: NodeJS.Timeout }
  | { readonly kind: 'down' };

export class Link {
  readonly #srf: SrfLike;
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #sockets = new Set<Socket>();
  #state: State = { kind: 'idle' };

  constructor(srf: SrfLike, options: LinkOptions, events: LinkEvents) {
    this.#srf = srf;
    this.#options = options;
    this.#events = events;
    srf.on('connect', (error: Error | null | undefined, _hostports: unknown, version: unknown) => {
      this.#onConnect(error, typeof version === 'string' ? version : '');
    });
    // Without a listener a refused connection would end the process.
    srf.on('error', (error: Error) => {
      this.#options.log.warn({ err: error.message, server: this.#server }, 'connection to the SIP server failed');
      if (this.#state.kind === 'connecting') this.#state.lastError = error.message;
    });
  }

  get up(): boolean {
    return this.#state.kind === 'up';
  }

  get agent(): SrfAgent | undefined {
    return this.#state.kind === 'up' ? this.#srf.app.client : undefined;
  }

  get #server(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }

  /** Rejects when the secret is wrong, or the server was not reached in time; then the link is closed. */
  connect(): Promise<FarEnd> {
    if (this.#state.kind !== 'idle') return Promise.reject(new Error('the link to the SIP server was used already'));
    const { host, port, secret, connectTimeoutMs = 10_000 } = this.#options;
    return new Promise<FarEnd>((resolve, reject) => {
      const deadline = setTimeout(() => {
        const why = this.#state.kind === 'connecting' ? this.#state.lastError : '';
        this.#fail(
          new Error(`SIP server ${this.#server}: not reached within ${connectTimeoutMs} ms${why && `: ${why}`}`),
        );
      }, connectTimeoutMs);
      this.#state = { kind: 'connecting', resolve, reject, deadline, lastError: '' };
      // Without retryMaxDelay the pause between two attempts grows without limit.
      this.#srf.connect({ host, port, secret, reconnect: { retryMaxDelay: 5000 } });
      this.#srf.app.client?.wp.on('connect', (socket) => {
        this.#adopt(socket);
      });
    });
  }

  /** Idempotent. Resolves when the connection is closed. */
  async close(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'closed') return;
    if (state.kind === 'connecting') {
      this.#fail(new Error('closed while connecting to the SIP server'));
      return;
    }
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    this.#shut();
    if (state.kind === 'up') this.#events.down();
    await Promise.all(closed);
  }

  #fail(error: Error): void {
    const state = this.#state;
    this.#shut();
    if (state.kind === 'connecting') state.reject(error);
  }

  #shut(): void {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'connecting') clearTimeout(state.deadline);
    if (state.kind === 'up') clearInterval(state.heartbeat);
    const wire = this.#srf.app.client?.wp;
    if (wire) {
      wire.closing = true;
      clearTimeout(wire.reconnectVars?.retryTimer ?? undefined);
    }
    for (const socket of this.#sockets) socket.destroySoon();
  }

  #onConnect(error: Error | null | undefined, version: string): void {
    if (error) {
      const refused = new Error(`SIP server ${this.#server}: refused the secret`);
      this.#options.log.error({ server: this.#server }, refused.message);
      if (this.#state.kind === 'connecting') this.#fail(refused);
      return;
    }
    const socket = this.#srf.app.client?.mapServer.keys().next().value;
    if (this.#state.kind === 'closed' || socket === undefined) return;
    const farEnd = farEndOf(version);
    const connecting = this.#state.kind === 'connecting' ? this.#state : undefined;
    if (connecting) clearTimeout(connecting.deadline);
    this.#state = { kind: 'up', socket, heartbeat: this.#startHeartbeat(socket) };
    this.#options.log.info({ server: this.#server, version }, 'connected to the SIP server');
    connecting?.resolve(farEnd);
    this.#events.up(farEnd);
  }

  /**
   * drachtio-srf throws on a malformed frame, and its reader is called by the socket: the exception would end the process.
   * Here it ends the connection instead.
   */
  #adopt(socket: Socket): void {
    if (this.#state.kind === 'closed') {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#onClose(socket);
    });
    for (const reader of socket.listeners('data') as ((chunk: Buffer) => void)[]) {
      socket.off('data', reader);
      socket.on('data', (chunk: Buffer) => {
        // What the requests in one read lead to goes out in one write.
        socket.cork();
        process.nextTick(() => {
          socket.uncork();
        });
        try {
          reader(chunk);
          this.#checkRemainder(socket);
        } catch (error) {
          this.#options.log.error(
            { err: String(error).slice(0, 200) },
            'malformed message from the SIP server; connecting again',
          );
          socket.destroy();
        }
      });
    }
  }

  /** A length prefix that never ends would make the reader gather for ever. */
  #checkRemainder(socket: Socket): void {
    const rest = this.#srf.app.client?.wp.mapIncomingMsg.get(socket)?.incomingMsg;
    const first = rest?.[0];
    if (!rest || first === undefined) return;
    if (first < DIGIT_0 || first > DIGIT_9 || rest.length > MAX_FRAME) throw new Error('no length prefix');
  }

  #onClose(socket: Socket): void {
    const state = this.#state;
    if (state.kind !== 'up' || state.socket !== socket) return;
    clearInterval(state.heartbeat);
    this.#state = { kind: 'down' };
    this.#options.log.error({ server: this.#server }, 'connection to the SIP server lost');
    this.#events.down();
  }

  /** A server that is gone without a FIN is found out by this alone. */
  #startHeartbeat(socket: Socket): NodeJS.Timeout {
    // Two: after a pause of our own process this timer may run before an answer that has arrived is read.
    let unanswered = 0;
    return setInterval(() => {
      const agent = this.#srf.app.client;
      const pending = agent?.mapServer.get(socket)?.pendingRequests;
      if (unanswered === 2 || !agent || !pending) {
        this.#options.log.error({ server: this.#server }, 'the SIP server does not answer; connecting again');
        socket.destroy();
        return;
      }
      unanswered++;
      pending.set(agent.wp.send(socket, 'ping'), () => {
        unanswered = 0;
      });
    }, this.#options.heartbeatMs ?? 5000);
  }
}
