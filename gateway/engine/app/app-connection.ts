import { randomUUID, timingSafeEqual, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { parseCommand, type Command } from './commands.js';
import { frame, FrameReader } from './frames.js';

export type SipCommand = Extract<Command, { kind: 'sip' }>;

export type Reply = (tokens: string, later?: boolean) => void;

export interface AppConnectionHooks {
  secret: string;
  /** `OK|…` tokens of a successful authentication. */
  welcome(): string;
  /** Carries out a `sip` command and calls `reply` once, perhaps later, with tokens such as `OK|…` or `NOK|reason`. */
  sip(command: SipCommand, app: AppConnection, reply: Reply): void;
  closed(app: AppConnection, reason: string): void;
}

/** An app's frame may have this many bytes: far above any SIP message. */
const MAX_FRAME = 1 << 20;
/** Unsent bytes at which an app gets no new calls, and at which it is cut off. */
const CONGESTED = 1 << 20;
const MAX_UNSENT = 32 << 20;
/** Longest wait of such a reply (ms). */
const LATER = 20;

/** One connection of an app (drachtio-srf). */
export class AppConnection {
  readonly #socket: Socket;
  readonly #hooks: AppConnectionHooks;
  readonly #reader = new FrameReader(MAX_FRAME);
  readonly #verbs = new Set<string>();
  #authenticated = false;
  #closed = false;
  /** Frames of this turn of the event loop: written together. */
  #out = '';
  #flushing: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;

  constructor(socket: Socket, hooks: AppConnectionHooks) {
    this.#socket = socket;
    this.#hooks = hooks;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: Buffer | string) => {
      this.#read(String(chunk));
    });
    socket.on('error', (error) => {
      this.close(error.message);
    });
    for (const event of ['end', 'close'] as const) {
      socket.on(event, () => {
        this.close('closed by the app');
      });
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** Is it behind with reading? */
  get congested(): boolean {
    return this.#socket.writableLength > CONGESTED;
  }

  get verbs(): ReadonlySet<string> {
    return this.#verbs;
  }

  /** @param payload latin1 text */
  send(payload: string): void {
    if (this.#closed) return;
    this.#out += frame(payload);
    if (this.#flushing !== undefined) return;
    this.#flushing = setImmediate(() => {
      this.#flush();
    });
  }

  /** For replies that an app seldom waits for: they go with the next message, or soon. A write costs more than the message. */
  sendLater(payload: string): void {
    if (this.#closed) return;
    this.#out += frame(payload);
    this.#later ??= setTimeout(() => {
      this.#flush();
    }, LATER);
  }

  /** Idempotent. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearImmediate(this.#flushing);
    clearTimeout(this.#later);
    this.#socket.destroy();
    this.#hooks.closed(this, reason);
  }

  #flush(): void {
    const text = this.#out;
    this.#out = '';
    clearImmediate(this.#flushing);
    clearTimeout(this.#later);
    this.#flushing = undefined;
    this.#later = undefined;
    if (this.#closed || text === '') return;
    this.#socket.write(text, 'latin1');
    if (this.#socket.writableLength > MAX_UNSENT) this.close('app does not read');
  }

  #read(chunk: string): void {
    try {
      for (const payload of this.#reader.push(chunk)) {
        if (this.#closed) return;
        const { id, command } = parseCommand(payload);
        const reply: Reply = (tokens, later = false) => {
          const response = `${randomUUID()}|response|${id}|${tokens}`;
          if (later) this.sendLater(response);
          else this.send(response);
        };
        if (command.kind === 'sip' && this.#authenticated) this.#hooks.sip(command, this, reply);
        else reply(this.#answer(command));
        if (!this.#authenticated) this.#refuse();
      }
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  #answer(command: Command): string {
    if (command.kind === 'authenticate') {
      this.#authenticated = equal(command.secret, this.#hooks.secret);
      return this.#authenticated ? this.#hooks.welcome() : 'NO|incorrect secret';
    }
    if (!this.#authenticated) return 'NO|not authenticated';
    switch (command.kind) {
      case 'route':
        this.#verbs.add(command.verb);
        return 'OK';
      case 'remove-route':
        return this.#verbs.delete(command.verb) ? 'OK' : 'NOK|not routed';
      case 'ping':
        return 'OK|pong';
      case 'sip':
      case 'proxy':
        return `NOK|${command.kind} is not supported by the embedded SIP server`;
      case 'unknown':
        return `NO|unknown command ${command.name}`;
    }
  }

  #refuse(): void {
    this.#flush();
    this.#socket.end(() => {
      this.close('not authenticated');
    });
  }
}

function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();
  return timingSafeEqual(digest(a), digest(Buffer.from(b, 'utf8').toString('latin1')));
}
