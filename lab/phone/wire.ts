import { randomUUID } from 'node:crypto';
import {
  cseq,
  formatSipText,
  header,
  headerList,
  parameter,
  parseSipText,
  statusOf,
} from '../../simulator/sip/sip-text.js';
import type { SipText } from '../../simulator/sip/sip-text.js';
import { UdpPort } from '../../simulator/media/udp.js';

/** A message as it went over the wire. */
export interface WireMessage {
  readonly direction: 'in' | 'out';
  /** `performance.now()`. */
  readonly atMs: number;
  readonly text: SipText;
}

export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** RFC 3261 17: T1 and 64*T1. */
const T1_MS = 500;
const LIMIT_MS = 32_000;

/** SIP over UDP on loopback: repeats what is not answered, and absorbs what is repeated. */
export class SipWire {
  readonly messages: WireMessage[] = [];
  readonly #clients = new Map<string, (response: SipText) => void>();
  readonly #answered = new Map<string, { readonly text: SipText; readonly to: Peer }>();
  readonly #pending = new Set<() => void>();
  #socket!: UdpPort;

  private constructor(private readonly onRequest: (request: SipText, from: Peer) => void) {}

  static async open(local: string, port: number, onRequest: (request: SipText, from: Peer) => void): Promise<SipWire> {
    const wire = new SipWire(onRequest);
    wire.#socket = await UdpPort.bind(local, port, (datagram, address, from) =>
      wire.#receive(datagram.toString('utf8'), { address, port: from }),
    );
    return wire;
  }

  get port(): number {
    return this.#socket.port;
  }

  /**
   * Sends a request, again until it is answered. Resolves with the final response.
   * @returns undefined when none came in 32 s, or the wire was closed
   */
  request(request: SipText, to: Peer): Promise<SipText | undefined> {
    const key = keyOf(request);
    return new Promise((resolve) => {
      let pause = T1_MS;
      const again = (): void => {
        this.#write(request, to);
        repeat = setTimeout(again, (pause = Math.min(2 * pause, 4000)));
      };
      let repeat = setTimeout(again, pause);
      const giveUp = (): void => done(undefined);
      const limit = setTimeout(giveUp, LIMIT_MS);
      const done = (response: SipText | undefined): void => {
        clearTimeout(repeat);
        clearTimeout(limit);
        this.#pending.delete(giveUp);
        resolve(response);
      };
      this.#pending.add(giveUp);
      this.#clients.set(key, (response) => {
        clearTimeout(repeat);
        if ((statusOf(response) ?? 0) >= 200) done(response);
      });
      this.#write(request, to);
    });
  }

  /** Sends a response, and the same one to each repetition of its request. */
  respond(response: SipText, to: Peer): void {
    this.#answered.set(keyOf(response), { text: response, to });
    this.#write(response, to);
  }

  /** Sends what has no transaction: ACK of a 200, or a 200 once more. */
  send(text: SipText, to: Peer): void {
    this.#write(text, to);
  }

  async close(): Promise<void> {
    for (const giveUp of this.#pending) giveUp();
    await this.#socket.close();
  }

  #write(text: SipText, to: Peer): void {
    this.messages.push({ direction: 'out', atMs: performance.now(), text });
    this.#socket.send(Buffer.from(formatSipText(text)), to.port, to.address);
  }

  #receive(raw: string, from: Peer): void {
    const text = parseSipText(raw);
    if (text === undefined) return; // keep-alive
    this.messages.push({ direction: 'in', atMs: performance.now(), text });
    const key = keyOf(text);
    if (statusOf(text) !== undefined) return this.#clients.get(key)?.(text);
    const before = this.#answered.get(key);
    if (before !== undefined && cseq(text)?.method !== 'ACK') return this.#write(before.text, before.to);
    this.onRequest(text, from);
  }
}

/** RFC 3261 17.1.3, 17.2.3. The ACK of a 200 has a branch of its own and so a key of its own. */
function keyOf(text: SipText): string {
  const branch = parameter(headerList(text, 'via')[0] ?? '', 'branch') ?? '';
  return `${branch} ${cseq(text)?.method ?? ''}`;
}

export const newBranch = (): string => `z9hG4bK${randomUUID()}`;
export const newTag = (): string => randomUUID().slice(0, 8);

/** A response with what RFC 3261 8.2.6 copies; `tag` is added to a To that has none. */
export function responseTo(request: SipText, status: number, reason: string, tag: string, extra: Extra = {}): SipText {
  const copied = request.headers.filter(([name]) => /^(via|from|call-id|cseq|record-route|v|f|i)$/i.test(name));
  const to = header(request, 'to') ?? '';
  return {
    startLine: `SIP/2.0 ${status} ${reason}`,
    headers: [
      ...copied,
      ['To', parameter(to, 'tag') === undefined && status > 100 ? `${to};tag=${tag}` : to],
      ...(extra.headers ?? []),
      ...(extra.body === undefined ? [] : [SDP_TYPE]),
    ],
    body: extra.body ?? '',
  };
}

export interface Extra {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

export const SDP_TYPE = ['Content-Type', 'application/sdp'] as const;
