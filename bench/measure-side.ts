import { setTimeout as delay } from 'node:timers/promises';
import { describe, findCeiling, isGood, type Step } from './ceiling.js';
import { type Cores, pin } from './cores.js';
import type { CallerCall } from './load/caller-call.js';
import type { Callers } from './load/callers.js';
import type { Link } from './load/link.js';
import { offerCalls } from './load/offer.js';
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
  coreLoad,
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
  readonly heldCalls: number;
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
/** A second's worth. */
const HELD_BATCH = 50;
const MOST = 0.9;
const PROBE_RATE = 20;
const PROBE_SECONDS = 1;
/** Not answered in that time is lost. */
const ANSWER_TIMEOUT_MS = 5000;
/** Generous: hundreds of held calls may keep a core busy with their media alone. */
const BYE_TIMEOUT_MS = 15_000;
/** Above this share of its core a process may be what is slow. */
const CORE_BUSY = 0.85;

/**
 * Everything about one side.
 * @param start starts the side; called again where overload has left one that answers no more
 * @throws Error with what could not be measured, and why
 */
export async function measureSide(
  start: () => Promise<Side>,
  stage: Stage,
  cores: Cores,
  effort: Effort,
  progress: Progress,
): Promise<SideResult> {
  const bench = new Bench(await start(), start, stage, cores, progress);
  try {
    await bench.offer(DELAY_RATE, effort.warmUpSeconds);
    await delay(effort.pauseSeconds * 1000);
    const memory = await bench.held(effort.heldCalls);
    const atFifty = await bench.delays(effort.delaySeconds);
    const cps = await bench.ceiling(effort);
    const overload = await bench.overload(Math.round(cps * OVERLOAD), effort);
    return { cps, ...atFifty, ...memory, overload };
  } finally {
    await bench.close();
  }
}

class Bench {
  readonly #pbx: Pbx;
  #callers: Callers;
  #link: Link | undefined;
  /** Since it was started: what it still does for those may be in the way of others. */
  #lostCalls = false;

  constructor(
    private side: Side,
    private readonly start: () => Promise<Side>,
    private readonly stage: Stage,
    private readonly cores: Cores,
    private readonly progress: Progress,
  ) {
    this.#pbx = stage.pbx;
    this.#callers = this.#newCallers();
  }

  /** Offers calls, and waits until the side is idle again. */
  async offer(rate: number, seconds: number): Promise<Step> {
    const result = await offerCalls({
      callers: this.#callers,
      link: await this.#openLink(),
      pbx: this.#pbx,
      ...{ rate, seconds, holdMs: HOLD_MS },
    });
    if (result.failed > 0) this.#lostCalls = true;
    this.#pbx.forget();
    await settled(this.side);
    const lagMs = performance.now() - result.lastInviteAt - HOLD_MS;
    const busy = result.generatorLoad > CORE_BUSY ? '  (the load generator is at its own limit)' : '';
    this.#say(`${rate} calls a second for ${seconds} s: ${describe(result)}${busy}`);
    return { ...result, lagMs };
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

  /**
   * Resident memory that answered calls take on top of an idle side. Both cores may be used for it, and no more calls
   * are held than these can serve: what media queues before a busy core is not what a call needs.
   */
  async held(wanted: number): Promise<Pick<SideResult, 'heldCalls' | 'kBPerHeldCall'>> {
    await this.#pin(this.cores.both);
    const before = await this.#memory();
    const calls = await this.#hold(wanted);
    const heldCalls = calls.size;
    const kBPerHeldCall = perCall('rssKb', before, await this.#memory(), heldCalls);
    const next = paced(DELAY_RATE);
    for (const call of [...calls]) {
      await next();
      call.bye();
    }
    await Promise.all([...calls].map((call) => call.ended));
    await settled(this.side);
    await this.#pin(this.cores.measured);
    const fewer = heldCalls < wanted ? `, not ${wanted}: two cores have no time for more media` : '';
    this.#say(`${heldCalls} held calls${fewer}, kB a call ${JSON.stringify(kBPerHeldCall)}`);
    return { heldCalls, kBPerHeldCall };
  }

  /** Answered calls, at most so many. */
  async #hold(wanted: number): Promise<ReadonlySet<CallerCall>> {
    const link = await this.#openLink();
    const calls = new Set<CallerCall>();
    const next = paced(DELAY_RATE);
    for (let placed = 0; placed < wanted && calls.size >= placed * MOST; placed += HELD_BATCH) {
      const load = coreLoad(this.side);
      const batch = Array.from({ length: HELD_BATCH }, async () => {
        await next();
        await hold(this.#callers.place(link), calls);
      });
      await Promise.all(batch);
      if (load() > 2 * CORE_BUSY) break;
    }
    if (calls.size === 0) throw new Error(`${this.side.name} holds no calls`);
    return calls;
  }

  ceiling(effort: Effort): Promise<number> {
    const offer = async (rate: number, seconds: number): Promise<Step> => {
      const step = await this.offer(rate, seconds);
      if (!isGood(step)) await this.#recovered(effort.warmUpSeconds);
      return step;
    };
    const deadline = performance.now() + effort.ceilingSeconds * 1000;
    return findCeiling({ ...effort, offer, deadline });
  }

  async overload(cps: number, { overloadSeconds, warmUpSeconds }: Effort): Promise<Overload> {
    if (this.#lostCalls) await this.#restart(warmUpSeconds);
    const result = await this.offer(cps, overloadSeconds);
    const { offered, answered, refused503, retryAfter, failed } = result;
    return { cps, offered, answered, refused503, retryAfter, failed, p99: percentiles(result.pddMs).p99 };
  }

  async close(): Promise<void> {
    this.#callers.close();
    this.#pbx.forget();
    await this.side.close();
  }

  /** Too much may leave a side that refuses or loses everything from then on: that one is replaced. */
  async #recovered(warmUpSeconds: number): Promise<void> {
    const { answered, offered } = await this.offer(PROBE_RATE, PROBE_SECONDS);
    if (answered < offered * MOST) await this.#restart(warmUpSeconds);
  }

  async #restart(warmUpSeconds: number): Promise<void> {
    this.#say('is started again, for it has lost calls');
    await this.close();
    this.side = await this.start();
    this.#link = undefined;
    this.#lostCalls = false;
    this.#callers = this.#newCallers();
    await this.offer(DELAY_RATE, warmUpSeconds);
  }

  #newCallers(): Callers {
    return this.stage.callers(this.side, { answerTimeoutMs: ANSWER_TIMEOUT_MS, byeTimeoutMs: BYE_TIMEOUT_MS });
  }

  async #pin(cores: string): Promise<void> {
    for (const { pid } of Object.values(this.side.parts)) if (pid !== undefined) await pin(pid, cores);
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
