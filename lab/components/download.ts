import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import { ComponentError } from './errors.js';

const ATTEMPTS = 4;
const IDLE_MS = 20_000;
const REDIRECTS = 5;

/** The HTTP status of an answer that is not the file. */
export class HttpStatusError extends Error {
  constructor(
    readonly url: string,
    readonly status: number,
  ) {
    super(`${url} answered ${status}`);
    this.name = 'HttpStatusError';
  }
}

export interface DownloadOptions {
  /** Proxy for a URL, undefined for a direct connection. */
  readonly proxyFor: (url: URL) => string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Fetches a small file into memory. Throws HttpStatusError at once for 4xx, other faults after some retries. */
export async function fetchBuffer(url: string, options: DownloadOptions): Promise<Buffer> {
  return retried(options.signal, async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of await get(new URL(url), {}, options)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  });
}

/**
 * Fetches a file of known hash to `path`. It is under its own name only when it is whole and right; what an
 * interrupted run left in `path.part` is continued. `onBytes` gets each growth (negative when it starts anew).
 */
export async function fetchFile(
  url: string,
  path: string,
  sha256: string,
  options: DownloadOptions & { readonly onBytes?: (bytes: number) => void },
): Promise<void> {
  let known = 0;
  const reportSize = (bytes: number): void => {
    options.onBytes?.(bytes - known);
    known = bytes;
  };
  const ready = await size(path);
  if (ready > 0) return reportSize(ready);
  const part = `${path}.part`;
  await retried(options.signal, async () => {
    const have = await size(part);
    const response = await get(new URL(url), have > 0 ? { range: `bytes=${have}-` } : {}, options);
    const resumed = response.statusCode === 206;
    reportSize(resumed ? have : 0);
    response.on('data', (chunk: Buffer) => reportSize(known + chunk.length));
    await pipeline(response, createWriteStream(part, { flags: resumed ? 'a' : 'w' }));
    const found = await sha256Of(part);
    if (found === sha256) return;
    await rm(part, { force: true });
    const what = `${url}: SHA-256 is ${found}, the signed index says ${sha256}`;
    throw resumed ? new Error(what) : new ComponentError('checksum', what); // once more from the start, or for good
  });
  await rename(part, path);
}

async function retried<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const refused = error instanceof HttpStatusError && error.status < 500 && error.status !== 416;
      const final = refused || error instanceof ComponentError;
      if (final || attempt === ATTEMPTS || signal?.aborted === true) throw error;
      await delay(300 * 2 ** attempt, undefined, { ...(signal && { signal }) });
    }
  }
}

async function get(
  url: URL,
  headers: http.OutgoingHttpHeaders,
  options: DownloadOptions,
  redirects = REDIRECTS,
): Promise<http.IncomingMessage> {
  const response = await request(url, headers, options);
  const status = response.statusCode ?? 0;
  if (status === 200 || status === 206) return response;
  response.resume();
  const location = response.headers.location;
  if (status >= 300 && status < 400 && location !== undefined && redirects > 0) {
    return get(new URL(location, url), headers, options, redirects - 1);
  }
  throw new HttpStatusError(url.href, status);
}

async function request(
  url: URL,
  headers: http.OutgoingHttpHeaders,
  { proxyFor, signal }: DownloadOptions,
): Promise<http.IncomingMessage> {
  const proxy = proxyFor(url);
  const common = { headers, timeout: IDLE_MS, ...(signal && { signal }) };
  if (proxy === undefined) return answered((url.protocol === 'https:' ? https : http).request(url, common));
  const via = new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
  const proxyHeaders = proxyAuthorization(via);
  if (url.protocol === 'https:') {
    const socket = await tunnel(via, url, proxyHeaders, signal);
    const createConnection = (): Socket => tls.connect({ socket, servername: url.hostname });
    return answered(https.request(url, { ...common, createConnection, agent: false }));
  }
  const { hostname, port } = via;
  const target = { host: hostname, port: port || 80, path: url.href };
  return answered(http.request({ ...common, ...target, headers: { ...headers, ...proxyHeaders, host: url.host } }));
}

function proxyAuthorization(proxy: URL): http.OutgoingHttpHeaders {
  if (proxy.username === '') return {};
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function answered(outgoing: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no data for ${IDLE_MS / 1000} s`)));
    outgoing.end();
  });
}

/** RFC 9110, section 9.3.6: a tunnel through an HTTP proxy. */
function tunnel(
  proxy: URL,
  target: URL,
  headers: http.OutgoingHttpHeaders,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const path = `${target.hostname}:${target.port || 443}`;
  const connect = http.request({
    host: proxy.hostname,
    port: proxy.port || 80,
    method: 'CONNECT',
    path,
    headers,
    timeout: IDLE_MS,
    ...(signal && { signal }),
  });
  return new Promise((resolve, reject) => {
    connect.once('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket);
      else reject(new HttpStatusError(`proxy ${proxy.host}`, response.statusCode ?? 0));
    });
    connect.once('error', reject);
    connect.once('timeout', () => connect.destroy(new Error(`proxy ${proxy.host} is silent`)));
    connect.end();
  });
}

/** SHA-256 of a file, in hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function size(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
