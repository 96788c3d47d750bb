/** Takes events in, once each, and tells the handlers of them: whatever order they come in, and whatever fails meanwhile. */
import { setImmediate } from 'node:timers/promises';
import type { Store } from '../../store/port.js';
import type { WebhookEvent } from './events.js';
import { dispatch, type InboxObserver, type WebhookHandlers } from './handlers.js';
import { isBefore, keyOf, momentOf, subjectOf } from './identity.js';
import { Journal, KEEP_MS, type Kept } from './journal.js';
import { Lanes } from './lanes.js';
import { readWebhook } from './read.js';
import { Recent } from './recent.js';

export interface InboxDeps {
  readonly store: Store;
  readonly handlers: WebhookHandlers;
  readonly observe: InboxObserver;
  readonly log: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Epoch ms. */
  readonly now: () => number;
  readonly limits?: Partial<InboxLimits>;
}

export interface InboxLimits {
  /** Events not done; above it nothing more is taken in. */
  readonly capacity: number;
  /** Tries of a handler, the first one included. */
  readonly attempts: number;
  /** How long a handler may take. */
  readonly handlerMs: number;
  /** After the first failure; five times as long after each further one. */
  readonly backoffMs: number;
  /** How often the store is looked through for what is due. */
  readonly sweepMs: number;
}

const LIMITS: InboxLimits = { capacity: 2000, attempts: 6, handlerMs: 10_000, backoffMs: 1000, sweepMs: 5000 };
const LANES = 4;
const RECENT = 10_000;
/** How long an event stays with the gateway that took it in, before another takes it for left over. */
const OWN_MS = 60_000;
/** Another gateway is at an event of the same subject. */
const BUSY_MS = 1000;
/** A piece of work between two turns of the event loop. */
const SLICE_MS = 2;

export class Inbox {
  readonly #deps: InboxDeps;
  readonly #limits: InboxLimits;
  readonly #journal: Journal;
  readonly #recent = new Recent(RECENT);
  /** Keys in the lanes. */
  readonly #held = new Set<string>();
  readonly #lanes: Lanes<Kept>;
  #sweeping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
    this.#limits = { ...LIMITS, ...deps.limits };
    this.#journal = new Journal(deps.store);
    this.#lanes = new Lanes(LANES, (kept) => this.#work(kept));
  }

  /** Takes up what an earlier run left. A store that cannot be reached is asked again later. */
  start(): Promise<void> {
    return this.#sweep(Infinity);
  }

  /**
   * Resolves when every event of the payloads is kept; some may be even when it is `full` or rejects, and are known
   * when they come again.
   * @throws StoreError
   */
  async accept(payloads: Iterable<unknown>): Promise<'accepted' | 'full'> {
    let sliceEnd = performance.now() + SLICE_MS;
    for (const payload of payloads) {
      for (const event of readWebhook(payload, this.#deps.now())) {
        if (event.kind === 'unknown') this.#deps.observe.ignored(event.field, event.fault);
        else if (!(await this.#take(event))) return 'full';
        if (performance.now() < sliceEnd) continue;
        await setImmediate();
        sliceEnd = performance.now() + SLICE_MS;
      }
    }
    return 'accepted';
  }

  /** Handlers that run are waited for; the rest stays in the store. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#sweeping);
    await this.#lanes.close();
  }

  async #take(event: WebhookEvent): Promise<boolean> {
    const { observe, now } = this.#deps;
    const receivedAtMs = now();
    if (event.atMs < receivedAtMs - KEEP_MS) {
      observe.ignored(event.kind, 'older than Meta sends');
      return true;
    }
    const key = keyOf(event);
    if (this.#recent.has(key)) {
      observe.duplicate(event.kind);
      return true;
    }
    if (this.#closed || this.#lanes.waiting >= this.#limits.capacity) return false;
    const kept: Kept = { key, event, receivedAtMs, attempts: 0, dueAtMs: receivedAtMs + OWN_MS };
    const fresh = await this.#journal.keep(kept);
    this.#recent.add(key);
    if (fresh) {
      observe.accepted(event.kind);
      this.#hold(kept);
    } else observe.duplicate(event.kind);
    return true;
  }

  #hold(kept: Kept): void {
    if (this.#held.has(kept.key)) return;
    this.#held.add(kept.key);
    this.#lanes.push(subjectOf(kept.event), kept);
    this.#deps.observe.queue(this.#lanes.waiting);
  }

  async #work({ key, event }: Kept): Promise<void> {
    try {
      await this.#handle(key, subjectOf(event));
    } catch (error) {
      // It stays in the store, and the next sweep after its time finds it.
      this.#deps.log.warn({ err: error, kind: event.kind }, 'webhook event not handled: the store fails');
    } finally {
      this.#held.delete(key);
      this.#deps.observe.queue(this.#lanes.waiting - 1);
    }
  }

  /** Under a lease, so that of several gateways one is at a subject. */
  async #handle(key: string, subject: string): Promise<void> {
    const { store, now } = this.#deps;
    const lease = await store.lease(`webhook:${subject}`, this.#limits.handlerMs * 2);
    try {
      const kept = await this.#journal.open(key);
      if (kept === undefined) return;
      if (lease === undefined) await this.#journal.defer(kept, kept.attempts, now() + BUSY_MS);
      else await this.#tell(kept, subject);
    } finally {
      await lease?.release();
    }
  }

  async #tell(kept: Kept, subject: string): Promise<void> {
    const { observe, handlers } = this.#deps;
    const { event } = kept;
    const moment = momentOf(event, kept.receivedAtMs);
    const last = await this.#journal.last(subject);
    if (last !== undefined && isBefore(moment, last)) {
      observe.outdated(event.kind);
      return this.#journal.close(kept);
    }
    try {
      await within(this.#limits.handlerMs, dispatch(event, handlers));
    } catch (error) {
      return this.#failed(kept, error);
    }
    observe.handled(event.kind);
    await this.#journal.setLast(subject, moment, kept.receivedAtMs);
    await this.#journal.close(kept);
  }

  async #failed(kept: Kept, error: unknown): Promise<void> {
    const { observe, log, now } = this.#deps;
    const attempts = kept.attempts + 1;
    const fields = { err: error, kind: kept.event.kind, attempts };
    if (attempts >= this.#limits.attempts) {
      log.error(fields, 'webhook event given up: its handler fails again and again');
      observe.dropped(kept.event.kind);
      return this.#journal.close(kept);
    }
    log.warn(fields, 'webhook event not handled, it is tried again');
    observe.failed(kept.event.kind);
    await this.#journal.defer(kept, attempts, now() + this.#limits.backoffMs * 5 ** (attempts - 1));
  }

  /** @param dueMs what is due until then; epoch ms */
  async #sweep(dueMs: number): Promise<void> {
    try {
      // With a queue as long as this, what is due waits for its turn.
      if (this.#lanes.waiting < this.#limits.capacity / 2) {
        for (const kept of await this.#journal.waiting()) if (kept.dueAtMs <= dueMs) this.#hold(kept);
      }
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'webhook events that wait in the store could not be read');
    }
    if (this.#closed) return;
    this.#sweeping = setTimeout(() => void this.#sweep(this.#deps.now()), this.#limits.sweepMs);
    this.#sweeping.unref();
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
