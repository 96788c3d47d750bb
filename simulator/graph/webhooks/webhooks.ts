import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from '../world.js';
import { envelope, WebhookEvents, type WebhookEvent } from './events.js';
import { WebhookClient, type Attempt, type Target } from './post.js';
import { shuffled, type Forgery, type Planned, type ShuffleOptions } from './shuffle.js';
import { signed, type Corruption } from './sign.js';

/** On any answer but 200 a webhook comes again, later and later. */
export interface RetryPolicy {
  /** Tries in all. */
  attempts: number;
  /** Until the second try, ms; then twice as long each time. */
  firstMs: number;
}

export interface SendOptions {
  /** ms to wait before. */
  readonly late?: number;
  /** How often, one after the other. Default 1. */
  readonly times?: number;
  readonly corrupt?: Corruption;
  /** Another secret than the app's. */
  readonly signWith?: string;
  /** Whether it comes again without a 200. Default: only when there is nothing false about it. */
  readonly retry?: boolean;
}

export interface Delivery {
  /** Whether the last try had a 200. */
  readonly delivered: boolean;
  readonly attempts: readonly Attempt[];
}

/** How many had which answer by status, or `error`. */
export type Tally = Readonly<Record<string, number>>;

export interface ShuffleReport {
  /** Deliveries, not tries. */
  readonly sent: number;
  /** Last answers to true ones, copies included. */
  readonly genuine: Tally;
  /** Answers to false ones, by how they were made. */
  readonly forged: Readonly<Partial<Record<Forgery, Tally>>>;
  /** The slowest answer. */
  readonly slowestMs: number;
  readonly tookMs: number;
}

export interface Handshake {
  readonly status?: number;
  /** 200 and the challenge, nothing else, as body. */
  readonly verified: boolean;
}

/** Meta's webhooks. Nothing is sent by itself: the test says what, when and how. */
export class Webhooks {
  /** Must be set before anything is sent. */
  target: Target | undefined;
  readonly retry: RetryPolicy = { attempts: 4, firstMs: 100 };
  readonly events: WebhookEvents;
  readonly #client = new WebhookClient();
  readonly #closing = new AbortController();

  constructor(private readonly world: World) {
    this.events = new WebhookEvents(world);
  }

  /** Meta's GET when the URL is set up. */
  async verify(verifyToken = this.#target().verifyToken): Promise<Handshake> {
    const challenge = String(this.world.random(4).readUInt32BE());
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.challenge': challenge,
      'hub.verify_token': verifyToken,
    });
    const { status, body } = await this.#client.get(this.#target(), query);
    return { verified: status === 200 && body === challenge, ...(status !== undefined && { status }) };
  }

  /** Several events make one body with an entry each. Resolves after the last try. */
  async send(event: WebhookEvent | readonly WebhookEvent[], options: SendOptions = {}): Promise<Delivery> {
    const { late = 0, times = 1 } = options;
    if (late > 0) await this.#wait(late);
    const events: readonly WebhookEvent[] = 'field' in event ? [event] : event;
    const attempts: Attempt[] = [];
    for (let n = 0; n < times; n++) attempts.push(...(await this.#deliver(events, options)));
    return { delivered: attempts.at(-1)?.status === 200, attempts };
  }

  /** Everything in disorder, some twice, false ones in between. */
  async sendShuffled(events: readonly WebhookEvent[], options: ShuffleOptions): Promise<ShuffleReport> {
    const from = performance.now();
    const planned = shuffled(events, options);
    const genuine: Record<string, number> = {};
    const forged: Partial<Record<Forgery, Record<string, number>>> = {};
    let slowestMs = 0;
    const queue = planned.values();
    const worker = async (): Promise<void> => {
      for (const { event, forgery } of queue) {
        const { attempts } = await this.send(event, sendOptions(forgery));
        slowestMs = Math.max(slowestMs, ...attempts.map(({ ms }) => ms));
        const tally = forgery === undefined ? genuine : (forged[forgery] ??= {});
        const answer = String(attempts.at(-1)?.status ?? 'error');
        tally[answer] = (tally[answer] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: options.concurrency ?? 16 }, worker));
    return { sent: planned.length, genuine, forged, slowestMs, tookMs: performance.now() - from };
  }

  /** Idempotent; whatever waits or is under way comes to nothing. */
  close(): void {
    this.#closing.abort();
    this.#client.close();
  }

  async #deliver(events: readonly WebhookEvent[], options: SendOptions): Promise<readonly Attempt[]> {
    const { corrupt = 'none', signWith, retry = corrupt === 'none' && signWith === undefined } = options;
    const { businessAccountId, appSecret } = this.world.options;
    const body = Buffer.from(JSON.stringify(envelope(businessAccountId, events, this.world.clock())));
    const message = signed(body, signWith ?? appSecret, corrupt);
    const attempts: Attempt[] = [];
    for (let waitMs = this.retry.firstMs; ; waitMs *= 2) {
      const attempt = await this.#client.post(this.#target(), message);
      attempts.push(attempt);
      if (attempt.status === 200 || !retry || attempts.length >= this.retry.attempts) return attempts;
      await this.#wait(waitMs);
    }
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal });
  }

  #target(): Target {
    if (!this.target) throw new TypeError('webhooks: set target first');
    return this.target;
  }
}

function sendOptions(forgery: Planned['forgery']): SendOptions {
  if (forgery === undefined) return {};
  return forgery === 'stranger' ? { signWith: 'not the secret of the app' } : { corrupt: forgery };
}
