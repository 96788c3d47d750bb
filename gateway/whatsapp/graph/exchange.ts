import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Reply } from './reply.js';

/** More than any reply of Meta's that is read here. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 16;
const KEEP_ALIVE_MS = 30_000;

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly token: string;
  /** JSON. */
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** No reply, or half of one. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';

  constructor(
    /** `unsent`: no connection; `lost`: after something may have been sent; `cut`: after the reply had begun. */
    readonly stage: 'unsent' | 'lost' | 'cut',
    reason: string,
  ) {
    super(reason);
  }
}

/** Keeps connections, goes through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; `ca`: PEM of further roots. */
export function createDispatcher(connectTimeoutMs: number, ca?: string): Dispatcher {
  const trust = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  return new EnvHttpProxyAgent({
    connections: MAX_CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The request's own signal ends it.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: connectTimeoutMs, ...trust },
    requestTls: { timeout: connectTimeoutMs, ...trust },
    proxyTls: trust,
  });
}

/** One try. Rejects with {@link ExchangeError}, whatever went wrong; when the signal was aborted, too. */
export async function exchange(dispatcher: Dispatcher, request: HttpRequest): Promise<Reply> {
  const response = await begin(dispatcher, request);
  try {
    const text = await readText(response.body);
    return { status: response.statusCode, headers: response.headers, text };
  } catch (error) {
    throw new ExchangeError('cut', reasonOf(error));
  }
}

async function begin(dispatcher: Dispatcher, request: HttpRequest): Promise<Dispatcher.ResponseData> {
  try {
    return await dispatcher.request({
      origin: request.url.origin,
      path: request.url.pathname + request.url.search,
      method: request.method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${request.token}`,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: request.body ?? null,
      signal: request.signal,
    });
  } catch (error) {
    throw new ExchangeError(isUnsent(error) ? 'unsent' : 'lost', reasonOf(error));
  }
}

async function readText(body: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) throw new Error(`a reply of more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Name resolution and connect failed, at every address that was tried. */
function isUnsent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnsent);
  const { syscall, code } = error as NodeJS.ErrnoException;
  return syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT';
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  const text = error.message === '' ? error.name : error.message;
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}
