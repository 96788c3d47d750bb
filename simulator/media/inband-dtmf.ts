import { runAtOnce } from './measure.js';
import { energyOf, sinusoidEnergy } from './spectrum.js';

/** DTMF as tones (ITU-T Q.23, Q.24). */

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYPAD = ['123A', '456B', '789C', '*0#D'];

const BLOCK_MS = 25;
const HOP_MS = 12.5;
/** The two tones together carry this share of the block. */
const MIN_SHARE = 0.85;
/** Highest difference in level of the two tones, in dB. */
const MAX_TWIST_DB = 9;
const MIN_LEVEL_DB = -40;
/** Q.24: shorter than 40 ms may be anything. */
const MIN_HOPS = 3;

export interface InbandKey {
  readonly key: string;
  readonly atMs: number;
  readonly durationMs: number;
}

/** Keys heard as dual tones, one yield a block. */
export function* dtmfSteps(pcm: Int16Array, rate: number): Generator<void, InbandKey[]> {
  const block = Math.round((rate * BLOCK_MS) / 1000);
  const hop = Math.round((rate * HOP_MS) / 1000);
  const keys: InbandKey[] = [];
  let current: string | undefined;
  let hops = 0;
  let startedAt = 0;
  // Blocks that a key fills only in part are not its: that is a block at both ends together.
  const end = (): void => {
    if (current !== undefined && hops >= MIN_HOPS) {
      keys.push({ key: current, atMs: startedAt, durationMs: (hops + 1) * HOP_MS });
    }
  };
  for (let at = 0; at + block <= pcm.length; at += hop) {
    const key = keyOf(pcm.subarray(at, at + block), rate);
    if (key === current) {
      hops++;
    } else {
      end();
      current = key;
      hops = 1;
      startedAt = (at * 1000) / rate;
    }
    yield;
  }
  end();
  return keys;
}

function keyOf(block: Int16Array, rate: number): string | undefined {
  const energy = energyOf(block);
  if (energy / block.length < 32768 ** 2 * 10 ** (MIN_LEVEL_DB / 10)) return undefined;
  const row = strongest(block, rate, ROWS);
  const column = strongest(block, rate, COLUMNS);
  if (row.energy + column.energy < MIN_SHARE * energy) return undefined;
  if (Math.abs(10 * Math.log10(row.energy / column.energy)) > MAX_TWIST_DB) return undefined;
  return KEYPAD[row.index]![column.index];
}

function strongest(block: Int16Array, rate: number, tones: readonly number[]): { index: number; energy: number } {
  let best = { index: 0, energy: 0 };
  tones.forEach((hz, index) => {
    const energy = sinusoidEnergy(block, rate, hz);
    if (energy > best.energy) best = { index, energy };
  });
  return best;
}

/** The same at once, for a recording. */
export function findDtmf(pcm: Int16Array, rate: number): InbandKey[] {
  return runAtOnce(dtmfSteps(pcm, rate));
}
