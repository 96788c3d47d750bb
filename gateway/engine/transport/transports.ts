import { connect as connectTcp, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type SecureContext } from 'node:tls';
import { Certificate, clientContext } from './certificate.js';
import { Connection, type ConnectionHooks } from './connection.js';
import { pickListener, type Listener } from './listener.js';
import { StreamServer, type StreamServerHooks } from './stream-server.js';
import { UdpTransport, type UdpHooks } from './udp.js';
import { hostPort, isAddress } from '../sip/uri.js';
import type { Endpoint, EngineLog, EngineOptions, Limits, ListenAddress, Timers, Transport } from '../types.js';
import type { Flow, FlowEvents } from './flow.js';
import type { Target } from './resolver.js';

export interface TransportsHooks {
  events: FlowEvents;
  /** A message has gone out. */
  readonly sent: (text: string, flow: Flow) => void;
  readonly drop: (reason: string, remote?: Endpoint, detail?: string) => void;
  readonly log: EngineLog;
}

/** All sockets of the engine: listeners, datagrams, connections in and out and their reuse (RFC 3261 section 18, RFC 5923). */
export class Transports {
  readonly #hooks: TransportsHooks;
  readonly #accept: EngineOptions['accept'];
  readonly #timers: Timers;
  readonly #limits: Limits;
  readonly #udp: UdpTransport[] = [];
  readonly #servers: StreamServer[] = [];
  readonly #connections = new Set<Connection>();
  /** Connections that requests to an address may use: those we opened, and TCP ones whose Via said `alias`. */
  readonly #reusable = new Map<string, Connection>();
  #certificate: Certificate | undefined;
  #clientContext: SecureContext | undefined;
  #closing = false;

  private constructor(options: EngineOptions, timers: Timers, limits: Limits, hooks: TransportsHooks) {
    this.#accept = options.accept;
    this.#timers = timers;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /** Binds all listeners; rejects with the address or file at fault, everything closed again. */
  static async start(
    options: EngineOptions,
    timers: Timers,
    limits: Limits,
    hooks: TransportsHooks,
  ): Promise<Transports> {
    const transports = new Transports(options, timers, limits, hooks);
    try {
      if (options.tls) await transports.#loadCertificate(options.tls);
      for (const listen of options.listen) await transports.#bind(listen);
    } catch (error) {
      await transports.close();
      throw error;
    }
    return transports;
  }

  get listeners(): Listener[] {
    return [...this.#udp.map((u) => u.listener), ...this.#servers.map((s) => s.listener)];
  }

  get connections(): number {
    return this.#connections.size;
  }

  speaks(transport: Transport): boolean {
    return this.listeners.some((l) => l.transport === transport);
  }

  /** A way to the target, reusing a connection to it; `undefined` when no listener has that transport and family. */
  flow(target: Target): Flow | undefined {
    const listener = pickListener(this.listeners, target.transport, target.address);
    if (listener === undefined) return undefined;
    if (target.transport === 'udp') return this.#udp.find((u) => u.listener === listener)?.flow(target);
    const existing = this.#reusable.get(reuseKey(target)) ?? this.#openedBy(target);
    return existing !== undefined && !existing.closed ? existing : this.#connect(target, listener);
  }

  /** The connection that the peer opened from exactly this port: nothing listens there (a PBX that has registered). */
  #openedBy({ transport, address, port }: Target): Connection | undefined {
    return [...this.#connections].find(
      (c) => c.remote.port === port && c.remote.address === address && c.transport === transport,
    );
  }

  /** Another open connection with the same peer host, for a response whose own is gone. */
  flowFrom(lost: Flow): Flow | undefined {
    for (const connection of this.#connections) {
      const same = connection.transport === lost.transport && connection.remote.address === lost.remote.address;
      if (same && !connection.closed && connection.listener === lost.listener) return connection;
    }
    return undefined;
  }

  /** RFC 5923: a request with `alias` lets us use its connection. TLS would need the peer's certificate for that. */
  alias(flow: Flow, port: number): void {
    if (flow instanceof Connection && flow.transport === 'tcp') {
      this.#reusable.set(reuseKey({ transport: 'tcp', address: flow.remote.address, port, name: '' }), flow);
    }
  }

  async renewCertificate(): Promise<void> {
    await this.#certificate?.renew();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#certificate?.close();
    for (const connection of this.#connections) connection.close('engine closed');
    await Promise.all([...this.#udp, ...this.#servers].map((socket) => socket.close()));
  }

  async #loadCertificate(files: NonNullable<EngineOptions['tls']>): Promise<void> {
    this.#certificate = await Certificate.load(
      files,
      (pem) => {
        for (const server of this.#servers) if (server.listener.transport === 'tls') server.renew(pem);
        this.#hooks.log.info({ certificate: files.certificate }, 'certificate renewed');
      },
      (err) => {
        this.#hooks.log.error({ err }, 'changed certificate not usable, keeping the old one');
      },
    );
  }

  async #bind(listen: ListenAddress): Promise<void> {
    try {
      if (listen.transport === 'udp') {
        this.#udp.push(await UdpTransport.bind(listen, this.#udpHooks()));
        return;
      }
      const pem = listen.transport === 'tls' ? this.#certificate?.pem : undefined;
      if (listen.transport === 'tls' && pem === undefined)
        throw new Error('a tls listener needs tls.certificate and tls.privateKey');
      this.#servers.push(await StreamServer.bind(listen, pem, this.#serverHooks()));
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`cannot listen on ${listen.transport}/${hostPort(listen.host, listen.port)}: ${text}`, { cause });
    }
  }

  #udpHooks(): UdpHooks {
    return {
      events: this.#hooks.events,
      messageBytes: this.#limits.messageBytes,
      accept: (remote, listener) => this.#accepts(remote, listener),
      sent: this.#hooks.sent,
      drop: this.#hooks.drop,
    };
  }

  #serverHooks(): StreamServerHooks {
    return {
      accept: (remote, listener) => this.#accepts(remote, listener) && this.#hasRoom(remote),
      connected: (socket, remote, listener) => {
        if (this.#closing) socket.destroy();
        else this.#add(socket, { transport: listener.transport, listener, remote, connecting: false });
      },
      drop: this.#hooks.drop,
      handshakeTimeout: this.#timers.connectTimeout,
    };
  }

  #accepts(remote: Endpoint, listener: Listener): boolean {
    if (this.#accept === undefined) return true;
    const listen = { ...listener.configured, port: listener.port };
    if (this.#accept({ address: remote.address, port: remote.port, transport: listener.transport, listen }))
      return true;
    this.#hooks.drop('not-accepted', remote);
    return false;
  }

  #hasRoom(remote: Endpoint): boolean {
    if (this.#connections.size < this.#limits.connections) return true;
    this.#hooks.drop('too-many-connections', remote);
    return false;
  }

  #add(socket: Socket, options: ConstructorParameters<typeof Connection>[1]): Connection {
    const hooks: ConnectionHooks = {
      events: this.#hooks.events,
      messageBytes: this.#limits.messageBytes,
      timers: this.#timers,
      sent: this.#hooks.sent,
      drop: this.#hooks.drop,
      closed: (connection) => {
        this.#connections.delete(connection);
        for (const [key, kept] of this.#reusable) if (kept === connection) this.#reusable.delete(key);
      },
    };
    const connection = new Connection(socket, options, hooks);
    this.#connections.add(connection);
    return connection;
  }

  /** Opens a connection from the listener's own address, so that a peer that checks sources knows it. */
  #connect(target: Target, listener: Listener): Connection {
    const to = {
      host: target.address,
      port: target.port,
      ...(listener.isWildcard ? {} : { localAddress: listener.host }),
    };
    const tls = target.transport === 'tls';
    const socket = tls ? connectTls({ ...to, ...this.#verification(target.name) }) : connectTcp(to);
    const remote = { address: target.address, port: target.port };
    const connection = this.#add(socket, { transport: target.transport, listener, remote, connecting: true });
    this.#reusable.set(reuseKey(target), connection);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      connection.opened();
    });
    return connection;
  }

  /** RFC 5922 section 7: the chain must lead to a known root and the certificate must name the SIP domain. No ALPN is offered. */
  #verification(name: string): object {
    this.#clientContext ??= clientContext([]);
    return {
      secureContext: this.#certificate?.client ?? this.#clientContext,
      rejectUnauthorized: true,
      checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
      ...(isAddress(name) ? {} : { servername: name }),
    };
  }
}

/** A TLS connection is as good as the name verified on it. */
function reuseKey(target: Target): string {
  return `${target.transport} ${target.address} ${target.port} ${target.transport === 'tls' ? target.name : ''}`;
}
