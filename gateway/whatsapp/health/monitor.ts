/** Reads the health of all numbers again and again, and says when something in it changes. */
import { GraphError } from '../graph/index.js';
import type { Graph, TokenState } from '../graph/index.js';
import type { Direction, Pickup } from './pickup.js';
import { HEALTH_FIELDS, readNumberHealth, readRestrictions } from './read.js';
import { concernsOf } from './snapshot.js';
import type { Concern, HealthSnapshot, Known, NumberSnapshot } from './snapshot.js';
import type { TimeToMeta } from './time.js';

export interface HealthMonitorOptions {
  readonly graph: Graph;
  readonly numbers: readonly { readonly number: string; readonly phoneNumberId: string }[];
  /** What Meta says of the token. */
  readonly token: () => Promise<TokenState>;
  readonly time: () => Promise<TimeToMeta>;
  /** End of the server's certificate, epoch ms; absent: it is not watched. */
  readonly certificate?: () => Promise<number>;
  /** Absent: there are no records. */
  readonly pickup?: (number: string, direction: Direction) => Promise<Pickup>;
  /** Between two rounds, ms, give or take a fifth; 0: one round alone. */
  readonly intervalMs: number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Epoch ms; default Date.now. */
  readonly now?: () => number;
  /** In [0, 1). */
  readonly random?: () => number;
}

const JITTER = 0.2;

export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  #snapshot: HealthSnapshot;
  /** As told to the log, by key. */
  #told = new Map<string, Concern>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<HealthSnapshot> | undefined;
  #closed = false;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#snapshot = { numbers: options.numbers.map(({ number }) => ({ number, health: {}, restrictions: {} })) };
  }

  /** The first round at once. */
  start(): void {
    void this.refresh();
  }

  /** As of the last round. */
  get snapshot(): HealthSnapshot {
    return this.#snapshot;
  }

  /** As of now: what expires does so between two rounds, too. */
  get concerns(): readonly Concern[] {
    return concernsOf(this.#snapshot, this.#now());
  }

  /** A round now, or the one that is under way. Never rejects: what cannot be read is in the snapshot. */
  refresh(): Promise<HealthSnapshot> {
    if (this.#closed) return Promise.resolve(this.#snapshot);
    clearTimeout(this.#timer);
    this.#round ??= this.#read().finally(() => {
      this.#round = undefined;
      this.#schedule();
    });
    return this.#round;
  }

  /** Waits for the round under way. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  #schedule(): void {
    const { intervalMs, random = Math.random } = this.#options;
    if (this.#closed || intervalMs === 0) return;
    const spread = 1 - JITTER + 2 * JITTER * random();
    this.#timer = setTimeout(() => void this.refresh(), intervalMs * spread);
  }

  async #read(): Promise<HealthSnapshot> {
    const { token, time, certificate, numbers } = this.#options;
    const before = this.#snapshot;
    const [tokenNow, timeNow, certificateNow] = await Promise.all([
      latest(before.token, token),
      latest(before.time, time),
      certificate === undefined
        ? undefined
        : latest(before.certificate, async () => ({ expiresAtMs: await certificate() })),
    ]);
    const read: NumberSnapshot[] = [];
    // One after the other: nobody waits for it, and Meta counts requests.
    for (const [i, number] of numbers.entries()) read.push(await this.#readNumber(number, before.numbers[i]));
    this.#snapshot = {
      ...{ atMs: this.#now(), numbers: read, token: tokenNow, time: timeNow },
      ...(certificateNow === undefined ? {} : { certificate: certificateNow }),
    };
    if (!this.#closed) this.#tell();
    return this.#snapshot;
  }

  async #readNumber(
    { number, phoneNumberId }: HealthMonitorOptions['numbers'][number],
    before: NumberSnapshot | undefined,
  ): Promise<NumberSnapshot> {
    const { graph, pickup } = this.#options;
    const health = await latest(before?.health, async () =>
      readNumberHealth(await graph.get(phoneNumberId, { fields: HEALTH_FIELDS })),
    );
    const restrictions = await latest(before?.restrictions, async () =>
      readRestrictions(await graph.get(`${phoneNumberId}/settings`)),
    );
    if (pickup === undefined) return { number, health, restrictions };
    const counted = await latest(before?.pickup, async () => ({
      'user-initiated': await pickup(number, 'user-initiated'),
      'business-initiated': await pickup(number, 'business-initiated'),
    }));
    return { number, health, restrictions, pickup: counted };
  }

  #tell(): void {
    const { log } = this.#options;
    const concerns = new Map(this.concerns.map((concern) => [concern.key, concern]));
    for (const [key, { severity, text, remedy, number }] of concerns) {
      if (!this.#told.has(key)) log.warn({ number, severity, remedy, concern: text }, 'health: a new concern');
    }
    for (const [key, { text, number }] of this.#told) {
      if (!concerns.has(key)) log.info({ number, concern: text }, 'health: a concern is over');
    }
    this.#told = concerns;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** What is read now; if it cannot be, what was known before and why. */
async function latest<T>(before: Known<T> | undefined, read: () => Promise<T>): Promise<Known<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    const fault = error instanceof GraphError ? error.fault.message : String((error as Error).message);
    return { ...(before?.value === undefined ? {} : { value: before.value }), fault };
  }
}
