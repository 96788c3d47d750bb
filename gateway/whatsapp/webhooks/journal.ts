/** Events in the store: kept until handled, then remembered for as long as Meta may send them again. */
import type { Json, Store } from '../../store/port.js';
import type { WebhookEvent } from './events.js';
import type { Moment } from './identity.js';

const WAITING = 'webhooks';
const SEEN = 'webhooks-seen';
const LAST = 'webhooks-last';

/** Meta tries for seven days; what is older than this is a replay. */
export const KEEP_MS = 8 * 86_400_000;

export interface Kept {
  readonly key: string;
  readonly event: WebhookEvent;
  readonly receivedAtMs: number;
  /** Tries that failed. */
  readonly attempts: number;
  /** Until then it is in the hands of whoever took it in. Epoch ms. */
  readonly dueAtMs: number;
}

export class Journal {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @returns false: it is kept already, or was handled */
  async keep(kept: Kept): Promise<boolean> {
    if ((await this.#store.get(SEEN, kept.key)) !== undefined) return false;
    return this.#store.add(WAITING, kept.key, documentOf(kept), { expiresAtMs: kept.receivedAtMs + KEEP_MS });
  }

  async waiting(): Promise<readonly Kept[]> {
    const entries = await this.#store.list(WAITING);
    return entries.map(({ key, value }) => keptOf(key, value)).sort((a, b) => a.event.atMs - b.event.atMs);
  }

  /** As it is kept now; undefined: it was handled, here or by another gateway. */
  async open(key: string): Promise<Kept | undefined> {
    const entry = await this.#store.get(WAITING, key);
    if (entry === undefined) return undefined;
    // Whoever handled it was ended between the two writes of close().
    if ((await this.#store.get(SEEN, key)) !== undefined) {
      await this.#store.delete(WAITING, key);
      return undefined;
    }
    return keptOf(key, entry.value);
  }

  /** To be tried again from `dueAtMs` on. */
  async defer(kept: Kept, attempts: number, dueAtMs: number): Promise<void> {
    const { receivedAtMs } = kept;
    const value = documentOf({ ...kept, attempts, dueAtMs });
    await this.#store.update(WAITING, kept.key, (now) => (now === undefined ? undefined : value), {
      expiresAtMs: receivedAtMs + KEEP_MS,
    });
  }

  /** Handled, out of date or given up: not again. */
  async close(kept: Kept): Promise<void> {
    await this.#store.put(SEEN, kept.key, true, { expiresAtMs: kept.receivedAtMs + KEEP_MS });
    await this.#store.delete(WAITING, kept.key);
  }

  /** When the last event of the subject was that was handled. */
  async last(subject: string): Promise<Moment | undefined> {
    return (await this.#store.get(LAST, subject))?.value as Moment | undefined;
  }

  async setLast(subject: string, { atMs, rank }: Moment, receivedAtMs: number): Promise<void> {
    await this.#store.put(LAST, subject, { atMs, rank }, { expiresAtMs: receivedAtMs + KEEP_MS });
  }
}

/** Events are made of JSON; what is optional in them is left out, not undefined. */
function documentOf({ event, receivedAtMs, attempts, dueAtMs }: Kept): Json {
  return { event: event as unknown as Json, receivedAtMs, attempts, dueAtMs };
}

function keptOf(key: string, value: Json): Kept {
  return { key, ...(value as unknown as Omit<Kept, 'key'>) };
}
