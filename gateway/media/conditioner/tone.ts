/** Tones as 20 ms of 8 kHz samples. */
import { FRAME_SAMPLES } from './codec.js';

const RATE = 8000;
const LOW = [697, 770, 852, 941] as const;
const HIGH = [1209, 1336, 1477, 1633] as const;
/** By event code (RFC 4733, 3.2): row and column of the keypad. */
const KEYPAD: readonly (readonly [number, number])[] = [
  [3, 1],
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 0],
  [1, 1],
  [1, 2],
  [2, 0],
  [2, 1],
  [2, 2],
  [3, 0],
  [3, 2],
  [0, 3],
  [1, 3],
  [2, 3],
  [3, 3],
];
/** Of full scale, each: -9 dBm0 together with headroom. */
const AMPLITUDE = 8000;

/** A key's two tones, with phase running on from frame to frame. @param code 0 to 15 */
export function keyTone(code: number): (frame: number) => Int16Array {
  const [row, column] = KEYPAD[code] ?? [3, 1];
  const frequencies = [LOW[row] ?? 941, HIGH[column] ?? 1336];
  return (frame) => sines(frequencies, frame);
}

const RINGING_HZ = 425;
const CADENCE = { on: 50, of: 250 };

/** ITU-T E.180: 425 Hz, 1 s on and 4 s off. */
export function ringingTone(frame: number): Int16Array {
  return frame % CADENCE.of < CADENCE.on ? sines([RINGING_HZ], frame) : new Int16Array(FRAME_SAMPLES);
}

function sines(frequencies: readonly number[], frame: number): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, i) => {
    const t = (frame * FRAME_SAMPLES + i) / RATE;
    return Math.round(frequencies.reduce((sum, hz) => sum + AMPLITUDE * Math.sin(2 * Math.PI * hz * t), 0));
  });
}
