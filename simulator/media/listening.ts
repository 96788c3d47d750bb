import { setTimeout as delay } from 'node:timers/promises';
import { type HeardPacket, measureHeard } from './heard.js';
import { runSliced, type ToneMeasure } from './measure.js';
import type { Codec } from './types.js';

/** A whole second of tone and some packets more, as they come in 20 ms each. */
const RECENT_MS = 1300;
const LOOK_MS = 200;
const PURE = 0.95;
const HZ_TOLERANCE = 0.01;

/**
 * Resolves when the tone was heard for a second, which is measured; only what comes from now on counts.
 * @throws Error after `limitMs` with what was heard instead
 */
export async function hearTone(
  packets: readonly HeardPacket[],
  codecs: ReadonlyMap<number, Codec>,
  hz: number,
  limitMs: number,
): Promise<ToneMeasure> {
  const since = performance.now();
  for (;;) {
    const from = Math.max(since, performance.now() - RECENT_MS);
    const first = packets.findLastIndex(({ arrivalMs }) => arrivalMs < from) + 1;
    const { tone } = await runSliced(measureHeard(packets.slice(first), codecs));
    if (tone !== undefined && tone.purity > PURE && Math.abs(tone.hz - hz) < hz * HZ_TOLERANCE) return tone;
    if (performance.now() - since > limitMs) {
      const heard = tone === undefined ? 'silence' : `${tone.hz.toFixed(0)} Hz (purity ${tone.purity.toFixed(2)})`;
      throw new Error(`the user did not hear ${hz} Hz in ${limitMs} ms, but ${heard}`);
    }
    await delay(LOOK_MS);
  }
}
