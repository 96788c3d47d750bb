import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Health {
  /** No new calls; running ones go on. */
  readonly draining: boolean;
  /** What the gateway stands on, by name (`sip`, `media` …), and whether it works. */
  readonly parts: Readonly<Record<string, boolean>>;
}

export interface HttpServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly health: () => Health;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly log?: { warn(fields: object, message: string): void };
}

export interface HttpServer {
  /** With the real port, where 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** Answers running requests, then ends. Idempotent. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 100;
const MAX_HEADER_BYTES = 8192;

/** Serves GET /health and GET /metrics. Rejects when the address cannot be bound. */
export async function startHttp(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        options.log?.warn({ err: error, path: request.url }, 'HTTP request failed');
        if (response.headersSent) response.destroy();
        else send(response, 500, { error: 'internal error' });
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options.listen);
  server.on('error', (error) => options.log?.warn({ err: error }, 'HTTP server failed'));
  const { address, port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    address: { host: address, port },
    close: () => (closing ??= close(server)),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: HttpServerOptions): Promise<void> {
  // There is nothing to be read from a client: a body is left where it is.
  request.resume();
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path !== '/health' && path !== '/metrics') {
    send(response, 404, { error: 'not found', paths: ['/health', '/metrics'] });
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, { error: 'method not allowed' }, { allow: 'GET, HEAD' });
    return;
  }
  if (path === '/health') {
    const { draining, parts } = options.health();
    const down = Object.values(parts).includes(false);
    const status = draining ? 'draining' : down ? 'down' : 'ok';
    const states = Object.entries(parts).map(([name, works]) => [name, works ? 'ok' : 'down']);
    send(response, status === 'ok' ? 200 : 503, { status, parts: Object.fromEntries(states) as object });
    return;
  }
  const text = await options.metrics.text();
  response.writeHead(200, { 'content-type': options.metrics.contentType, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
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
  const force = setTimeout(() => server.closeAllConnections(), REQUEST_TIMEOUT_MS);
  await closed;
  clearTimeout(force);
}
