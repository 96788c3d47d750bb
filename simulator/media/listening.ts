import { setTimeout as delay } from 'node:timers/promises';
import { type HeardPacket, PayloadDecoder } from './heard.js';
import { toneShare } from './measure.js';
import { payloadOf, payloadTypeOf } from './rtp.js';
import type { Codec } from './types.js';

/** What must be heard in one piece to count; enough to be measured afterwards. */
const ENOUGH_MS = 1100;
const LOOK_MS = 60;
/** Of each packet: one that is all tone, whatever the codec made of it. */
const TONE_HEARD = 0.9;

/** Times of `performance.now()`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Resolves when the tone was heard without a break for a second; only what comes from now on counts. Each packet is decoded
 * once and looked at alone, so that listening does not hold up who speaks in the same process.
 * @throws Error after `limitMs`
 */
export async function hearTone(
  packets: readonly HeardPacket[],
  codecs: ReadonlyMap<number, Codec>,
  hz: number,
  limitMs: number,
): Promise<Span> {
  const decoders = new Map<Codec, PayloadDecoder>();
  const deadline = performance.now() + limitMs;
  let next = packets.length;
  let from: number | undefined;
  let heard = 0;
  try {
    for (;;) {
      for (; next < packets.length; next++) {
        const { packet, arrivalMs } = packets[next]!;
        const codec = codecs.get(payloadTypeOf(packet));
        if (codec === undefined) continue;
        const decoder = decoders.get(codec) ?? new PayloadDecoder(codec);
        decoders.set(codec, decoder);
        const pcm = decoder.decode(payloadOf(packet) ?? Buffer.alloc(0));
        if (pcm === undefined || toneShare(pcm, decoder.rate, hz) < TONE_HEARD) {
          from = undefined;
          continue;
        }
        heard++;
        from ??= arrivalMs;
        if (arrivalMs - from >= ENOUGH_MS) return { fromMs: from, toMs: arrivalMs };
      }
      if (performance.now() > deadline) {
        throw new Error(`the user did not hear a second of ${hz} Hz in ${limitMs} ms, but ${heard} packets of it`);
      }
      await delay(LOOK_MS);
    }
  } finally {
    for (const decoder of decoders.values()) decoder.close();
  }
}

export function within(packets: readonly HeardPacket[], { fromMs, toMs }: Span): readonly HeardPacket[] {
  return packets.filter(({ arrivalMs }) => arrivalMs >= fromMs && arrivalMs <= toMs);
}
