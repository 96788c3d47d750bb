/** Users who wait to be called back: kept in the store, each once, called by one gateway. */
import type { Json, Store } from '../../store/index.js';
import {
  afterCall,
  dueEntries,
  entryOf,
  jsonOf,
  merged,
  type CallbackEntry,
  type PlaceResult,
  type Reason,
} from './entry.js';

export { ATTEMPTS_MAX, REASONS, type CallbackEntry, type PlaceResult, type Reason } from './entry.js';

export interface CallbacksDeps {
  readonly store: Store;
  /** Calls the PBX, then the user. Has its own limits of time. */
  readonly place: (entry: CallbackEntry) => Promise<PlaceResult>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Epoch ms; default Date.now. */
  readonly clock?: () => number;
}

export interface NewCallback {
  readonly number: string;
  readonly user: string;
  readonly reason: Reason;
  /** Of the permission; absent: 7 days. */
  readonly expiresAtMs?: number;
}

/** An entry that no other gateway calls meanwhile. */
export interface Taken {
  readonly entry: CallbackEntry;
  /** Idempotent. */
  release(): Promise<void>;
}

/** `gone`: there is no such entry. `busy`: it is being called. */
export type PlaceOutcome = PlaceResult | 'gone' | 'busy';

const COLLECTION = 'callbacks';
const PERMISSION_MS = 7 * 24 * 60 * 60_000;
/** Longer than ringing at both ends takes. */
const LEASE_MS = 5 * 60_000;

const keyOf = ({ number, user }: { readonly number: string; readonly user: string }): string => `${number}:${user}`;

/** Every method rejects with StoreError when the store is away. */
export class Callbacks {
  readonly #deps: CallbacksDeps;
  readonly #clock: () => number;

  constructor(deps: CallbacksDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? Date.now;
  }

  /** @returns the user's one entry */
  async add({ number, user, reason, expiresAtMs }: NewCallback): Promise<CallbackEntry> {
    const now = this.#clock();
    const added: CallbackEntry = {
      ...{ number, user, reasons: [reason], addedAtMs: now, attempts: 0, notBeforeMs: now },
      expiresAtMs: expiresAtMs ?? now + PERMISSION_MS,
    };
    const before = await this.#deps.store.get(COLLECTION, keyOf(added));
    const expiry = merged(before && entryOf(before.value), added).expiresAtMs;
    const change = (value: Json | undefined): Json =>
      jsonOf(merged(value === undefined ? undefined : entryOf(value), added));
    const stored = await this.#deps.store.update(COLLECTION, keyOf(added), change, { expiresAtMs: expiry });
    this.#deps.log.info({ number, user, reason }, 'callback: the user waits to be called');
    return stored === undefined ? added : entryOf(stored);
  }

  /** Oldest first. */
  async list(number?: string): Promise<readonly CallbackEntry[]> {
    const entries = await this.#deps.store.list(COLLECTION, number === undefined ? '' : `${number}:`);
    return entries.map(({ value }) => entryOf(value)).sort((a, b) => a.addedAtMs - b.addedAtMs);
  }

  remove(number: string, user: string): Promise<boolean> {
    return this.#deps.store.delete(COLLECTION, keyOf({ number, user }));
  }

  /** Those that may be called now without an agent asking. */
  async due(isOpen: (number: string) => boolean): Promise<readonly CallbackEntry[]> {
    return dueEntries(await this.list(), isOpen, this.#clock());
  }

  async take(number: string, user: string): Promise<Taken | 'gone' | 'busy'> {
    const key = keyOf({ number, user });
    const lease = await this.#deps.store.lease(`callback:${key}`, LEASE_MS);
    if (lease === undefined) return 'busy';
    try {
      // Read under the lease: who had it before may have been through.
      const found = await this.#deps.store.get(COLLECTION, key);
      if (found !== undefined) return { entry: entryOf(found.value), release: () => lease.release() };
    } catch (error) {
      await lease.release();
      throw error;
    }
    await lease.release();
    return 'gone';
  }

  /** Calls the user back now, whatever the hours. `connected` removes the entry. */
  async place(number: string, user: string): Promise<PlaceOutcome> {
    const taken = await this.take(number, user);
    if (typeof taken === 'string') return taken;
    try {
      return await this.#call(taken.entry);
    } finally {
      await taken.release();
    }
  }

  /** One after the other: all that are due. @returns how many were connected */
  async placeDue(isOpen: (number: string) => boolean, signal?: AbortSignal): Promise<number> {
    let connected = 0;
    for (const { number, user } of await this.due(isOpen)) {
      if (signal?.aborted === true) break;
      const taken = await this.take(number, user);
      if (typeof taken === 'string') continue;
      try {
        // Another gateway may have called since the list was read.
        const [still] = dueEntries([taken.entry], isOpen, this.#clock());
        if (still !== undefined && (await this.#call(still)) === 'connected') connected += 1;
      } finally {
        await taken.release();
      }
    }
    return connected;
  }

  async #call(entry: CallbackEntry): Promise<PlaceResult> {
    const { number, user } = entry;
    const result = await this.#deps.place(entry).catch((error: unknown): PlaceResult => {
      this.#deps.log.warn({ number, user, err: error }, 'callback: the call failed');
      return 'failed';
    });
    const now = this.#clock();
    const change = (value: Json | undefined): Json | undefined => {
      const after = value === undefined ? undefined : afterCall(entryOf(value), result, now);
      return after === undefined ? undefined : jsonOf(after);
    };
    await this.#deps.store.update(COLLECTION, keyOf(entry), change);
    this.#deps.log.info({ number, user, result }, 'callback: the call was placed');
    return result;
  }
}

export function createCallbacks(deps: CallbacksDeps): Callbacks {
  return new Callbacks(deps);
}
