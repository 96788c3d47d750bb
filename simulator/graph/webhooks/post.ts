import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import type { Signed } from './sign.js';

/** Meta waits about that long for an answer. */
const ANSWER_MS = 20_000;

export interface Target {
  /** Where the gateway takes webhooks. */
  readonly url: string;
  /** hub.verify_token of the handshake. */
  readonly verifyToken: string;
  /** PEM, for HTTPS with a CA of one's own. */
  readonly ca?: string;
}

/** What came of one try. */
export interface Attempt {
  /** HTTP status; absent: no answer. */
  readonly status?: number;
  /** Why there was none. */
  readonly error?: string;
  readonly body: string;
  readonly ms: number;
}

/** Keeps its connections open between requests. */
export class WebhookClient {
  readonly #plain = new Agent({ keepAlive: true });
  readonly #tls = new TlsAgent({ keepAlive: true });
  readonly #open = new Set<ClientRequest>();

  get(target: Target, query: URLSearchParams): Promise<Attempt> {
    const url = new URL(target.url);
    for (const [name, value] of query) url.searchParams.append(name, value);
    return this.#ask(target, url, 'GET', {});
  }

  post(target: Target, { body, signature }: Signed): Promise<Attempt> {
    return this.#ask(target, new URL(target.url), 'POST', {
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': body.length,
        ...(signature !== undefined && { 'X-Hub-Signature-256': signature }),
      },
      body,
    });
  }

  /** Idempotent; open requests come to nothing. */
  close(): void {
    for (const request of this.#open) request.destroy(new Error('closed'));
    this.#plain.destroy();
    this.#tls.destroy();
  }

  #ask(
    { ca }: Target,
    url: URL,
    method: string,
    { headers = {}, body }: { readonly headers?: Readonly<Record<string, string | number>>; readonly body?: Buffer },
  ): Promise<Attempt> {
    const from = performance.now();
    const secure = url.protocol === 'https:';
    return new Promise((resolve) => {
      const options = { method, headers, timeout: ANSWER_MS };
      const request = secure
        ? httpsRequest(url, { ...options, agent: this.#tls, ...(ca !== undefined && { ca }) })
        : httpRequest(url, { ...options, agent: this.#plain });
      const ended = (result: Omit<Attempt, 'ms'>): void => {
        this.#open.delete(request);
        resolve({ ...result, ms: performance.now() - from });
      };
      this.#open.add(request);
      request.on('response', (response) => {
        read(response).then(
          (text) => ended({ body: text, ...(response.statusCode !== undefined && { status: response.statusCode }) }),
          (error: unknown) => ended({ body: '', error: String(error) }),
        );
      });
      request.on('timeout', () => request.destroy(new Error('no answer within 20 s')));
      request.on('error', (error) => ended({ body: '', error: error.message }));
      request.end(body);
    });
  }
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
