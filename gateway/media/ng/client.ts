import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { Client } from 'rtpengine-client';

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

interface Pending {
  readonly resolve: (reply: NgReply) => void;
  readonly reject: (error: Error) => void;
}

/** A cookie, and the beginning of a bencoded dictionary. */
const REPLY = /^([0-9a-f-]{36}) d/;
const ATTEMPTS = 3;

/**
 * One rtpengine node over UDP: the package's socket and its encoding.
 *
 * The package's own exchange is not used: it neither repeats a lost datagram nor survives a late reply quietly, and it
 * spends two turns of the event loop on each reply. Here a command is sent again under the same cookie at a third and
 * two thirds of its time (rtpengine answers a cookie that it has seen from its cache and does not execute twice), and
 * only first replies to open commands are read.
 */
export class NgClient {
  readonly #client: Client;
  readonly #options: NgClientOptions;
  /** Open commands by cookie. */
  readonly #pending = new Map<string, Pending>();
  #closed = false;

  constructor(options: NgClientOptions) {
    this.#options = options;
    const localAddress = isLoopback(options.host) ? '127.0.0.1' : '0.0.0.0';
    this.#client = new Client({ localAddress, timeout: 0, rejectOnError: false });
    // Emitted for socket errors; the command concerned runs into its time limit.
    this.#client.on('error', () => undefined);
    const { socket } = this.#client;
    socket.removeAllListeners('message');
    socket.on('message', (datagram, from) => {
      if (isIP(options.host) === 0 || from.address === options.host) this.#receive(datagram);
    });
    socket.unref();
  }

  get name(): string {
    return `${this.#options.host}:${this.#options.port}`;
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

  /** Fails what is in flight and closes the socket. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { reject } of [...this.#pending.values()]) reject(new NgTimeout('the link to rtpengine is closed'));
    this.#client.close();
  }

  #exchange(command: NgCommand, args: NgArguments, timeoutMs: number): Promise<NgReply> {
    const cookie = randomUUID();
    const datagram = Client.encodeMessage(cookie, { ...args, command });
    return new Promise((resolve, reject) => {
      let sent = 1;
      const timer = setInterval(() => {
        if (sent++ < ATTEMPTS) this.#send(datagram);
        else fail(new NgTimeout(`rtpengine ${this.name} did not answer "${command}" within ${timeoutMs} ms`));
      }, timeoutMs / ATTEMPTS);
      const finish = (): void => {
        clearInterval(timer);
        this.#pending.delete(cookie);
      };
      const fail = (error: Error): void => {
        finish();
        reject(error);
      };
      this.#pending.set(cookie, {
        resolve: (reply) => {
          finish();
          resolve(reply);
        },
        reject: fail,
      });
      this.#send(datagram);
    });
  }

  /** A send error (a name that does not resolve just now) comes as an error of the socket; the repetitions are for that. */
  #send(datagram: Buffer): void {
    this.#client.socket.send(datagram, this.#options.port, this.#options.host);
  }

  #receive(datagram: Buffer): void {
    const cookie = REPLY.exec(datagram.toString('latin1', 0, 38))?.[1];
    const pending = cookie === undefined ? undefined : this.#pending.get(cookie);
    if (pending === undefined) return;
    try {
      pending.resolve(Client.decodeMessage(datagram).data);
    } catch {
      // Garbled: the repetitions bring another one.
    }
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
