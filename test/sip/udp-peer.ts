/** A SIP peer on UDP that says exactly what it is told, once: no transactions, no retransmission. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { within } from './within.js';

export interface WireMessage {
  readonly startLine: string;
  readonly text: string;
  header(name: string): string | undefined;
  /** All lines of a header. */
  lines(name: string): string[];
}

export class UdpPeer {
  readonly received: WireMessage[] = [];
  /** Sees every message first; true: it is dealt with. */
  react: (message: WireMessage, peer: UdpPeer) => boolean = () => false;
  readonly #socket: Socket = createSocket('udp4');
  readonly #waiting: {
    readonly start: string;
    readonly callId: string | undefined;
    readonly resolve: (m: WireMessage) => void;
  }[] = [];
  readonly #remotePort: number;

  private constructor(remotePort: number) {
    this.#remotePort = remotePort;
    this.#socket.on('message', (data) => {
      this.#receive(parse(data.toString()));
    });
  }

  static async open(remotePort: number): Promise<UdpPeer> {
    const peer = new UdpPeer(remotePort);
    peer.#socket.bind(0, '127.0.0.1');
    await once(peer.#socket, 'listening');
    return peer;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  send(startLine: string, headers: readonly string[], body = ''): void {
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const text = [startLine, ...headers, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
    this.#socket.send(text, this.#remotePort, '127.0.0.1');
  }

  request(
    method: string,
    uri: string,
    call: { id: string; cseq: number; toTag?: string; branch?: string },
    body = '',
    extra: string[] = [],
  ): void {
    const branch = call.branch ?? `z9hG4bK-${call.id}-${String(call.cseq)}-${method === 'CANCEL' ? 'INVITE' : method}`;
    this.send(
      `${method} ${uri} SIP/2.0`,
      [
        `Via: SIP/2.0/UDP 127.0.0.1:${String(this.port)};branch=${branch};rport`,
        'Max-Forwards: 70',
        `From: <sip:peer@127.0.0.1>;tag=peer-${call.id}`,
        `To: <sip:gw@127.0.0.1>${call.toTag === undefined ? '' : `;tag=${call.toTag}`}`,
        `Call-ID: ${call.id}`,
        `CSeq: ${String(call.cseq)} ${method}`,
        `Contact: <sip:peer@127.0.0.1:${String(this.port)}>`,
        ...extra,
      ],
      body,
    );
  }

  respond(
    request: WireMessage,
    status: string,
    options: { tag?: string; body?: string; headers?: string[] } = {},
  ): void {
    const { tag = 'callee', body = '', headers = [] } = options;
    const to = request.header('to') ?? '';
    this.send(
      `SIP/2.0 ${status}`,
      [
        ...request.lines('via').map((via) => `Via: ${via}`),
        `From: ${request.header('from') ?? ''}`,
        `To: ${to}${to.includes('tag=') ? '' : `;tag=${tag}`}`,
        `Call-ID: ${request.header('call-id') ?? ''}`,
        `CSeq: ${request.header('cseq') ?? ''}`,
        `Contact: <sip:peer@127.0.0.1:${String(this.port)}>`,
        ...headers,
      ],
      body,
    );
  }

  /** The next message whose start line begins so, of one call or any; each is handed out once. */
  take(start: string, callId?: string): Promise<WireMessage> {
    const index = this.received.findIndex((message) => matches(message, start, callId));
    const [found] = index < 0 ? [] : this.received.splice(index, 1);
    if (found) return Promise.resolve(found);
    return within(start, new Promise((resolve) => this.#waiting.push({ start, callId, resolve })));
  }

  #receive(message: WireMessage): void {
    if (this.react(message, this)) return;
    const index = this.#waiting.findIndex(({ start, callId }) => matches(message, start, callId));
    if (index < 0) this.received.push(message);
    else this.#waiting.splice(index, 1)[0]?.resolve(message);
  }
}

function matches(message: WireMessage, start: string, callId: string | undefined): boolean {
  return message.startLine.startsWith(start) && (callId === undefined || message.header('call-id') === callId);
}

function parse(text: string): WireMessage {
  const [startLine = '', ...rest] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  const lines = (name: string) =>
    rest
      .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .map((line) => line.slice(name.length + 1).trim());
  return { startLine, text, lines, header: (name) => lines(name)[0] };
}

export function tagOf(message: WireMessage): string {
  return /;tag=([^;]+)/.exec(message.header('to') ?? '')?.[1] ?? '';
}
