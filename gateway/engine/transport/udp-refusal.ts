import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '../types.js';

/** A peer that has not answered for this long (ms) is asked whether its port is open; again after twice as long, and so on. */
const SILENCE = 120;
/** What comes from a port this soon after its refusal (ms) shows that the refusal was another's, such as a NAT's. */
const TOO_LATE = 2000;
/** How long a port's refusals are not believed (ms). */
const UNHEEDED = 7_200_000;
const MAX_REMEMBERED = 10_000;

interface Waiting {
  readonly remote: Endpoint;
  readonly refused: Set<() => void>;
  timer: NodeJS.Timeout;
  socket: Socket | undefined;
}

/**
 * Tells that nobody listens on a UDP port. Only a connected socket hears of ICMP's port unreachable, and the one that SIP
 * goes out from is not connected: so while a request waits for its first response, a keep-alive (CRLF, which SIP receivers
 * ignore) goes to the same port from a socket of its own. A peer that answers in time never gets one.
 *
 * A NAT or a filter may refuse that socket and let SIP pass: who registers, and who answers after all, is not asked again.
 */
export class UdpRefusals {
  readonly #local: string | undefined;
  readonly #type: 'udp4' | 'udp6';
  readonly #waiting = new Map<string, Waiting>();
  readonly #refusedAt = new Map<string, number>();
  readonly #unheeded = new Map<string, number>();

  /** @param local the address to ask from, `undefined` for any. */
  constructor(type: 'udp4' | 'udp6', local: string | undefined) {
    this.#type = type;
    this.#local = local;
  }

  /** Calls `refused` once when the port is closed. @returns the function that ends the watch; it may be called again. */
  watch(remote: Endpoint, refused: () => void): () => void {
    const key = keyOf(remote);
    if ((this.#unheeded.get(key) ?? 0) > Date.now()) return () => undefined;
    const waiting = this.#waiting.get(key) ?? this.#begin(key, remote);
    // A function of its own for each watch: the same may be given twice.
    const entry = (): void => {
      refused();
    };
    waiting.refused.add(entry);
    return () => {
      waiting.refused.delete(entry);
      if (waiting.refused.size === 0) this.#end(key, waiting);
    };
  }

  /** A message has come from there. */
  heard(remote: Endpoint, text: string): void {
    if (this.#refusedAt.size > 0) {
      const at = this.#refusedAt.get(keyOf(remote));
      if (at !== undefined && Date.now() - at < TOO_LATE) this.#disbelieve(remote);
    }
    if (text.startsWith('REGISTER ')) this.#disbelieve(remote);
  }

  close(): void {
    for (const [key, waiting] of this.#waiting) this.#end(key, waiting);
  }

  #begin(key: string, remote: Endpoint): Waiting {
    const timer = setTimeout(() => {
      this.#ask(key, waiting, SILENCE);
    }, SILENCE);
    const waiting: Waiting = { remote, refused: new Set(), timer, socket: undefined };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  #ask(key: string, waiting: Waiting, after: number): void {
    waiting.timer = setTimeout(() => {
      this.#ask(key, waiting, 2 * after);
    }, 2 * after);
    waiting.socket?.close();
    this.#open(key, waiting);
  }

  #open(key: string, waiting: Waiting): void {
    const { remote } = waiting;
    const socket = createSocket({
      type: this.#type,
      // Targets are numeric here: no look-up.
      lookup: (host, _options, callback) => {
        callback(null, host, this.#type === 'udp6' ? 6 : 4);
      },
    });
    const failed = (error: NodeJS.ErrnoException | null | undefined): void => {
      if (error?.code === 'ECONNREFUSED' && waiting.socket === socket) this.#refused(key, waiting);
    };
    socket.on('error', failed);
    // Before bind(): with a numeric address its callback comes at once.
    waiting.socket = socket;
    socket.bind(0, this.#local, () => {
      if (waiting.socket !== socket) return;
      socket.connect(remote.port, remote.address, (error?: Error) => {
        if (error === undefined && waiting.socket === socket) socket.send('\r\n', failed);
      });
    });
  }

  #refused(key: string, waiting: Waiting): void {
    const told = [...waiting.refused];
    this.#end(key, waiting);
    forget(this.#refusedAt, (at) => Date.now() - at >= TOO_LATE);
    this.#refusedAt.set(key, Date.now());
    for (const refused of told) refused();
  }

  #disbelieve(remote: Endpoint): void {
    const now = Date.now();
    if (this.#unheeded.size >= MAX_REMEMBERED) forget(this.#unheeded, (until) => until <= now);
    if (this.#unheeded.size >= MAX_REMEMBERED) this.#unheeded.clear();
    this.#unheeded.set(keyOf(remote), now + UNHEEDED);
  }

  #end(key: string, waiting: Waiting): void {
    clearTimeout(waiting.timer);
    waiting.refused.clear();
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    waiting.socket?.close();
    waiting.socket = undefined;
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

function forget(map: Map<string, number>, old: (value: number) => boolean): void {
  for (const [key, value] of map) if (old(value)) map.delete(key);
}
