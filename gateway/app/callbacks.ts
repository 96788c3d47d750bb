/** Calls back: the queue, when its users are called, and the API's view of it. */
import type { Callback, CallbackResult } from '../calls/callback-calls.js';
import { createOpeningHours } from '../calls/hours.js';
import type { CallObserver } from '../calls/observer.js';
import type { Config, NumberConfig } from '../config/types.js';
import type { CallbacksPort, CallbackView } from '../http/api-ports.js';
import { HttpError } from '../http/reply.js';
import { StoreError, type Store } from '../store/index.js';
import {
  createCallbacks,
  type CallbackEntry,
  type Callbacks as Queue,
  type PlaceResult,
} from '../whatsapp/callbacks/index.js';
import type { PermissionReply } from '../whatsapp/webhooks/events.js';
import type { Closers, GatewayDeps } from './parts.js';

export interface Callbacks {
  readonly port: CallbacksPort;
  /** As of the last look at the queue. */
  readonly waiting: () => number;
  /** Whoever was talked to waits no longer. */
  readonly observer: CallObserver;
  /** A user allows calls: he waits to be called, for he was not answered, or was asked because somebody wanted to call him. */
  readonly allowed: (number: NumberConfig, event: PermissionReply) => Promise<void>;
  readonly start: () => void;
}

export interface CallbacksParts {
  readonly store: Store;
  /** Calls the extension, then the user; resolves when he has answered, or it is over without that. Never rejects. */
  readonly place: (callback: Callback) => Promise<CallbackResult>;
}

/** From one look at the queue to the next. */
const LOOK_MS = 15_000;

export function openCallbacks(
  config: Config,
  { log }: GatewayDeps,
  { store, place }: CallbacksParts,
  closers: Closers,
): Callbacks {
  const own = log.child({ part: 'callbacks' });
  const numberOf = (name: string): NumberConfig | undefined => config.numbers.find(({ number }) => number === name);
  const isOpen = openingHours(config);
  const queue = createCallbacks({
    ...{ store, log: own },
    place: (entry) => placeOne(numberOf(entry.number), entry.user, place),
  });
  const automatic = (number: string): boolean =>
    numberOf(number)?.callback?.automatic === true && isOpen(number, new Date());
  const looks = new Looks(queue, automatic, own);
  closers.push(() => looks.close());
  return {
    port: callbacksPort(queue, looks, numberOf, own),
    waiting: () => looks.waiting,
    start: () => looks.now(),
    observer: {
      refused: () => undefined,
      started: () => undefined,
      trouble: () => undefined,
      ended({ number, user }, { answeredMs }) {
        if (answeredMs === undefined || user === undefined) return;
        queue.remove(number, user).catch((err: unknown) => own.warn({ err }, 'callbacks: the store failed'));
      },
    },
    async allowed(number, { user, source, expiresAtMs }) {
      // Without an extension nobody could call; that of a request is of use as it is.
      if (source !== 'automatic' && number.callback === undefined) return;
      const missed = isOpen(number.number, new Date()) ? 'unanswered' : 'outside-hours';
      const reason = source === 'automatic' ? missed : 'agent';
      await queue.add({ number: number.number, user, reason, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) });
      looks.now();
    },
  };
}

async function placeOne(
  number: NumberConfig | undefined,
  user: string,
  place: CallbacksParts['place'],
): Promise<PlaceResult> {
  const extension = number?.callback?.extension;
  if (number === undefined || extension === undefined) return 'failed';
  const result = await place({ number, user, extension });
  // Who was not reached for want of an agent has not been unanswered.
  return result === 'connected' || result === 'unanswered' ? result : 'failed';
}

/** Looks at the queue again and again, and calls who is due. */
class Looks {
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;
  #again = false;
  #closing: AbortController = new AbortController();
  waiting = 0;

  constructor(
    private readonly queue: Queue,
    private readonly isOpen: (number: string) => boolean,
    private readonly log: GatewayDeps['log'],
  ) {}

  /** Now, or once more after the look that is under way. */
  now(): void {
    if (this.#closing.signal.aborted) return;
    clearTimeout(this.#timer);
    if (this.#look !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#look = this.#once().finally(() => {
      this.#look = undefined;
      if (this.#again) this.now();
      else if (!this.#closing.signal.aborted) this.#timer = setTimeout(() => this.now(), LOOK_MS);
    });
  }

  /** Idempotent. Calls under way are the calls' own. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
  }

  async #once(): Promise<void> {
    try {
      await this.queue.placeDue(this.isOpen, this.#closing.signal);
      this.waiting = (await this.queue.list()).length;
    } catch (err) {
      if (!this.#closing.signal.aborted) this.log.warn({ err }, 'callbacks: the store failed');
    }
  }
}

/** The hours of callbacks; without them those in which users may call; without these always. */
function openingHours({ numbers }: Config): (number: string, at: Date) => boolean {
  const hours = new Map(
    numbers.flatMap(({ number, callback, calling }) => {
      const open = callback?.hours ?? (calling?.callHours?.status === 'enabled' ? calling.callHours : undefined);
      return open === undefined ? [] : [[number, createOpeningHours(open)] as const];
    }),
  );
  return (number, at) => hours.get(number)?.(at) ?? true;
}

const idOf = ({ number, user }: Pick<CallbackEntry, 'number' | 'user'>): string =>
  `${number.slice(1)}-${user.replace(/^\+/, '')}`;

function callbacksPort(
  queue: Queue,
  looks: Looks,
  numberOf: (name: string) => NumberConfig | undefined,
  log: GatewayDeps['log'],
): CallbacksPort {
  const calling = new Set<string>();
  const view = (entry: CallbackEntry): CallbackView => viewOf(entry, calling.has(idOf(entry)), numberOf(entry.number));
  const find = async (id: string): Promise<CallbackEntry | undefined> =>
    (await queue.list()).find((entry) => idOf(entry) === id);
  return {
    list: () => unlessDown(async () => (await queue.list()).map(view)),
    add: (number, user) =>
      unlessDown(async () => {
        if (numberOf(number) === undefined) return undefined;
        const before = await find(idOf({ number, user }));
        const entry = await queue.add({ number, user, reason: 'agent' });
        looks.now();
        return { added: before === undefined, callback: view(entry) };
      }),
    place: (id) =>
      unlessDown(async () => {
        const entry = await find(id);
        if (entry === undefined) return { kind: 'no-such-callback' };
        if (numberOf(entry.number)?.callback === undefined) {
          const reason = `numbers[].callback is not set for ${entry.number}: no extension to call first`;
          return { kind: 'refused', code: 'no-extension', reason };
        }
        if (calling.has(id)) return BUSY;
        calling.add(id);
        // The agent's phone rings now: whoever asked does not wait for its end.
        void queue
          .place(entry.number, entry.user)
          .catch((err: unknown) => log.warn({ err }, 'callbacks: the store failed'))
          .finally(() => calling.delete(id));
        return { kind: 'placed' };
      }),
    remove: (id) =>
      unlessDown(async () => {
        const entry = await find(id);
        return entry !== undefined && queue.remove(entry.number, entry.user);
      }),
  };
}

const BUSY = { kind: 'refused', code: 'busy', reason: 'this user is being called already' } as const;

function viewOf(entry: CallbackEntry, calling: boolean, number: NumberConfig | undefined): CallbackView {
  const { user, reasons, addedAtMs, expiresAtMs, notBeforeMs } = entry;
  return {
    ...{ id: idOf(entry), number: entry.number, user, addedAtMs, expiresAtMs, reason: reasons[0] ?? 'agent' },
    state: calling ? 'calling' : 'waiting',
    ...(number?.callback?.automatic === true ? { dueAtMs: Math.max(notBeforeMs, addedAtMs) } : {}),
  };
}

async function unlessDown<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreError) throw new HttpError(503, 'store', error.message);
    throw error;
  }
}
