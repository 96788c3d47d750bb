import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { Listener } from './listener.js';
import type { Endpoint, ListenAddress } from '../types.js';

export interface StreamServerHooks {
  /** Asked for each connection before anything is read. */
  accept(remote: Endpoint, listener: Listener): boolean;
  connected(socket: Socket, remote: Endpoint, listener: Listener): void;
  drop(reason: string, remote: Endpoint, detail?: string): void;
  handshakeTimeout: number;
}

/**
 * One listening TCP or TLS socket. TLS connections come through a plain server too, so that a refused source is closed
 * before the handshake.
 */
export class StreamServer {
  readonly listener: Listener;
  readonly #server: Server;
  readonly #tls: TlsServer | undefined;
  readonly #hooks: StreamServerHooks;
  readonly #handshakes = new Set<Socket>();

  private constructor(server: Server, listener: Listener, tls: TlsServer | undefined, hooks: StreamServerHooks) {
    this.listener = listener;
    this.#server = server;
    this.#tls = tls;
    this.#hooks = hooks;
    server.on('connection', (socket) => {
      this.#accept(socket);
    });
    tls?.on('secureConnection', (socket) => {
      this.#secured(socket);
    });
    tls?.on('tlsClientError', (error, socket) => {
      this.#refusedHandshake(error, socket);
    });
  }

  /** Binds; rejects when the address cannot be had. */
  static async bind(
    configured: ListenAddress,
    pem: { cert: string; key: string } | undefined,
    hooks: StreamServerHooks,
  ): Promise<StreamServer> {
    // No ALPN, no client certificate: Meta's edge fails on either.
    const tls =
      pem &&
      createTlsServer({ ...pem, minVersion: 'TLSv1.2', requestCert: false, handshakeTimeout: hooks.handshakeTimeout });
    const server = createTcpServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: configured.port, host: configured.host, ipv6Only: true, backlog: 1024 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : configured.port;
    return new StreamServer(server, new Listener(configured, port), tls, hooks);
  }

  /** New handshakes use this certificate; connections go on with theirs. */
  renew(pem: { cert: string; key: string }): void {
    this.#tls?.setSecureContext({ ...pem, minVersion: 'TLSv1.2' });
  }

  close(): Promise<void> {
    for (const socket of this.#handshakes) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    const remote = remoteOf(socket);
    socket.on('error', () => undefined);
    if (remote === undefined || !this.#hooks.accept(remote, this.listener)) {
      socket.destroy();
      return;
    }
    if (this.#tls === undefined) {
      this.#hooks.connected(socket, remote, this.listener);
      return;
    }
    this.#handshakes.add(socket);
    socket.once('close', () => this.#handshakes.delete(socket));
    this.#tls.emit('connection', socket);
  }

  #secured(socket: TLSSocket): void {
    const remote = remoteOf(socket);
    if (remote === undefined) socket.destroy();
    else this.#hooks.connected(socket, remote, this.listener);
  }

  #refusedHandshake(error: Error, socket: TLSSocket): void {
    const remote = remoteOf(socket);
    socket.destroy();
    this.#hooks.drop('tls-handshake', remote ?? { address: '', port: 0 }, error.message);
  }
}

function remoteOf(socket: Socket): Endpoint | undefined {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined
    ? undefined
    : { address: remoteAddress, port: remotePort };
}
