import { isIP } from 'node:net';
import { Client, type NgCallback } from 'rtpengine-client';

export type NgCommand = 'offer' | 'answer' | 'delete' | 'query' | 'list' | 'ping';
export type NgArguments = Readonly<Record<string, unknown>>;
export type NgReply = Readonly<Record<string, unknown>>;

/** The node answered nothing in time, or could not be reached. It may nevertheless have done what was asked. */
export class NgTimeout extends Error {
  override readonly name = 'NgTimeout';
}

/** The node answered `result: error`. */
export class NgRefusal extends Error {
  override readonly name = 'NgRefusal';
  constructor(readonly reason: string) {
    super(reason);
  }
  /** rtpengine's --max-sessions, or its limits on load, are reached. */
  get full(): boolean {
    return /limit (reached|exceeded)/i.test(this.reason);
  }
}

export interface NgClientOptions {
  readonly host: string;
  readonly port: number;
  /** All attempts of one command together, ms. */
  readonly timeoutMs: number;
}

/** The package chooses the cookie and tells nobody; the map it keeps its commands in does. */
class Pending extends Map<string, NgCallback> {
  newest = '';
  override set(cookie: string, callback: NgCallback): this {
    this.newest = cookie;
    return super.set(cookie, callback);
  }
}

/** A cookie as the package makes them, and the beginning of a bencoded dictionary. */
const COOKIE = /^([0-9a-f-]{36}) d/;

/**
 * One rtpengine node over UDP.
 *
 * The package neither repeats a lost datagram nor survives a late reply quietly, so both are done here: a command is
 * sent again under the same cookie at a third and two thirds of its time (rtpengine answers a cookie that it has seen
 * from its cache and does not execute twice), and only first replies to open commands reach the package.
 */
export class NgClient {
  readonly #client: Client;
  readonly #pending = new Pending();
  readonly #options: NgClientOptions;
  readonly #rejects = new Set<(error: Error) => void>();
  /** Open commands whose reply the package has, but not yet parsed. */
  readonly #answered = new Set<string>();
  #closed = false;

  constructor(options: NgClientOptions) {
    this.#options = options;
    const localAddress = isLoopback(options.host) ? '127.0.0.1' : '0.0.0.0';
    this.#client = new Client({ localAddress, timeout: 0, rejectOnError: false });
    this.#client.messages = this.#pending;
    this.#client.remoteHost = options.host;
    this.#client.remotePort = options.port;
    // Emitted for garbage and for socket errors; either way the command concerned runs into its time limit.
    this.#client.on('error', () => undefined);
    this.#acceptOnlyReplies();
    this.#client.socket.unref();
  }

  /**
   * Sends a command and waits for its reply.
   * @throws NgTimeout when nothing came within `timeoutMs`; NgRefusal when rtpengine answered with an error.
   */
  async request(command: NgCommand, args: NgArguments = {}, timeoutMs = this.#options.timeoutMs): Promise<NgReply> {
    if (this.#closed) throw new NgTimeout('the link to rtpengine is closed');
    const reply = await this.#exchange(command, args, timeoutMs);
    if (reply.result === 'error') throw new NgRefusal(text(reply['error-reason']) ?? 'no reason given');
    // Newer rtpengines say so when a limit on load is reached.
    if (reply.result === 'load limit') throw new NgRefusal(text(reply.message) ?? 'Load limit exceeded');
    return reply;
  }

  #exchange(command: NgCommand, args: NgArguments, timeoutMs: number): Promise<NgReply> {
    return new Promise((resolve, reject) => {
      let sent = 1;
      const finish = (): void => {
        clearInterval(timer);
        this.#rejects.delete(fail);
        this.#pending.delete(cookie);
        this.#answered.delete(cookie);
      };
      const fail = (error: Error): void => {
        finish();
        reject(error);
      };
      const timer = setInterval(() => {
        if (sent === 3) {
          fail(new NgTimeout(`rtpengine ${this.name} did not answer "${command}" within ${timeoutMs} ms`));
        } else {
          sent += 1;
          this.#pending.set(cookie, onReply);
          this.#repeat(cookie, { ...args, command });
        }
      }, timeoutMs / 3);
      const onReply: NgCallback = (error, reply) => {
        // A send error (a name that does not resolve just now) is left to the repetitions.
        if (error != null || reply === undefined) return;
        finish();
        resolve(reply);
      };
      this.#rejects.add(fail);
      this.#client.send_internal(command, args, onReply);
      const cookie = this.#pending.newest;
    });
  }

  get name(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }

  /** Fails what is in flight and closes the socket. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const reject of [...this.#rejects]) reject(new NgTimeout('the link to rtpengine is closed'));
    this.#client.close();
  }

  /** What answers no open command, or answers it again, the package would print to stdout. */
  #acceptOnlyReplies(): void {
    const { socket } = this.#client;
    const [deliver] = socket.listeners('message') as ((datagram: Buffer) => void)[];
    socket.removeAllListeners('message');
    socket.on('message', (datagram, from) => {
      if (isIP(this.#options.host) !== 0 && from.address !== this.#options.host) return;
      const cookie = COOKIE.exec(datagram.toString('latin1', 0, 38))?.[1];
      if (cookie === undefined || !this.#pending.has(cookie) || this.#answered.has(cookie)) return;
      this.#answered.add(cookie);
      deliver?.(datagram);
    });
  }

  #repeat(cookie: string, message: Record<string, unknown>): void {
    const datagram = Client.encodeMessage(cookie, message);
    this.#client.socket.send(datagram, this.#options.port, this.#options.host, () => undefined);
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
