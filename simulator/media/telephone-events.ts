import { PACKET_MS } from './clock.js';
import type { ReceivedDigit } from './types.js';

/** RFC 4733, section 3.2: the events that are keys. */
export const KEYS = '0123456789*#ABCD';
const EVENT_CLOCK = 8;

/** A key that comes in; its packets share one timestamp. */
interface OpenKey {
  readonly event: number;
  readonly timestamp: number;
  readonly firstMs: number;
  lastMs: number;
  packets: number;
  duration: number;
  ended: boolean;
}

/** Collects RFC 4733 packets into keys; every key counts once, however often its packets come. */
export class TelephoneEvents {
  readonly digits: ReceivedDigit[] = [];
  readonly #zero: () => number;
  readonly #onDigit: (digit: ReceivedDigit, packets: number) => void;
  #open: OpenKey | undefined;

  /**
   * @param zero the time that `atMs` counts from.
   * @param onDigit is told how many packets the key had up to its end.
   */
  constructor(zero: () => number, onDigit: (digit: ReceivedDigit, packets: number) => void) {
    this.#zero = zero;
    this.#onDigit = onDigit;
  }

  packet(arrivalMs: number, timestamp: number, payload: Buffer): void {
    if (payload.length < 4) return;
    const event = payload[0]!;
    if (event >= KEYS.length) return; // not a key: flash, tones
    if (this.#open?.timestamp !== timestamp || this.#open.event !== event) {
      // Late packets of the key before (reordered repeats of its end) start nothing new.
      if (this.#open !== undefined && ((timestamp - this.#open.timestamp) | 0) < 0) return;
      this.flush();
      this.#open = { event, timestamp, firstMs: arrivalMs, lastMs: arrivalMs, packets: 0, duration: 0, ended: false };
    }
    const key = this.#open;
    if (key.ended) return;
    key.lastMs = arrivalMs;
    key.packets++;
    key.duration = Math.max(key.duration, payload.readUInt16BE(2));
    if ((payload[1]! & 0x80) !== 0) {
      key.ended = true;
      this.#report(key);
    }
  }

  /** Ends a key whose end packets were all lost: called when audio or another key follows, and at the end. */
  flush(): void {
    if (this.#open === undefined || this.#open.ended) return;
    this.#open.ended = true;
    this.#report(this.#open);
  }

  #report(key: OpenKey): void {
    const digit: ReceivedDigit = {
      key: KEYS[key.event]!,
      via: 'rfc4733',
      durationMs: key.duration / EVENT_CLOCK,
      arrivalMs: key.lastMs - key.firstMs + PACKET_MS,
      atMs: key.firstMs - this.#zero(),
    };
    this.digits.push(digit);
    this.#onDigit(digit, key.packets);
  }
}
