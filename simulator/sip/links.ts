import { LinkError } from './link.js';
import type { SipSocket } from './sip-socket.js';

interface Opening {
  readonly opened: Promise<SipSocket>;
  readonly abort: () => void;
}

/** The links to the gateway, one per source address, each opened when it is first needed and again after it was lost. */
export class Links {
  readonly #open = new Map<string, SipSocket>();
  readonly #opening = new Map<string, Opening>();
  #closed = false;

  constructor(private readonly connect: (localAddress: string | undefined) => Opening) {}

  /** Sends on the link from this source address; rejects with LinkError if there is none to be had. */
  async send(raw: string, localAddress?: string): Promise<void> {
    const key = localAddress ?? '';
    if (this.#open.get(key)?.send(raw) === true) return;
    const socket = await this.#join(key, localAddress);
    if (!socket.send(raw)) throw new LinkError('the link was lost as soon as it was open');
  }

  /** To be told of every socket that closes. */
  lost(socket: SipSocket): void {
    for (const [key, open] of this.#open) if (open === socket) this.#open.delete(key);
  }

  drop(): void {
    for (const socket of this.#open.values()) socket.close();
    this.#open.clear();
  }

  close(): void {
    this.#closed = true;
    this.drop();
    for (const { abort } of this.#opening.values()) abort();
  }

  #join(key: string, localAddress: string | undefined): Promise<SipSocket> {
    if (this.#closed) return Promise.reject(new LinkError('the edge is closed'));
    const underWay = this.#opening.get(key);
    if (underWay) return underWay.opened;
    const { opened, abort } = this.connect(localAddress);
    const settled = opened
      .then((socket) => {
        this.#open.set(key, socket);
        return socket;
      })
      .finally(() => this.#opening.delete(key));
    this.#opening.set(key, { opened: settled, abort });
    return settled;
  }
}
