import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalidParameter, Refusal } from './errors.js';
import type { Faults } from './faults.js';
import { ParseFault } from './parse.js';
import { seenRequest, type SeenRequest } from './request-log.js';
import type { HttpRequest } from './router.js';
import type { Json } from './world.js';

const BODY_MAX = 1_000_000;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly key: string; readonly certificate: string };
  readonly route: (request: HttpRequest) => Json;
  readonly faults: Faults;
  readonly log: SeenRequest[];
  readonly clock: () => number;
  readonly newTraceId: () => string;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly errorCode?: number;
}

/** Takes requests off the wire, scripted faults included, and logs each. */
export class GraphServer {
  readonly #server: Server;
  readonly #closing = new AbortController();
  #url = '';

  constructor(private readonly options: ServerOptions) {
    const { tls } = options;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        if (this.#closing.signal.aborted || request.socket.destroyed) response.destroy();
        else send(response, this.#refused(new Refusal(1, `Stand-in: ${String(error)}`, { status: 500 })));
      });
    };
    this.#server = tls ? createTlsServer({ key: tls.key, cert: tls.certificate }, listener) : createServer(listener);
  }

  get url(): string {
    return this.#url;
  }

  async listen(): Promise<void> {
    const { host, port, tls } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const address = this.#server.address() as AddressInfo;
    this.#url = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  }

  /** Idempotent; open connections are cut. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { log, faults, clock } = this.options;
    const text = await bodyOf(incoming);
    const request = this.#read(incoming, text);
    const seen = seenRequest(log.length + 1, request, clock());
    log.push(seen);
    const plan = faults.plan(seen);
    if (plan.delayMs > 0) await sleep(plan.delayMs, undefined, { signal: this.#closing.signal });
    if (plan.drop === 'before') return drop('before', seen, response);
    const answer = plan.refusal ? this.#refused(plan.refusal) : this.#answer(request, text);
    if (plan.drop === 'after') return drop('after', seen, response);
    seen.status = answer.status;
    if (answer.errorCode !== undefined) seen.errorCode = answer.errorCode;
    send(response, answer);
  }

  #read(incoming: IncomingMessage, text: string | undefined): HttpRequest {
    const url = new URL(incoming.url ?? '/', this.#url);
    return {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      authorization: incoming.headers.authorization,
      body: text === undefined ? undefined : parsedJson(text),
      origin: this.#url,
    };
  }

  #answer(request: HttpRequest, text: string | undefined): Answer {
    try {
      if (request.method === 'POST' && request.body === undefined) {
        throw invalidParameter(text === undefined ? 'The body is too long' : 'The body is not JSON');
      }
      return { status: 200, headers: {}, body: this.options.route(request) };
    } catch (error) {
      if (error instanceof Refusal) return this.#refused(error);
      if (error instanceof ParseFault) return this.#refused(invalidParameter(error.message));
      throw error;
    }
  }

  #refused(refusal: Refusal): Answer {
    const { status, headers, code } = refusal;
    return { status, headers, body: refusal.body(this.options.newTraceId()), errorCode: code };
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=UTF-8', ...headers });
  response.end(JSON.stringify(body));
}

function drop(moment: 'before' | 'after', seen: SeenRequest, response: ServerResponse): void {
  seen.dropped = moment;
  response.destroy();
}

/** undefined: too long. */
async function bodyOf(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= BODY_MAX) chunks.push(chunk);
  }
  return length > BODY_MAX ? undefined : Buffer.concat(chunks).toString();
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
