/** One listening HTTP or HTTPS server with limits against clients that are slow, many or large. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { HttpError, sendError } from './reply.js';

export interface ListenerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM; absent: plain HTTP. */
  readonly tls?: CertificatePem;
  readonly maxConnections: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** Between two requests of a connection. */
  readonly idleMs: number;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly log?: HttpLog | undefined;
}

export interface CertificatePem {
  readonly cert: string;
  readonly key: string;
}

export interface HttpLog {
  warn(fields: object, message: string): void;
}

export interface Listener {
  /** With the real port, where 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** For connections from now on; plain HTTP ignores it. */
  renewCertificate(pem: CertificatePem): void;
  /** Answers running requests, then ends. Idempotent. */
  close(): Promise<void>;
}

const HEADERS_MS = 5000;
const HANDSHAKE_MS = 5000;
const MAX_HEADER_BYTES = 8192;
/** How late the limits above may be noticed; node's own default is 30 s. */
const CHECK_MS = 1000;
const CLOSE_MS = 5000;

/** Rejects when the address cannot be bound. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { tls, requestMs, idleMs, log } = options;
  const limits = {
    headersTimeout: Math.min(HEADERS_MS, requestMs),
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const secure =
    tls === undefined
      ? undefined
      : createTlsServer({ ...limits, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS });
  const server: Server | TlsServer = secure ?? createServer(limits);
  server.on('request', (request, response) => answer(request, response, options));
  server.maxConnections = options.maxConnections;
  await listen(server, options.listen);
  server.on('error', (error) => log?.warn({ err: error }, 'HTTP server failed'));
  const { address, port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    address: { host: address, port },
    renewCertificate: ({ cert, key }) => secure?.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
    close: () => (closing ??= close(server)),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, { handle, log }: ListenerOptions): void {
  handle(request, response).catch((error: unknown) => {
    const known = error instanceof HttpError ? error : undefined;
    if (known === undefined) log?.warn({ err: error, path: pathOf(request) }, 'HTTP request failed');
    if (response.headersSent) response.destroy();
    else sendError(response, known ?? new HttpError(500, 'internal-error', 'see the log of the gateway'));
  });
}

/** Without the query, which may hold a token. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: at.host, port: at.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(force);
}
