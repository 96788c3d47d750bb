/** The endpoint that Meta sends webhooks to, on a listener of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebhooksConfig } from '../config/types-control.js';
import { readBody } from './body.js';
import { readCertificate, watchCertificate, type CertificateFiles } from './certificate.js';
import { pathOf, startListener, type HttpLog, type Listener } from './listener.js';
import { PayloadReader } from './payload.js';
import { Refusals } from './refusals.js';
import { HttpError, send } from './reply.js';
import { sameSecret } from './same-secret.js';
import { readSignature, SignatureCheck } from './signature.js';

export interface WebhookReceiver {
  /** Resolves when every event is kept, so that a crash loses none; `full`: to be sent again. */
  accept(payloads: Iterable<unknown>): Promise<'accepted' | 'full'>;
}

export type WebhookRefusal =
  | 'wrong-request'
  | 'verify-token'
  | 'unsigned'
  | 'forged'
  | 'too-large'
  | 'not-json'
  | 'foreign-object'
  | 'busy'
  | 'full'
  | 'store'
  | 'late'
  | 'incomplete';

export interface WebhookObserver {
  /** The verification handshake was answered. */
  verified(): void;
  /** @param ms from the last byte of the request to the answer */
  accepted(ms: number): void;
  refused(reason: WebhookRefusal): void;
}

export interface WebhookServerOptions {
  readonly config: WebhooksConfig;
  /** Of whatsapp, for `config.tls`. */
  readonly certificate: CertificateFiles;
  readonly receiver: WebhookReceiver;
  readonly observe: WebhookObserver;
  readonly log?: HttpLog;
  readonly limits?: Partial<WebhookLimits>;
}

export interface WebhookLimits {
  readonly bodyBytes: number;
  /** Of all bodies that are read or being taken in. */
  readonly totalBytes: number;
  /** To the answer, whatever the work. */
  readonly answerMs: number;
  readonly maxConnections: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  readonly certificateWatchMs: number;
}

export type WebhookServer = Pick<Listener, 'address' | 'close'>;

const LIMITS: WebhookLimits = {
  bodyBytes: 3 * 1024 * 1024,
  totalBytes: 32 * 1024 * 1024,
  answerMs: 800,
  maxConnections: 500,
  requestMs: 10_000,
  certificateWatchMs: 2000,
};
const IDLE_MS = 30_000;
const OBJECT = 'whatsapp_business_account';
const MAX_CHALLENGE = 512;

/** Rejects when the address cannot be bound or the certificate not be read. */
export async function startWebhooks(options: WebhookServerOptions): Promise<WebhookServer> {
  const { config, certificate, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const pem = config.tls ? await readCertificate(certificate) : undefined;
  const endpoint = new Endpoint(options, limits);
  const listener = await startListener({
    ...{ listen: config.listen, log, idleMs: IDLE_MS },
    ...(pem === undefined ? {} : { tls: pem }),
    maxConnections: limits.maxConnections,
    requestMs: limits.requestMs,
    handle: (request, response) => endpoint.handle(request, response),
  });
  const unwatch =
    pem === undefined
      ? undefined
      : watchCertificate(
          certificate,
          pem,
          (renewed) => listener.renewCertificate(renewed),
          log,
          limits.certificateWatchMs,
        );
  return {
    address: listener.address,
    close: async () => {
      unwatch?.();
      await listener.close();
      await endpoint.close();
    },
  };
}

class Refused extends HttpError {
  constructor(
    readonly reason: WebhookRefusal,
    status: number,
    message: string,
    headers?: Readonly<Record<string, string>>,
  ) {
    super(status, reason, message, headers === undefined ? {} : { headers });
  }
}

class Endpoint {
  readonly #options: WebhookServerOptions;
  readonly #limits: WebhookLimits;
  readonly #payloads = new PayloadReader();
  readonly #refusals: Refusals;
  #bytes = 0;

  constructor(options: WebhookServerOptions, limits: WebhookLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#refusals = new Refusals(options.log);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (pathOf(request) !== this.#options.config.path)
        throw new Refused('wrong-request', 404, 'not the webhook path');
      if (request.method === 'GET') this.#verify(request, response);
      else if (request.method === 'POST') await this.#take(request, response);
      else throw new Refused('wrong-request', 405, 'GET or POST', { allow: 'GET, POST' });
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== undefined) {
        this.#options.observe.refused(reason);
        this.#refusals.count(reason, request.socket.remoteAddress);
      }
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#payloads.close();
  }

  /** Meta's handshake: whoever knows the verify token is answered with the challenge. */
  #verify(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const query = new URL(request.url ?? '/', 'http://webhooks').searchParams;
    const known = sameSecret(query.get('hub.verify_token') ?? '', this.#options.config.verifyToken.reveal());
    if (query.get('hub.mode') !== 'subscribe' || !known) throw new Refused('verify-token', 403, 'wrong verify token');
    const challenge = query.get('hub.challenge') ?? '';
    if (challenge === '' || challenge.length > MAX_CHALLENGE)
      throw new Refused('wrong-request', 400, `hub.challenge of 1 to ${MAX_CHALLENGE} characters is needed`);
    this.#options.observe.verified();
    send(response, { text: challenge, type: 'text/plain; charset=utf-8' });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const held = { bytes: 0 };
    try {
      const body = await this.#verifiedBody(request, held);
      const began = performance.now();
      const taken = this.#accept(body);
      // What is late goes on and is known when Meta sends it again; its memory is counted until then.
      const outcome = await this.#inTime(taken.finally(() => this.#release(held)));
      if (outcome === 'full') throw new Refused('full', 503, 'too much is waiting', { 'retry-after': '5' });
      this.#options.observe.accepted(performance.now() - began);
      send(response, { status: 200, json: { success: true } });
    } catch (error) {
      if (!(error instanceof Refused && error.reason === 'late')) this.#release(held);
      throw error;
    }
  }

  async #verifiedBody(request: IncomingMessage, held: { bytes: number }): Promise<Buffer> {
    const signature = readSignature(request.headers['x-hub-signature-256']);
    const check = new SignatureCheck(signature === undefined ? [] : this.#options.config.appSecrets);
    const body = await readBody(request, {
      maxBytes: this.#limits.bodyBytes,
      keep: signature !== undefined,
      onChunk: (chunk) => {
        if (signature === undefined) return;
        check.update(chunk);
        this.#hold(held, chunk.length);
      },
    });
    if (signature === undefined) throw new Refused('unsigned', 401, 'X-Hub-Signature-256: sha256=… is needed');
    if (!check.matches(signature)) throw new Refused('forged', 401, 'X-Hub-Signature-256 is of no app secret of ours');
    return body;
  }

  async #accept(body: Buffer): Promise<'accepted' | 'full'> {
    const payload = await this.#payloads.read(body);
    if (payload === undefined) throw new Refused('not-json', 400, 'the body is not JSON');
    if (payload.object !== OBJECT) throw new Refused('foreign-object', 400, `object must be ${OBJECT}`);
    try {
      return await this.#options.receiver.accept(payload.parts);
    } catch (err) {
      this.#options.log?.warn({ err }, 'webhook not kept: Meta sends it again');
      throw new Refused('store', 503, 'not kept, send it again', { 'retry-after': '5' });
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      const late = new Refused('late', 503, 'not kept in time, send it again', { 'retry-after': '5' });
      timer = setTimeout(() => reject(late), this.#limits.answerMs);
    });
    try {
      return await Promise.race([work, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  #hold(held: { bytes: number }, bytes: number): void {
    held.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.totalBytes)
      throw new Refused('busy', 503, 'too much at once', { 'retry-after': '5', connection: 'close' });
  }

  #release(held: { bytes: number }): void {
    this.#bytes -= held.bytes;
    held.bytes = 0;
  }
}

function reasonOf(error: unknown): WebhookRefusal | undefined {
  if (error instanceof Refused) return error.reason;
  if (!(error instanceof HttpError)) return undefined;
  return error.status === 413 ? 'too-large' : 'incomplete';
}
