import { setTimeout as delay } from 'node:timers/promises';
import type { MediaPeer } from './media/index.js';

const BEFORE_DIGITS_MS = 1000;

/** What a user does in an answered call. */
export interface Talk {
  /** Keys to press one second after the answer. */
  readonly digits?: string;
  /** From the answer to the user's hang-up, ms. */
  readonly durationMs: number;
}

/** The user's part of an answered call: keys, then listening until the time is up or the signal says that it is over. */
export async function talk(media: MediaPeer, { digits, durationMs }: Talk, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  try {
    if (digits !== undefined) {
      await delay(Math.min(BEFORE_DIGITS_MS, durationMs), undefined, { signal });
      await media.sendDigits(digits);
    }
    await delay(Math.max(0, started + durationMs - performance.now()), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

export function endSignal(ended: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  void ended.then(() => {
    controller.abort();
  });
  return controller.signal;
}
