import type { WebhookEvent } from './events.js';
import type { Corruption } from './sign.js';

export interface ShuffleOptions {
  /** The same seed gives the same order. */
  readonly seed: number;
  /** How many of the events come once more. Default 0. */
  readonly duplicates?: number;
  /** How many false ones come in between: altered, cut, signed badly or with another secret. Default 0. */
  readonly forged?: number;
  /** What a false one says. Default: what one of the events says. */
  readonly forge?: (event: WebhookEvent, index: number) => WebhookEvent;
  /** Deliveries at once. Default 16. */
  readonly concurrency?: number;
}

/** `stranger`: signed with a secret that is not the app's. */
export type Forgery = Exclude<Corruption, 'none'> | 'stranger';

export interface Planned {
  readonly event: WebhookEvent;
  readonly forgery?: Forgery;
}

const FORGERIES: readonly Forgery[] = ['signature', 'body', 'unsigned', 'truncated', 'stranger'];

/** Every event once, its copies and the false ones, in an order that the seed makes. */
export function shuffled(events: readonly WebhookEvent[], options: ShuffleOptions): readonly Planned[] {
  const { seed, duplicates = 0, forged = 0, forge = (event) => event } = options;
  const random = generator(seed);
  const any = (): WebhookEvent => {
    const event = events[Math.floor(random() * events.length)];
    if (!event) throw new TypeError('sendShuffled: there is no event');
    return event;
  };
  const planned: Planned[] = [
    ...events.map((event) => ({ event })),
    ...Array.from({ length: duplicates }, () => ({ event: any() })),
    ...Array.from({ length: forged }, (_, index) => ({
      event: forge(any(), index),
      forgery: FORGERIES[index % FORGERIES.length] ?? 'signature',
    })),
  ];
  return planned
    .map((delivery) => ({ delivery, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ delivery }) => delivery);
}

/** mulberry32: numbers in [0, 1) that depend on the seed alone. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
