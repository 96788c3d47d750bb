import { setTimeout as delay } from 'node:timers/promises';
import { describe, findCeiling } from './ceiling.js';
import type { CallerCall } from './load/caller-call.js';
import type { Callers } from './load/callers.js';
import type { Link } from './load/link.js';
import { offerCalls, type Offered } from './load/offer.js';
import type { Pbx } from './load/pbx.js';
import type { Side } from './sides/side.js';
import type { Stage } from './stage.js';
import { type ByPart, perCall, type Percentiles, percentiles, rounded, settled, usageOf } from './usage.js';

/** How long and how fine. */
export interface Effort {
  readonly warmUpSeconds: number;
  readonly delaySeconds: number;
  readonly heldCalls: number;
  readonly stepSeconds: number;
  readonly confirmSeconds: number;
  readonly resolution: number;
  readonly ceilingSeconds: number;
  readonly overloadSeconds: number;
}

export interface SideResult {
  /** Highest good rate, calls a second. */
  readonly cps: number;
  readonly cpuMsPerCall: ByPart;
  /** From the caller's last INVITE to the 180 it sees, ms. */
  readonly pddMs: Percentiles;
  /** From the caller's last INVITE to the INVITE at the PBX, ms. */
  readonly setUpMs: Percentiles;
  readonly kBPerHeldCall: ByPart;
  readonly overload: Overload;
}

export interface Overload {
  /** Calls a second: one and a half times the ceiling. */
  readonly cps: number;
  readonly offered: number;
  readonly answered: number;
  readonly refused503: number;
  /** Of those, with Retry-After. */
  readonly retryAfter: number;
  /** Neither answered nor refused with 503. */
  readonly failed: number;
  /** Of the answered ones, as pddMs. */
  readonly p99: number;
}

export type Progress = (line: string) => void;

const HOLD_MS = 500;
const DELAY_RATE = 50;
const OVERLOAD = 1.5;
const HELD_TIMEOUT_MS = 45_000;
/** Above this share of its core the generator itself may be what is slow. */
const GENERATOR_BUSY = 0.85;

/** Everything about one side. @throws Error with what could not be measured, and why */
export async function measureSide(side: Side, stage: Stage, effort: Effort, progress: Progress): Promise<SideResult> {
  const bench = new Bench(side, stage, progress);
  try {
    await bench.offer(DELAY_RATE, effort.warmUpSeconds);
    const atFifty = await bench.delays(effort.delaySeconds);
    const kBPerHeldCall = await bench.held(effort.heldCalls);
    const cps = await bench.ceiling(effort);
    const overload = await bench.overload(Math.round(cps * OVERLOAD), effort.overloadSeconds);
    return { cps, ...atFifty, kBPerHeldCall, overload };
  } finally {
    bench.close();
  }
}

class Bench {
  readonly #callers: Callers;
  readonly #pbx: Pbx;
  #link: Link | undefined;

  constructor(
    private readonly side: Side,
    stage: Stage,
    private readonly progress: Progress,
  ) {
    this.#callers = stage.callers(side);
    this.#pbx = stage.pbx;
  }

  /** Offers calls, and waits until the side is idle again. */
  async offer(rate: number, seconds: number): Promise<Offered> {
    const result = await offerCalls({
      callers: this.#callers,
      link: await this.#openLink(),
      pbx: this.#pbx,
      ...{ rate, seconds, holdMs: HOLD_MS },
    });
    this.#pbx.forget();
    await settled(this.side);
    const busy = result.generatorLoad > GENERATOR_BUSY ? '  (the load generator is at its own limit)' : '';
    this.#say(`${rate} calls a second for ${seconds} s: ${describe(result)}${busy}`);
    return result;
  }

  async delays(seconds: number): Promise<Pick<SideResult, 'cpuMsPerCall' | 'pddMs' | 'setUpMs'>> {
    const before = usageOf(this.side);
    const result = await this.offer(DELAY_RATE, seconds);
    if (result.answered === 0) throw new Error(`${this.side.name} answers no calls: ${describe(result)}`);
    const cpuMsPerCall = perCall('cpuMs', before, usageOf(this.side), result.offered);
    const [pddMs, setUpMs] = [percentiles(result.pddMs), percentiles(result.setUpMs)];
    this.#say(`delay ${text(pddMs)} ms, set-up ${text(setUpMs)} ms, CPU a call ${JSON.stringify(cpuMsPerCall)} ms`);
    return { cpuMsPerCall, pddMs, setUpMs };
  }

  /** Resident memory that so many answered calls take on top of an idle side. */
  async held(wanted: number): Promise<ByPart> {
    const link = await this.#openLink();
    const before = usageOf(this.side);
    const calls: CallerCall[] = [];
    const deadline = Date.now() + HELD_TIMEOUT_MS;
    while (calls.length < wanted && Date.now() < deadline) {
      const batch = Math.min(wanted - calls.length, DELAY_RATE);
      const placed = await Promise.all(
        Array.from({ length: batch }, async (_, i) => {
          await delay((i * 1000) / DELAY_RATE);
          const call = this.#callers.place(link);
          return { call, answered: (await call.final).kind === 'answered' };
        }),
      );
      calls.push(...placed.filter(({ answered }) => answered).map(({ call }) => call));
    }
    await delay(1000);
    const kBPerHeldCall = perCall('rssKb', before, usageOf(this.side), calls.length);
    for (const call of calls) call.bye();
    const ends = await Promise.all(calls.map((call) => call.ended));
    const lasted = ends.filter((end) => end === 'by caller').length;
    await settled(this.side);
    this.#say(`${calls.length} held calls, kB a call ${JSON.stringify(kBPerHeldCall)}`);
    if (lasted < wanted) throw new Error(`${this.side.name}: of ${wanted} calls to be held only ${lasted} lasted`);
    return kBPerHeldCall;
  }

  ceiling(effort: Effort): Promise<number> {
    const offer = (rate: number, seconds: number): Promise<Offered> => this.offer(rate, seconds);
    const deadline = performance.now() + effort.ceilingSeconds * 1000;
    return findCeiling({ ...effort, offer, deadline });
  }

  async overload(cps: number, seconds: number): Promise<Overload> {
    const result = await this.offer(cps, seconds);
    const { offered, answered, refused503, retryAfter, failed } = result;
    return { cps, offered, answered, refused503, retryAfter, failed, p99: percentiles(result.pddMs).p99 };
  }

  close(): void {
    this.#callers.close();
    this.#pbx.forget();
  }

  async #openLink(): Promise<Link> {
    if (this.#link?.open !== true) this.#link = await this.#callers.openLink();
    return this.#link;
  }

  #say(line: string): void {
    this.progress(`${this.side.name.padEnd(8)}  ${line}`);
  }
}

const text = ({ p50, p99 }: Percentiles): string => `p50 ${rounded(p50)} p99 ${rounded(p99)}`;
