import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Logger } from '../../telemetry/log.js';
import type { GraphFault } from './errors.js';
import { createDispatcher, exchange, ExchangeError } from './exchange.js';
import { cleaner } from './clean.js';
import { pathKind } from './path-kind.js';
import type { PathKind } from './path-kind.js';
import { GraphError } from './port.js';
import type { Graph, GraphObject, GraphOptions, Query } from './port.js';
import { readReply } from './reply.js';
import type { Read } from './reply.js';
import { retryDelayMs } from './retry.js';

export interface GraphClientOptions {
  /** `https://graph.facebook.com` */
  readonly url: string;
  /** `v23.0` */
  readonly version: string;
  /** Asked before every try; undefined: there is none. May reject with GraphError. */
  readonly token: () => Promise<string | undefined>;
  /** All tries of a request together, unless the request says otherwise. */
  readonly timeoutMs: number;
  /** PEM of roots besides the well-known ones. */
  readonly ca?: string;
  readonly log: Logger;
  /** After every try: how it ended and how long it took. */
  readonly observe?: (method: Method, kind: PathKind, outcome: 'ok' | GraphFault['kind'], seconds: number) => void;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export type Method = 'GET' | 'POST';

interface Request {
  readonly method: Method;
  readonly path: string;
  readonly query: Query;
  readonly body?: GraphObject;
  readonly repeatable: boolean;
  readonly deadlineMs: number;
  readonly abort: AbortController;
}

/** The client of Meta's Graph API. One for each base URL and token; `close()` gives up what is under way. */
export function createGraph(options: GraphClientOptions): Graph {
  return new GraphClient(options);
}

const CLOSED = 'the gateway is closing';

class GraphClient implements Graph {
  readonly #options: GraphClientOptions;
  readonly #base: string;
  readonly #dispatcher: Dispatcher;
  readonly #underWay = new Set<AbortController>();
  /** Until when Meta asked this app or account to be silent. */
  #silentUntilMs = 0;
  #closed = false;

  constructor(options: GraphClientOptions) {
    this.#options = options;
    this.#base = `${options.url.replace(/\/+$/, '')}/${options.version}/`;
    this.#dispatcher = createDispatcher(options.timeoutMs, options.ca);
  }

  get(path: string, query: Query = {}, options: GraphOptions = {}): Promise<GraphObject> {
    return this.#request('GET', path, query, undefined, options);
  }

  post(path: string, body: GraphObject, options: GraphOptions = {}): Promise<GraphObject> {
    return this.#request('POST', path, {}, body, options);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const abort of this.#underWay) abort.abort();
    await this.#dispatcher.destroy();
  }

  async #request(
    method: Method,
    path: string,
    query: Query,
    body: GraphObject | undefined,
    options: GraphOptions,
  ): Promise<GraphObject> {
    const abort = new AbortController();
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    this.#underWay.add(abort);
    try {
      return await this.#try({
        method,
        path,
        query,
        ...(body === undefined ? {} : { body }),
        repeatable: options.repeatable ?? false,
        deadlineMs: performance.now() + timeoutMs,
        abort,
      });
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(abort);
    }
  }

  async #try(request: Request): Promise<GraphObject> {
    for (let tries = 1; ; tries++) {
      await this.#keepSilence(request);
      const read = await this.#timed(request);
      if ('object' in read) return read.object;
      const { fault } = read;
      this.#noteSilence(fault);
      const waitMs = retryDelayMs(fault, { ...request, tries }, this.#options.random ?? Math.random);
      const isInTime = waitMs !== undefined && performance.now() + waitMs < request.deadlineMs;
      const fields = { method: request.method, path: request.path, fault: { ...fault }, tries };
      this.#options.log.debug(fields, isInTime ? 'Graph request failed, to be tried again' : 'Graph request failed');
      if (!isInTime || this.#closed) throw new GraphError(fault);
      await this.#wait(waitMs, request);
    }
  }

  async #timed(request: Request): Promise<Read> {
    const kind = pathKind(request.path, request.query);
    const begun = performance.now();
    const read = await this.#exchange(request);
    const seconds = (performance.now() - begun) / 1000;
    this.#options.observe?.(request.method, kind, 'object' in read ? 'ok' : read.fault.kind, seconds);
    return read;
  }

  async #exchange(request: Request): Promise<Read> {
    const { method, path, abort } = request;
    const asked = `${method} ${path}`;
    if (this.#closed) return closed(asked);
    const token = await this.#token(asked);
    const clean = cleaner([token, request.query.input_token]);
    try {
      const url = this.#urlOf(request);
      const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) };
      const reply = await exchange(this.#dispatcher, { method, url, token, ...body, signal: abort.signal });
      return readReply(reply, { asked, nowMs: Date.now(), clean });
    } catch (error) {
      return { fault: this.#noReply(request, error, clean) };
    }
  }

  async #token(asked: string): Promise<string> {
    const fail = (message: string): GraphError => new GraphError({ kind: 'no-token', message, unsent: true });
    let token: string | undefined;
    try {
      token = await this.#options.token();
    } catch (error) {
      throw error instanceof GraphError ? error : fail(`${asked}: the access token cannot be read`);
    }
    if (token !== undefined) return token;
    throw fail(`${asked}: there is no access token; set graph.tokenFile or its environment variable`);
  }

  #urlOf({ path, query }: Request): URL {
    const url = new URL(this.#base + encodeURI(path));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  #noReply({ method, path, abort }: Request, error: unknown, clean: (text: string) => string): GraphFault {
    const asked = `${method} ${path}`;
    const stage = error instanceof ExchangeError ? error.stage : 'lost';
    if (this.#closed) return closed(asked).fault;
    if (abort.signal.aborted) return timeout(asked);
    const reason = clean((error as Error).message);
    if (stage === 'cut') {
      const message = `${asked}: the reply broke off: ${reason}; look at the network and at a proxy on the way`;
      return { kind: 'unreadable', message, transient: true };
    }
    const { host } = new URL(this.#base);
    const message = `${asked}: ${host} cannot be reached: ${reason}; look at the network, the proxy variables and graph.url`;
    return { kind: 'unreachable', message, ...(stage === 'unsent' ? { unsent: true } : {}) };
  }

  /** An account-wide limit holds for every request; 613 is about one kind of request. */
  #noteSilence({ kind, code, retryAfterMs }: GraphFault): void {
    if (kind !== 'rate-limited' || code === 613 || retryAfterMs === undefined) return;
    this.#silentUntilMs = Math.max(this.#silentUntilMs, performance.now() + retryAfterMs);
  }

  /** Waits while Meta wants to hear nothing, or gives up at once where that is longer than the request may take. */
  async #keepSilence(request: Request): Promise<void> {
    const waitMs = this.#silentUntilMs - performance.now();
    if (waitMs <= 0) return;
    if (this.#silentUntilMs < request.deadlineMs) return this.#wait(waitMs, request);
    const seconds = Math.ceil(waitMs / 1000);
    const message = `${request.method} ${request.path}: not sent, Meta asked to wait another ${seconds} s (rate limit)`;
    throw new GraphError({ kind: 'rate-limited', message, retryAfterMs: waitMs, unsent: true });
  }

  async #wait(ms: number, { method, path, abort }: Request): Promise<void> {
    const delay = this.#options.delay ?? ((waitMs, signal) => sleep(waitMs, undefined, { signal }));
    try {
      await delay(ms, abort.signal);
    } catch {
      throw new GraphError(this.#closed ? closed(`${method} ${path}`).fault : timeout(`${method} ${path}`));
    }
  }
}

function closed(asked: string): { readonly fault: GraphFault } {
  return { fault: { kind: 'unreachable', message: `${asked}: given up, ${CLOSED}` } };
}

function timeout(asked: string): GraphFault {
  const message = `${asked}: no answer in time; try again, or raise graph.timeout`;
  return { kind: 'timeout', message };
}
