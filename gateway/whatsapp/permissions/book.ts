/** What is known of the pairs: Meta's answers for a short time, in memory and for the other gateways; our own counts for long. */
import type { Json, Store } from '../../store/index.js';
import { hasExpired } from './decide.js';
import { pairOf, WEEK_MS, type Pair } from './pair.js';
import type { PermissionState } from './read.js';

interface Cached {
  readonly state: PermissionState;
  readonly untilMs: number;
}

const PAIRS = 'permission-pairs';
const STATES = 'permission-states';
const CACHE_MAX = 10_000;

export class PermissionBook {
  readonly #cache = new Map<string, Cached>();

  constructor(
    private readonly store: Store,
    private readonly cacheMs: number,
    private readonly clock: () => number,
  ) {}

  cached(key: string): PermissionState | undefined {
    const found = this.#cache.get(key);
    return found !== undefined && this.#isFresh(found) ? found.state : undefined;
  }

  /** Of another gateway. @throws StoreError */
  async shared(key: string): Promise<PermissionState | undefined> {
    const entry = await this.store.get(STATES, key);
    const found = entry?.value as unknown as Cached | undefined;
    if (found === undefined || !this.#isFresh(found)) return undefined;
    this.#keep(key, found);
    return found.state;
  }

  /** @throws StoreError; in memory it is kept in any case */
  async learn(key: string, state: PermissionState): Promise<void> {
    const untilMs = this.clock() + this.cacheMs;
    const cached = { state, untilMs };
    this.#keep(key, cached);
    await this.store.put(STATES, key, cached as unknown as Json, { expiresAtMs: untilMs });
  }

  /** @throws StoreError */
  async forget(key: string): Promise<void> {
    this.#cache.delete(key);
    await this.store.delete(STATES, key);
  }

  /** @throws StoreError */
  async pair(key: string): Promise<Pair> {
    return pairOf((await this.store.get(PAIRS, key))?.value, this.clock());
  }

  /** @throws StoreError */
  async change(key: string, change: (pair: Pair) => Pair): Promise<Pair> {
    const now = this.clock();
    const next = (value: Json | undefined): Json => change(pairOf(value, now)) as unknown as Json;
    const value = await this.store.update(PAIRS, key, next, { expiresAtMs: now + WEEK_MS });
    return pairOf(value, now);
  }

  #isFresh({ state, untilMs }: Cached): boolean {
    const now = this.clock();
    return untilMs > now && !hasExpired(state, now);
  }

  #keep(key: string, cached: Cached): void {
    this.#cache.delete(key);
    this.#cache.set(key, cached);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size > CACHE_MAX && oldest !== undefined) this.#cache.delete(oldest);
  }
}
