import type { Offered } from './load/offer.js';

/** One rate that was tried. */
export interface Step extends Offered {
  /** From the end of the last call, had nothing been late, until the side was idle. */
  readonly lagMs: number;
}

export interface CeilingOptions {
  /** Offers a rate for some seconds and waits until the side is idle again. */
  readonly offer: (rate: number, seconds: number) => Promise<Step>;
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
const STEP_BACK = 0.92;
const CONFIRM_TRIES = 6;
const LOWEST = 2;
const ANSWERED = 0.999;
const REPEATS = 0.01;
/** A side is seen to be idle half a second after it is, at the latest. */
const KEEPS_UP_MS = 700;

/** At least 99.9 % answered, and at most one repeated SIP message in a hundred calls. */
export function isGood({ offered, answered, repeats }: Offered): boolean {
  return answered >= ANSWERED * offered && repeats <= REPEATS * offered;
}

/**
 * Whether a rate could have gone on: above the ceiling work queues up, and more from second to second, but a short run
 * may end before anything waits for the 500 ms (T1) that bring on repeats.
 */
const keepsUp = ({ lagMs }: Step): boolean => lagMs <= KEEPS_UP_MS;

/**
 * The highest rate, calls a second, at which all is good: grows until it is not, then halves the interval.
 * @throws Error when not even a few calls a second are good, or when no rate lasts
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
  for (let tries = 0; tries < CONFIRM_TRIES && good >= LOWEST; tries++) {
    if (isGood(await options.offer(good, options.confirmSeconds))) return good;
    good = Math.floor(good * STEP_BACK);
  }
  throw new Error(`no rate above ${good} calls a second lasts ${options.confirmSeconds} s`);
}

/** For progress and errors. */
export function describe(result: Offered): string {
  const failures = [...result.failures].map(([how, count]) => `, ${count} × ${how}`).join('');
  return `${result.answered} of ${result.offered} answered, ${result.refused503} × 503${failures}, ${result.repeats} repeats`;
}
