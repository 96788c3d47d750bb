/** The far end of the app protocol under the test's hand: it answers only what it must and says only what it is told. */
import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { within } from './within.js';

export interface AppMessage {
  readonly id: string;
  /** After the id: `sip`, transaction id, dialog id, next hop … */
  readonly tokens: readonly string[];
  readonly startLine: string;
  readonly sip: string;
  header(name: string): string | undefined;
}

const LEADER = 'network|100|udp|127.0.0.1|5080|10:00:00.000000';

export class FakeServer {
  readonly messages: AppMessage[] = [];
  readonly sockets = new Set<Socket>();
  answersPings = true;
  /** Nothing is answered, not even the secret. */
  silent = false;
  connections = 0;
  readonly events = new EventEmitter();
  readonly #server: Server = createServer((socket) => {
    this.#serve(socket);
  });
  readonly #waiting: { readonly start: string; readonly resolve: (message: AppMessage) => void }[] = [];
  #nextId = 0;
  readonly #version: string;

  private constructor(version: string) {
    this.#version = version;
  }

  static async start(version = 'v0.9.10-wa-trunk-embedded', port = 0): Promise<FakeServer> {
    const fake = new FakeServer(version);
    fake.#server.listen(port, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** The next SIP message of the app whose start line begins so; each is handed out once. */
  take(start: string): Promise<AppMessage> {
    const index = this.messages.findIndex((message) => message.startLine.startsWith(start));
    const [found] = index < 0 ? [] : this.messages.splice(index, 1);
    if (found) return Promise.resolve(found);
    return within(start, new Promise((resolve) => this.#waiting.push({ start, resolve })));
  }

  raw(text: string | Buffer): void {
    for (const socket of this.sockets) socket.write(text);
  }

  send(payload: string): void {
    const text = `${String(this.#nextId++)}|${payload}`;
    this.raw(`${Buffer.byteLength(text)}#${text}`);
  }

  /** A SIP message from the network. */
  deliver(ids: { txn: string; dialog?: string }, sip: string): void {
    this.send(`sip|${LEADER}|${ids.txn}|${ids.dialog ?? ''}|127.0.0.1|5060|\r\n${sip}`);
  }

  /** Of the server's own making: what drachtio calls unsolicited. */
  deliverOwn(dialog: string, sip: string): void {
    this.send(`sip|application|100|udp|127.0.0.1|5080|10:00:00.000000|unsolicited|${dialog}|127.0.0.1|5060|\r\n${sip}`);
  }

  /** Tells the app that its message went out. */
  sent(message: AppMessage, ids: { txn: string; dialog?: string }): void {
    const end = ids.dialog === undefined ? 'Msg sent:|' : `${ids.dialog}||Msg sent:|`;
    const leader = LEADER.replace('network', 'application');
    this.send(`response|${message.id}|OK|${leader}|${ids.txn}|${end}\r\n${message.sip}`);
  }

  refuse(message: AppMessage, why: string): void {
    this.send(`response|${message.id}|NOK|${why}`);
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    this.events.emit('connection');
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let hash = rest.indexOf('#'); hash > 0; hash = rest.indexOf('#')) {
        const end = hash + 1 + Number(rest.toString('utf8', 0, hash));
        if (rest.length < end) return;
        this.#receive(rest.toString('utf8', hash + 1, end), socket);
        rest = rest.subarray(end);
      }
    });
  }

  #receive(payload: string, socket: Socket): void {
    const end = payload.indexOf('\r\n');
    const [id = '', ...tokens] = (end < 0 ? payload : payload.slice(0, end)).split('|');
    if (this.silent) return;
    switch (tokens[0]) {
      case 'authenticate':
        if (tokens[1] === 'secret') {
          this.send(`response|${id}|OK|udp/127.0.0.1:5060|${this.#version}|udp/127.0.0.1:5060`);
        } else {
          this.send(`response|${id}|NO|incorrect secret`);
          socket.end();
        }
        return;
      case 'ping':
        this.events.emit('ping');
        if (this.answersPings) this.send(`response|${id}|OK|pong`);
        return;
      case 'sip': {
        const sip = payload.slice(end + 2);
        const message = { id, tokens, startLine: sip.slice(0, sip.indexOf('\r\n')), sip, header: headerOf(sip) };
        const waiting = this.#waiting.findIndex(({ start }) => message.startLine.startsWith(start));
        if (waiting < 0) this.messages.push(message);
        else this.#waiting.splice(waiting, 1)[0]?.resolve(message);
        return;
      }
      default:
        this.send(`response|${id}|OK`);
    }
  }
}

function headerOf(sip: string): (name: string) => string | undefined {
  const lines = sip.slice(0, sip.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  return (name) => {
    const line = lines.find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    return line?.slice(name.length + 1).trim();
  };
}

export const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 127.0.0.1\r\n';

/** A message of the peer, with the headers every one has. */
export function sipMessage(
  startLine: string,
  cseq: string,
  options: { callId?: string; toTag?: string; headers?: string[]; body?: string } = {},
): string {
  const { callId = 'call-1', toTag, headers = [], body = '' } = options;
  return [
    startLine,
    'Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1',
    'From: "Caller" <sip:+1219@wa.meta.vc>;tag=from-1',
    `To: <sip:+1214@gw.example.com>${toTag === undefined ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq}`,
    'Contact: <sip:peer@127.0.0.1:5080>',
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}
