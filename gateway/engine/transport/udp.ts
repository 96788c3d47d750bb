import { createSocket, type Socket } from 'node:dgram';
import { Listener } from './listener.js';
import { UdpRefusals } from './udp-refusal.js';
import type { Endpoint, ListenAddress } from '../types.js';
import type { Flow, FlowEvents, FlowLoss } from './flow.js';

export interface UdpHooks {
  events: FlowEvents;
  messageBytes: number;
  accept(remote: Endpoint, listener: Listener): boolean;
  sent(text: string, flow: Flow): void;
  drop(reason: string): void;
}

/** One bound UDP socket. */
export class UdpTransport {
  readonly listener: Listener;
  readonly #socket: Socket;
  readonly #hooks: UdpHooks;
  readonly local: Endpoint;
  readonly refusals: UdpRefusals;

  private constructor(socket: Socket, configured: ListenAddress, hooks: UdpHooks) {
    this.#socket = socket;
    this.#hooks = hooks;
    this.local = socket.address();
    this.listener = new Listener(configured, this.local.port);
    const type = configured.host.includes(':') ? 'udp6' : 'udp4';
    this.refusals = new UdpRefusals(type, this.listener.isWildcard ? undefined : this.listener.host);
    socket.on('message', (packet, remote) => {
      this.#receive(packet, remote);
    });
    // An error in sending; the transaction's timers decide.
    socket.on('error', () => {
      hooks.drop('udp-error');
    });
  }

  /** Binds; rejects when the address cannot be had. */
  static async bind(configured: ListenAddress, hooks: UdpHooks): Promise<UdpTransport> {
    const socket = createSocket({
      type: configured.host.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: 4 << 20,
      sendBufferSize: 4 << 20,
      // Targets are numeric here: no look-up.
      lookup: (host, _options, callback) => {
        callback(null, host, configured.host.includes(':') ? 6 : 4);
      },
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(configured.port, configured.host, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new UdpTransport(socket, configured, hooks);
  }

  flow(remote: Endpoint): Flow {
    return new UdpFlow(this, remote);
  }

  send(text: string, flow: UdpFlow): void {
    // Without a callback, which would cost a turn of the event loop; a failure comes as an error of the socket.
    this.#socket.send(Buffer.from(text, 'latin1'), flow.remote.port, flow.remote.address);
    this.#hooks.sent(text, flow);
  }

  close(): Promise<void> {
    this.refusals.close();
    return new Promise((resolve) => {
      this.#socket.close(resolve);
    });
  }

  #receive(packet: Buffer, remote: Endpoint): void {
    if (!this.#hooks.accept(remote, this.listener)) return;
    // A keep-alive (RFC 5626 section 4.4.2 would be STUN) or an empty datagram.
    if (packet.length < 20) {
      this.#hooks.drop('udp-keep-alive');
      return;
    }
    const flow = new UdpFlow(this, { address: remote.address, port: remote.port });
    const text = packet.toString('latin1');
    if (packet.length > this.#hooks.messageBytes) {
      const headEnd = text.indexOf('\r\n\r\n');
      if (headEnd === -1) this.#hooks.drop('oversize');
      else this.#hooks.events.oversize(text.slice(0, headEnd + 4), flow);
      return;
    }
    this.refusals.heard(flow.remote, text);
    this.#hooks.events.message(text, flow);
  }
}

class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly reliable = false;
  readonly closed = false;
  readonly remote: Endpoint;
  readonly #owner: UdpTransport;

  constructor(owner: UdpTransport, remote: Endpoint) {
    this.#owner = owner;
    this.remote = remote;
  }

  get local(): Endpoint {
    return this.#owner.local;
  }

  get listener(): Listener {
    return this.#owner.listener;
  }

  send(text: string): void {
    this.#owner.send(text, this);
  }

  /** A datagram socket is lost to no one, but the peer's port may be closed. */
  watch(onLost: (loss: FlowLoss) => void): () => void {
    return this.#owner.refusals.watch(this.remote, () => {
      onLost({ established: false, reason: 'port unreachable' });
    });
  }

  hold(): void {
    // A datagram socket is never idle.
  }

  release(): void {
    // As hold().
  }
}
