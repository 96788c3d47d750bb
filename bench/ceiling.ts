import type { Offered } from './load/offer.js';
import { percentiles } from './usage.js';

export interface CeilingOptions {
  /** Offers a rate for some seconds and waits until the side is idle again. */
  readonly offer: (rate: number, seconds: number) => Promise<Offered>;
  readonly stepSeconds: number;
  /** The rate found is held for so long at the end; 0: not confirmed. */
  readonly confirmSeconds: number;
  /** Search ends when the ratio of the lowest bad to the highest good rate is below this. */
  readonly resolution: number;
  /** performance.now() after which no further step begins. */
  readonly deadline: number;
}

const FIRST_RATE = 60;
const GROWTH = 1.4;
const STEP_BACK = 0.95;
const LOWEST = 2;
const ANSWERED = 0.999;
const REPEATS = 0.01;
const KEEPS_UP_MS = 250;

/** At least 99.9 % answered, and at most one repeated SIP message in a hundred calls. */
export function isGood({ offered, answered, repeats }: Offered): boolean {
  return answered >= ANSWERED * offered && repeats <= REPEATS * offered;
}

/**
 * Whether a rate could have gone on: above the ceiling calls queue, and queue longer from second to second, but a short
 * run may end before they wait for the 500 ms (T1) that bring on repeats.
 */
function keepsUp({ pddMs }: Offered): boolean {
  const late = pddMs.slice(Math.floor(pddMs.length * 0.75));
  return percentiles(late).p50 <= KEEPS_UP_MS;
}

/**
 * The highest rate, calls a second, at which all is good: grows until it is not, then halves the interval.
 * @throws Error when not even a few calls a second are good
 */
export async function findCeiling(options: CeilingOptions): Promise<number> {
  const inTime = (): boolean => performance.now() < options.deadline;
  let [good, bad] = [0, Infinity];
  const search = async (rate: number): Promise<void> => {
    const result = await options.offer(rate, options.stepSeconds);
    if (isGood(result) && keepsUp(result)) good = rate;
    else bad = rate;
    if (bad < LOWEST) throw new Error(`not even ${rate} calls a second are answered: ${describe(result)}`);
  };
  while (bad === Infinity && inTime()) await search(good === 0 ? FIRST_RATE : Math.round(good * GROWTH));
  while (bad / good > options.resolution && (inTime() || good === 0)) {
    await search(good === 0 ? bad / 2 : Math.round((good + bad) / 2));
  }
  if (options.confirmSeconds === 0) return good;
  while (good > LOWEST && !isGood(await options.offer(good, options.confirmSeconds)) && inTime()) {
    good = Math.floor(good * STEP_BACK);
  }
  return good;
}

/** For progress and errors. */
export function describe(result: Offered): string {
  const failures = [...result.failures].map(([how, count]) => `, ${count} × ${how}`).join('');
  return `${result.answered} of ${result.offered} answered, ${result.refused503} × 503${failures}, ${result.repeats} repeats`;
}
