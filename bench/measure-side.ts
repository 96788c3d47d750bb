import { setTimeout as delay } from 'node:timers/promises';
import { describe, findCeiling } from './ceiling.js';
import type { CallerCall } from './load/caller-call.js';
import type { Callers } from './load/callers.js';
import type { Link } from './load/link.js';
import { offerCalls, type Offered } from './load/offer.js';
import type { Pbx } from './load/pbx.js';
import type { Side } from './sides/side.js';
import type { Stage } from './stage.js';
import {
  type ByPart,
  type PartUsage,
  perCall,
  type Percentiles,
  percentiles,
  rounded,
  settled,
  usageOf,
} from './usage.js';

/** How long and how fine. */
export interface Effort {
  readonly warmUpSeconds: number;
  /** Idle time before memory is measured; with 32 s SIP's timers have forgotten the calls of the warm-up. */
  readonly pauseSeconds: number;
  readonly heldCalls: number;
  readonly delaySeconds: number;
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
/** Generous: hundreds of held calls may keep a core busy with their media alone. */
const BYE_TIMEOUT_MS = 15_000;
/** Above this share of its core the generator itself may be what is slow. */
const GENERATOR_BUSY = 0.85;

/** Everything about one side. @throws Error with what could not be measured, and why */
export async function measureSide(side: Side, stage: Stage, effort: Effort, progress: Progress): Promise<SideResult> {
  const bench = new Bench(side, stage, progress);
  try {
    await bench.offer(DELAY_RATE, effort.warmUpSeconds);
    await delay(effort.pauseSeconds * 1000);
    const kBPerHeldCall = await bench.held(effort.heldCalls);
    const atFifty = await bench.delays(effort.delaySeconds);
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
    this.#callers = stage.callers(side, { byeTimeoutMs: BYE_TIMEOUT_MS });
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
    const before = await this.#memory();
    const calls = new Set<CallerCall>();
    const deadline = performance.now() + HELD_TIMEOUT_MS;
    const next = paced(DELAY_RATE);
    // A side may refuse some: then others take their place.
    while (calls.size < wanted && performance.now() < deadline) {
      const missing = Array.from({ length: wanted - calls.size }, async () => {
        await next();
        await hold(this.#callers.place(link), calls);
      });
      await Promise.all(missing);
    }
    const kBPerHeldCall = perCall('rssKb', before, await this.#memory(), calls.size);
    const held = calls.size;
    await Promise.all(
      [...calls].map(async (call) => {
        await next();
        call.bye();
        await call.ended;
      }),
    );
    await settled(this.side);
    this.#say(`${held} held calls, kB a call ${JSON.stringify(kBPerHeldCall)}`);
    if (held < wanted) throw new Error(`${this.side.name} holds only ${held} of ${wanted} calls`);
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

  async #memory(): Promise<PartUsage> {
    await this.side.collect?.();
    await delay(500);
    return usageOf(this.side);
  }

  async #openLink(): Promise<Link> {
    if (this.#link?.open !== true) this.#link = await this.#callers.openLink();
    return this.#link;
  }

  #say(line: string): void {
    this.progress(`${this.side.name.padEnd(8)}  ${line}`);
  }
}

/** Adds a call while it is answered and not over. */
async function hold(call: CallerCall, calls: Set<CallerCall>): Promise<void> {
  if ((await call.final).kind !== 'answered') return;
  calls.add(call);
  void call.ended.then(() => calls.delete(call));
}

/** A function that returns at most so often a second, whoever calls it. */
function paced(rate: number): () => Promise<void> {
  let at = performance.now();
  return async () => {
    at = Math.max(at + 1000 / rate, performance.now());
    await delay(at - performance.now());
  };
}

const text = ({ p50, p99 }: Percentiles): string => `p50 ${rounded(p50)} p99 ${rounded(p99)}`;
