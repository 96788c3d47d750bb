import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import {
  connect as connectTls,
  createServer as createTlsServer,
  type ConnectionOptions,
  type TlsOptions,
} from 'node:tls';

/** A message as the test peer sees it: no parser of the engine is used, so that a fault cannot hide on both sides. */
export class Msg {
  readonly raw: string;
  readonly startLine: string;
  readonly headers: [name: string, value: string][];
  readonly body: string;

  constructor(raw: string) {
    this.raw = raw;
    const [head = '', ...rest] = raw.split('\r\n\r\n');
    const [startLine = '', ...lines] = head.split('\r\n');
    this.startLine = startLine;
    this.headers = lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]);
    this.body = rest.join('\r\n\r\n');
  }

  get method(): string {
    return this.startLine.startsWith('SIP/') ? '' : (this.startLine.split(' ')[0] ?? '');
  }

  get uri(): string {
    return this.startLine.split(' ')[1] ?? '';
  }

  get status(): number {
    return this.startLine.startsWith('SIP/') ? Number(this.startLine.split(' ')[1]) : 0;
  }

  all(name: string): string[] {
    return this.headers.filter(([n]) => n === name).map(([, value]) => value);
  }

  get(name: string): string {
    return this.all(name)[0] ?? '';
  }

  get tag(): string {
    return /;tag=([^;]+)/.exec(this.get('to'))?.[1] ?? '';
  }

  get branch(): string {
    return /;branch=([^;]+)/.exec(this.get('via'))?.[1] ?? '';
  }
}

interface Waiter {
  matches: (msg: Msg) => boolean;
  resolve: (msg: Msg) => void;
  timer: NodeJS.Timeout;
}

/** A scripted SIP peer: the test writes and awaits messages. Every message is kept in `log`. */
export abstract class Peer {
  readonly log: Msg[] = [];
  readonly #unread: Msg[] = [];
  readonly #waiters: Waiter[] = [];

  abstract send(text: string): void;
  abstract close(): Promise<void>;

  protected received(raw: string): void {
    const msg = new Msg(raw);
    this.log.push(msg);
    const index = this.#waiters.findIndex((w) => w.matches(msg));
    const [waiter] = index === -1 ? [] : this.#waiters.splice(index, 1);
    if (waiter === undefined) {
      this.#unread.push(msg);
      return;
    }
    clearTimeout(waiter.timer);
    waiter.resolve(msg);
  }

  /** The next message that is a request of that method or a response of that status. Others stay for later. */
  expect(what: string | number | ((msg: Msg) => boolean), ms = 5000): Promise<Msg> {
    const matches =
      typeof what === 'function' ? what : (m: Msg) => (typeof what === 'number' ? m.status : m.method) === what;
    const index = this.#unread.findIndex(matches);
    const [found] = index === -1 ? [] : this.#unread.splice(index, 1);
    if (found !== undefined) return Promise.resolve(found);
    const seen = (): string => this.log.map((m) => m.startLine).join(' | ');
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        matches,
        resolve,
        timer: setTimeout(() => {
          this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
          reject(new Error(`no ${String(what)} within ${ms} ms; received: ${seen()}`));
        }, ms),
      };
      this.#waiters.push(waiter);
    });
  }
}

export class UdpPeer extends Peer {
  readonly #socket = createSocket('udp4');
  #to = { address: '', port: 0 };

  static async open(to?: { address: string; port: number }, host = '127.0.0.1'): Promise<UdpPeer> {
    const peer = new UdpPeer();
    if (to) peer.#to = to;
    peer.#socket.on('message', (packet, remote) => {
      if (peer.#to.port === 0) peer.#to = remote;
      peer.received(packet.toString('latin1'));
    });
    peer.#socket.bind(0, host);
    await once(peer.#socket, 'listening');
    return peer;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(text: string): void {
    this.#socket.send(Buffer.from(text, 'latin1'), this.#to.port, this.#to.address);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/** Cuts messages out of a stream, in the simplest way. */
function framer(onMessage: (raw: string) => void, onPong: () => void): (chunk: string) => void {
  let buffer = '';
  return (chunk) => {
    buffer += chunk;
    for (;;) {
      if (buffer.startsWith('\r\n')) {
        onPong();
        buffer = buffer.slice(2);
        continue;
      }
      const headEnd = buffer.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const length = Number(/\r\ncontent-length\s*:\s*(\d+)/i.exec(buffer.slice(0, headEnd))?.[1] ?? 0);
      if (buffer.length < headEnd + 4 + length) return;
      onMessage(buffer.slice(0, headEnd + 4 + length));
      buffer = buffer.slice(headEnd + 4 + length);
    }
  };
}

/** One TCP or TLS connection, made to or accepted from the far end. */
export class StreamPeer extends Peer {
  readonly socket: Socket;
  pongs = 0;
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.setEncoding('latin1');
    const push = framer(
      (raw) => {
        this.received(raw);
      },
      () => {
        this.pongs++;
        socket.emit('pong');
      },
    );
    socket.on('data', (chunk: string | Buffer) => {
      push(String(chunk));
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve();
      });
    });
  }

  static async tcp(to: { address: string; port: number }): Promise<StreamPeer> {
    const socket = connectTcp({ host: to.address, port: to.port, noDelay: true });
    await once(socket, 'connect');
    return new StreamPeer(socket);
  }

  static async tls(to: { address: string; port: number }, options: ConnectionOptions): Promise<StreamPeer> {
    const socket = connectTls({ ...options, host: to.address, port: to.port });
    await once(socket, 'secureConnect');
    return new StreamPeer(socket);
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

/** A listening TCP or TLS peer; each connection is a StreamPeer. */
export class StreamListener {
  readonly #server: Server;
  readonly #peers: StreamPeer[] = [];
  readonly #waiting: ((peer: StreamPeer) => void)[] = [];
  readonly #raw = new Set<Socket>();
  #accepted = 0;

  private constructor(server: Server, tls: boolean) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#raw.add(socket);
      socket.on('close', () => this.#raw.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      const peer = new StreamPeer(socket);
      this.#accepted++;
      const waiting = this.#waiting.shift();
      if (waiting) waiting(peer);
      else this.#peers.push(peer);
    });
  }

  static async open(tls?: TlsOptions, port = 0): Promise<StreamListener> {
    const server = tls ? createTlsServer(tls) : createTcpServer({ noDelay: true });
    const listener = new StreamListener(server, tls !== undefined);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** The next connection made to this peer. */
  connection(): Promise<StreamPeer> {
    const peer = this.#peers.shift();
    return peer ? Promise.resolve(peer) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#raw) socket.destroy();
    await closed;
  }
}
