import { PACKET_MS } from './clock.js';
import { encodeAlaw, encodeUlaw } from './g711.js';
import { OPUS_RATE, OpusEncoder } from './opus.js';
import type { Codec, Source } from './sound.js';

const DEFAULT_LEVEL = -12;
/** A loop of one second holds a whole number of cycles of every whole frequency. */
const TONE_LOOP_FRAMES = 1000 / PACKET_MS;
const SPEECH_LOOP_FRAMES = 4000 / PACKET_MS;
/** Encoded before the loop so that the codec's state at its start is nearly the state at its end. */
const WARM_UP_FRAMES = 25;

/** Sounds as loops of encoded 20 ms payloads: encoded at first use, then only looked up. */
export class SoundLoops {
  readonly #loops = new Map<string, readonly Buffer[]>();

  /** @returns payloads of 20 ms each, to be sent over and over. */
  loop(source: Source, codec: Codec): readonly Buffer[] {
    const key = `${codec} ${JSON.stringify(source)}`;
    let loop = this.#loops.get(key);
    if (loop === undefined) {
      loop = encode(source, codec);
      this.#loops.set(key, loop);
    }
    return loop;
  }
}

function encode(source: Source, codec: Codec): Buffer[] {
  const rate = codec === 'opus' ? OPUS_RATE : 8000;
  const size = (rate * PACKET_MS) / 1000;
  const frames = source.kind === 'speech' ? SPEECH_LOOP_FRAMES : TONE_LOOP_FRAMES;
  const samples = sampleSource(source, rate, frames * size);
  const frame = (n: number): Int16Array => {
    const at = (((n % frames) + frames) % frames) * size;
    return samples.subarray(at, at + size);
  };
  if (codec !== 'opus') {
    const law = codec === 'PCMA' ? encodeAlaw : encodeUlaw;
    return Array.from({ length: frames }, (_, n) => Buffer.from(Array.from(frame(n), law)));
  }
  const encoder = new OpusEncoder();
  try {
    for (let n = -WARM_UP_FRAMES; n < 0; n++) encoder.encode(frame(n));
    return Array.from({ length: frames }, (_, n) => encoder.encode(frame(n)));
  } finally {
    encoder.close();
  }
}

/** One loop of the source in 16-bit samples. */
export function sampleSource(source: Source, rate: number, length: number): Int16Array {
  const out = new Int16Array(length);
  switch (source.kind) {
    case 'silence':
      return out;
    case 'tone': {
      const amplitude = peak(source.level);
      const step = (2 * Math.PI * Math.round(source.hz)) / rate;
      return out.map((_, i) => Math.round(amplitude * Math.sin(step * i)));
    }
    case 'speech':
      return speech(out, rate, peak(source.level));
  }
}

function peak(level = DEFAULT_LEVEL): number {
  return 32767 * 10 ** (Math.min(0, level) / 20);
}

/**
 * Speech-like: syllables of about 180 ms, each a buzz of gliding pitch through a wandering resonance, and a pause of
 * 600 ms in every two seconds. The same samples in every run.
 */
function speech(out: Int16Array, rate: number, amplitude: number): Int16Array {
  let seed = 12345;
  const random = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) / 0x80000000;
  const syllable = Math.round(rate * 0.18);
  let pitch = 120;
  let formant = 500;
  let phase = 0;
  let y1 = 0;
  let y2 = 0;
  for (let i = 0; i < out.length; i++) {
    if (i % syllable === 0) {
      pitch = 100 + 60 * random();
      formant = 400 + 800 * random();
    }
    const pausing = (i / rate) % 2 > 1.4;
    const envelope = pausing ? 0 : Math.sin((Math.PI * (i % syllable)) / syllable);
    phase = (phase + pitch / rate) % 1;
    const buzz = 2 * phase - 1 + 0.2 * (random() - 0.5);
    const r = 1 - (300 * Math.PI) / rate;
    const y = buzz * (1 - r) + 2 * r * Math.cos((2 * Math.PI * formant) / rate) * y1 - r * r * y2;
    y2 = y1;
    y1 = y;
    out[i] = Math.round(amplitude * Math.max(-1, Math.min(1, y * envelope)));
  }
  return out;
}
