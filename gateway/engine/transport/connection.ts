import type { Socket } from 'node:net';
import { Framer } from './framer.js';
import type { Listener } from './listener.js';
import type { Endpoint, Timers, Transport } from '../types.js';
import type { Flow, FlowEvents, FlowLoss } from './flow.js';

export interface ConnectionHooks {
  events: FlowEvents;
  messageBytes: number;
  timers: Timers;
  sent(text: string, flow: Flow): void;
  drop(reason: string): void;
  closed(connection: Connection): void;
}

/** A peer that does not read is cut off at this many unsent bytes. */
const MAX_UNSENT = 4 << 20;

/** One TCP or TLS connection, incoming or outgoing. */
export class Connection implements Flow {
  readonly transport: Transport;
  readonly reliable = true;
  readonly listener: Listener;
  readonly remote: Endpoint;
  readonly outgoing: boolean;
  readonly #socket: Socket;
  readonly #hooks: ConnectionHooks;
  readonly #framer: Framer;
  readonly #watchers = new Set<(loss: FlowLoss) => void>();
  #state: 'connecting' | 'open' | 'closed';
  #queue: string[] = [];
  #holders = 0;
  #partialTimer: NodeJS.Timeout | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #local: Endpoint | undefined;

  constructor(
    socket: Socket,
    options: { transport: Transport; listener: Listener; remote: Endpoint; connecting: boolean },
    hooks: ConnectionHooks,
  ) {
    this.transport = options.transport;
    this.listener = options.listener;
    this.remote = options.remote;
    this.outgoing = options.connecting;
    this.#socket = socket;
    this.#hooks = hooks;
    this.#state = 'connecting';
    this.#framer = new Framer(hooks.messageBytes, {
      message: (text) => {
        hooks.events.message(text, this);
      },
      ping: () => {
        this.#write('\r\n');
      },
      oversize: (head) => {
        hooks.events.oversize(head, this);
      },
      garbage: (reason, head) => {
        if (head !== undefined) hooks.events.unframed(head, this);
        hooks.drop('garbage');
        this.#end(reason);
      },
    });
    this.#listen();
    if (!options.connecting) this.opened();
    else socket.setTimeout(hooks.timers.connectTimeout);
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get local(): Endpoint {
    return (this.#local ??= { address: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 });
  }

  /** The connection is up (and, for TLS, the peer verified): what was queued goes out. */
  opened(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    const { idle, keepAlive } = this.#hooks.timers;
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, keepAlive);
    this.#socket.setTimeout(idle);
    if (this.outgoing) {
      // RFC 5626 section 4.4.1; the answer, a CRLF, is skipped by the framer.
      this.#pingTimer = setInterval(() => this.#write('\r\n\r\n'), keepAlive).unref();
    }
    for (const text of this.#queue) this.#transmit(text);
    this.#queue = [];
  }

  send(text: string): void {
    if (this.#state === 'open') this.#transmit(text);
    else if (this.#state === 'connecting') this.#queue.push(text);
  }

  watch(onLost: (loss: FlowLoss) => void): () => void {
    this.#watchers.add(onLost);
    return () => this.#watchers.delete(onLost);
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    this.#holders--;
  }

  /** Idempotent; watchers are told. */
  close(reason: string): void {
    if (this.#state === 'closed') return;
    const established = this.#state === 'open';
    this.#state = 'closed';
    this.#queue = [];
    clearTimeout(this.#partialTimer);
    clearInterval(this.#pingTimer);
    this.#socket.destroy();
    this.#hooks.closed(this);
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const onLost of watchers) onLost({ established, reason });
  }

  #listen(): void {
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk: Buffer | string) => {
      this.#framer.push(String(chunk));
      this.#watchPartial();
    });
    this.#socket.on('error', (error) => {
      this.close(error.message);
    });
    this.#socket.on('close', () => {
      this.close('closed by the peer');
    });
    this.#socket.on('timeout', () => {
      if (this.#state === 'connecting') this.close('connect timeout');
      else if (this.#holders === 0 && this.#watchers.size === 0) this.close('idle');
      else this.#socket.setTimeout(this.#hooks.timers.idle);
    });
  }

  /** A message begun must come to its end: a peer that feeds single bytes does not stay. */
  #watchPartial(): void {
    if (this.#framer.partial === (this.#partialTimer !== undefined)) return;
    clearTimeout(this.#partialTimer);
    this.#partialTimer = this.#framer.partial
      ? setTimeout(() => {
          this.#hooks.drop('incomplete-message');
          this.close('message not completed');
        }, 64 * this.#hooks.timers.t1).unref()
      : undefined;
  }

  #transmit(text: string): void {
    this.#write(text);
    this.#hooks.sent(text, this);
  }

  #write(text: string): void {
    if (this.#state !== 'open') return;
    this.#socket.write(text, 'latin1');
    if (this.#socket.writableLength > MAX_UNSENT) {
      this.#hooks.drop('peer-does-not-read');
      this.close('peer does not read');
    }
  }

  /** Sends what is written (an error response), then closes. */
  #end(reason: string): void {
    this.#socket.end(() => {
      this.close(reason);
    });
  }
}
