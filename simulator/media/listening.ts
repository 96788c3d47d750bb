import { setTimeout as delay } from 'node:timers/promises';
import { type HeardPacket, PayloadDecoder } from './heard.js';
import { toneShare } from './measure.js';
import { payloadOf, payloadTypeOf } from './rtp.js';
import type { Codec } from './types.js';

/** So many packets are looked at, 1.1 s: enough to be measured afterwards. */
const WINDOW = 55;
/** So many of them must be the tone: on a busy machine silence takes the place of what comes late, for whole packets. */
const WANTED = 44;
const LOOK_MS = 60;
/** Of each packet: one that is all tone, whatever the codec made of it. */
const TONE_HEARD = 0.9;

/** Times of `performance.now()`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Resolves when the tone was heard for a second; only what comes from now on counts. Each packet is decoded once and looked
 * at alone, so that listening does not hold up who speaks in the same process, and a place where the stream skips says
 * nothing against the tone.
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
  const latest: { readonly arrivalMs: number; readonly isTone: boolean }[] = [];
  let next = packets.length;
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
        const isTone = pcm !== undefined && toneShare(pcm, decoder.rate, hz) >= TONE_HEARD;
        if (isTone) heard++;
        latest.push({ arrivalMs, isTone });
        if (latest.length > WINDOW) latest.shift();
        const span = spanOf(latest);
        if (isTone && span !== undefined) return span;
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

/** From the first packet of the tone to the last; undefined while there are not enough. */
function spanOf(latest: readonly { readonly arrivalMs: number; readonly isTone: boolean }[]): Span | undefined {
  const tones = latest.length < WINDOW ? [] : latest.filter(({ isTone }) => isTone);
  const [first, last] = [tones[0], tones.at(-1)];
  if (tones.length < WANTED || first === undefined || last === undefined) return undefined;
  return { fromMs: first.arrivalMs, toMs: last.arrivalMs };
}

export function within(packets: readonly HeardPacket[], { fromMs, toMs }: Span): readonly HeardPacket[] {
  return packets.filter(({ arrivalMs }) => arrivalMs >= fromMs && arrivalMs <= toMs);
}
