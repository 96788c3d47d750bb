import { energyOf, fft, sinusoidEnergy } from './spectrum.js';

export interface ToneMeasure {
  readonly hz: number;
  /** Power of the tone over the total power of the window, mean removed; 0 to 1. */
  readonly purity: number;
  /** Level of the window, dBFS of the root mean square. */
  readonly levelDb: number;
  /** Start of the window. */
  readonly atMs: number;
}

const WINDOW_MS = 1000;
const STEP_MS = 250;
/** Below this a window is silence: dBFS of the root mean square. */
export const SILENCE_DB = -50;
/** No window will be much better: the search ends. */
const GOOD_ENOUGH = 0.995;
const LOWEST_HZ = 60;

/**
 * The purest tone of the recording over windows of one second.
 * @returns undefined where no second is louder than silence.
 */
export function measureTone(pcm: Int16Array, sampleRate: number): ToneMeasure | undefined {
  return runAtOnce(toneSteps(pcm, sampleRate));
}

/** The same, a window at a time: between two windows other work of the process goes on. */
export function measureToneSliced(pcm: Int16Array, sampleRate: number): Promise<ToneMeasure | undefined> {
  return runSliced(toneSteps(pcm, sampleRate));
}

/** The search for the purest window, one yield a window. */
export function* toneSteps(pcm: Int16Array, rate: number): Generator<void, ToneMeasure | undefined> {
  const length = Math.round((rate * WINDOW_MS) / 1000);
  const step = Math.round((rate * STEP_MS) / 1000);
  const finder = new ToneFinder(length, rate);
  let best: ToneMeasure | undefined;
  for (let at = 0; at + length <= pcm.length; at += step) {
    const found = finder.measure(pcm.subarray(at, at + length), best?.purity ?? 0);
    if (found !== undefined && found.purity > (best?.purity ?? 0)) {
      best = { ...found, atMs: (at * 1000) / rate };
      if (best.purity > GOOD_ENOUGH) break;
    }
    yield;
  }
  return best;
}

export function runAtOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

const SLICE_MS = 3;

/** Runs a generator in slices of a few milliseconds, so that packets are received and sent in between. */
export async function runSliced<T>(steps: Generator<void, T>): Promise<T> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() >= sliceEnd) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
}

/** Finds the strongest sinusoid of one window; buffers and window function are kept for the next. */
class ToneFinder {
  readonly #rate: number;
  readonly #size: number;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #samples: Float64Array;
  readonly #hann: Float64Array;

  constructor(length: number, rate: number) {
    this.#rate = rate;
    this.#size = 2 ** Math.ceil(Math.log2(length));
    this.#re = new Float64Array(this.#size);
    this.#im = new Float64Array(this.#size);
    this.#samples = new Float64Array(length);
    this.#hann = Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
  }

  /** @param toBeat windows that cannot be purer than this are given up after the coarse look. */
  measure(window: Int16Array, toBeat: number): Omit<ToneMeasure, 'atMs'> | undefined {
    const samples = this.#samples;
    let mean = 0;
    for (const sample of window) mean += sample;
    mean /= window.length;
    for (let i = 0; i < samples.length; i++) samples[i] = window[i]! - mean;
    const energy = energyOf(samples);
    const levelDb = 10 * Math.log10(Math.max(energy / samples.length, 1e-9)) - 20 * Math.log10(32768);
    if (levelDb < SILENCE_DB) return undefined;
    const peak = this.#peak();
    if (peak.share < toBeat * 0.9) return undefined;
    const binHz = this.#rate / this.#size;
    const hz = this.#refine((peak.bin - 1.5) * binHz, (peak.bin + 1.5) * binHz);
    return { hz, purity: Math.min(1, sinusoidEnergy(samples, this.#rate, hz) / energy), levelDb };
  }

  /** The strongest bin, and the share of the power in the main lobe around it. */
  #peak(): { readonly bin: number; readonly share: number } {
    const re = this.#re;
    const im = this.#im;
    re.fill(0);
    im.fill(0);
    for (let i = 0; i < this.#samples.length; i++) re[i] = this.#samples[i]! * this.#hann[i]!;
    fft(re, im);
    const power = (bin: number): number => re[bin]! * re[bin]! + im[bin]! * im[bin]!;
    let total = 0;
    let bin = 0;
    let highest = 0;
    const lowest = Math.ceil((LOWEST_HZ * this.#size) / this.#rate);
    for (let i = 1; i < this.#size / 2; i++) {
      const p = power(i);
      total += p;
      if (i >= lowest && p > highest) {
        highest = p;
        bin = i;
      }
    }
    let lobe = 0;
    for (let i = Math.max(1, bin - 4); i <= Math.min(this.#size / 2 - 1, bin + 4); i++) lobe += power(i);
    return { bin, share: total > 0 ? lobe / total : 0 };
  }

  /** Golden-section search for the frequency of the highest energy. */
  #refine(low: number, high: number): number {
    const ratio = (Math.sqrt(5) - 1) / 2;
    const energy = (hz: number): number => sinusoidEnergy(this.#samples, this.#rate, hz);
    let a = low;
    let b = high;
    let c = b - ratio * (b - a);
    let d = a + ratio * (b - a);
    let atC = energy(c);
    let atD = energy(d);
    while (b - a > 0.01) {
      if (atC > atD) {
        [b, d, atD] = [d, c, atC];
        c = b - ratio * (b - a);
        atC = energy(c);
      } else {
        [a, c, atC] = [c, d, atD];
        d = a + ratio * (b - a);
        atD = energy(d);
      }
    }
    return (a + b) / 2;
  }
}

/** Share of a tone in a short frame, 0 to 1; 0 for silence. */
export function toneShare(frame: Int16Array, rate: number, hz: number): number {
  const energy = energyOf(frame);
  if (energy / Math.max(1, frame.length) < 32768 ** 2 * 10 ** (SILENCE_DB / 10)) return 0;
  return Math.min(1, sinusoidEnergy(frame, rate, hz) / energy);
}
