/**
 * Daily minutes in the store, where they survive a restart and several gateways share them. A call never waits for it: what
 * is read is what was last heard from the store and what has been added since, and what is added is written a little later.
 * While the store cannot be reached, this gateway goes on counting for itself and writes it all once it can.
 */
import type { Json, Store } from '../store/port.js';
import { dayOf, type MinutesLedger } from './minutes.js';

export interface StoredMinutesDeps {
  readonly store: Pick<Store, 'list' | 'update'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** From one look at what other gateways have added to the next. */
  readonly refreshMs?: number;
}

/** One document for each number and day, by `2026-11-26 +15551234567`: milliseconds. */
export const COLLECTION = 'daily-minutes';
const REFRESH_MS = 10_000;
const DAY_MS = 86_400_000;

interface Entry {
  readonly day: string;
  /** As the store had it last. */
  stored: number;
  /** Added here, and not known to be in the store. */
  unsaved: number;
}

export class StoredMinutes implements MinutesLedger {
  readonly #deps: StoredMinutesDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #timer: NodeJS.Timeout;
  #working: Promise<void> | undefined;
  /** What is there to do after the present round: another one. */
  #again = false;
  #failing = false;

  /** Begins to read. */
  constructor(deps: StoredMinutesDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#work(), deps.refreshMs ?? REFRESH_MS);
    this.#timer.unref();
    this.#work();
  }

  used(number: string, day: string): number {
    const entry = this.#entries.get(keyOf(number, day));
    return entry === undefined ? 0 : entry.stored + entry.unsaved;
  }

  add(number: string, day: string, ms: number): void {
    if (ms <= 0) return;
    this.#entry(keyOf(number, day), day).unsaved += ms;
    this.#work();
  }

  /** Everything that was added so far is in the store, or it could not be reached. Never rejects. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Writes what is left, if the store can be reached. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    if ([...this.#entries.values()].some(({ unsaved }) => unsaved > 0)) this.#work();
    await this.settled();
  }

  /** One thing after the other: what is read must not be older than what was written. */
  #work(): void {
    this.#again = true;
    this.#working ??= this.#rounds().finally(() => (this.#working = undefined));
  }

  async #rounds(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        await this.#save();
        await this.#read();
        if (this.#failing) this.#deps.log.info({}, 'daily minutes: the store is back');
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) {
          this.#deps.log.warn(
            { err: error },
            'daily minutes: store not reached, this gateway counts for itself until it is',
          );
        }
        this.#failing = true;
      }
    }
  }

  async #save(): Promise<void> {
    for (const [key, entry] of this.#entries) {
      const { unsaved, day } = entry;
      if (unsaved === 0) continue;
      // A day longer than the day itself: a call counts for the day it began.
      const expiresAtMs = Date.parse(day) + 3 * DAY_MS;
      const stored = await this.#deps.store.update(COLLECTION, key, (value) => msOf(value) + unsaved, { expiresAtMs });
      entry.stored = msOf(stored);
      entry.unsaved -= unsaved;
    }
  }

  async #read(): Promise<void> {
    const now = this.#deps.now();
    const today = dayOf(now);
    for (const { key, value } of await this.#deps.store.list(COLLECTION, `${today} `)) {
      this.#entry(key, today).stored = msOf(value);
    }
    const yesterday = dayOf(now - DAY_MS);
    for (const [key, { day, unsaved }] of this.#entries)
      if (day < yesterday && unsaved === 0) this.#entries.delete(key);
  }

  #entry(key: string, day: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry = { day, stored: 0, unsaved: 0 };
    this.#entries.set(key, entry);
    return entry;
  }
}

function keyOf(number: string, day: string): string {
  return `${day} ${number}`;
}

function msOf(value: Json | undefined): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}
