import { setTimeout as delay } from 'node:timers/promises';
import type { CallerCall, Final } from './caller-call.js';
import type { Callers } from './callers.js';
import type { Link } from './link.js';
import type { Pbx } from './pbx.js';

export interface OfferOptions {
  readonly callers: Callers;
  readonly link: Link;
  readonly pbx: Pbx;
  /** Calls a second, evenly spaced. */
  readonly rate: number;
  readonly seconds: number;
  /** From the answer to the BYE. */
  readonly holdMs: number;
}

/** What became of the calls offered at one rate. Delays in ms, from the caller's last INVITE, of answered calls only. */
export interface Offered {
  readonly offered: number;
  readonly answered: number;
  readonly refused503: number;
  /** Of the 503s, those that carry Retry-After. */
  readonly retryAfter: number;
  /** Refused otherwise, or without any final response. */
  readonly failed: number;
  /** How those ended: status code or "lost", with their number. */
  readonly failures: ReadonlyMap<string, number>;
  /** SIP messages sent more than once between the side under test and its peers. */
  readonly repeats: number;
  /** To the first 180 or 200 seen by the caller. */
  readonly pddMs: readonly number[];
  /** To the INVITE at the PBX. */
  readonly setUpMs: readonly number[];
  /** When the last call was placed, performance.now(). */
  readonly lastInviteAt: number;
  /** From the first INVITE to the last; CPU time of this process per second of it, 1 being a whole core. */
  readonly generatorLoad: number;
}

/** Places calls at a steady rate and waits until all of them have ended. */
export async function offerCalls(options: OfferOptions): Promise<Offered> {
  const { rate, seconds, pbx } = options;
  const tally = new Tally(pbx);
  const total = Math.max(1, Math.round(rate * seconds));
  const calls: Promise<void>[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < total; i++) {
    const waitMs = start + (i * 1000) / rate - performance.now();
    if (waitMs > 0.5) await delay(waitMs);
    calls.push(oneCall(options, tally));
  }
  const lastInviteAt = performance.now();
  const used = process.cpuUsage(cpu);
  const generatorLoad = (used.user + used.system) / 1000 / (lastInviteAt - start);
  await Promise.all(calls);
  return { ...tally.result(), lastInviteAt, generatorLoad };
}

async function oneCall({ callers, link, holdMs }: OfferOptions, tally: Tally): Promise<void> {
  const from = callers.nextNumber();
  const call = callers.place(link, from);
  const final = await call.final;
  tally.count(from, call, final);
  if (final.kind !== 'answered') return;
  await delay(holdMs);
  call.bye();
  await call.ended;
  tally.ended(call);
}

class Tally {
  #offered = 0;
  #answered = 0;
  #refused503 = 0;
  #retryAfter = 0;
  #callerRepeats = 0;
  readonly #failures = new Map<string, number>();
  readonly #pddMs: number[] = [];
  readonly #setUpMs: number[] = [];
  readonly #pbxRepeatsBefore: number;

  constructor(private readonly pbx: Pbx) {
    this.#pbxRepeatsBefore = pbx.counts.repeats;
  }

  count(from: string, call: CallerCall, final: Final): void {
    this.#offered += 1;
    const invitedAt = this.pbx.takeInvitedAt(from);
    switch (final.kind) {
      case 'answered':
        this.#answered += 1;
        this.#pddMs.push(final.ringingMs);
        if (invitedAt !== undefined) this.#setUpMs.push(invitedAt - call.invitedAt);
        return;
      case 'refused':
        if (final.status !== 503) return this.#fail(String(final.status));
        this.#refused503 += 1;
        if (final.retryAfter) this.#retryAfter += 1;
        return;
      case 'lost':
        return this.#fail('lost');
    }
  }

  ended(call: CallerCall): void {
    this.#callerRepeats += call.repeats;
  }

  result(): Omit<Offered, 'lastInviteAt' | 'generatorLoad'> {
    return {
      offered: this.#offered,
      answered: this.#answered,
      refused503: this.#refused503,
      retryAfter: this.#retryAfter,
      failed: this.#offered - this.#answered - this.#refused503,
      failures: this.#failures,
      repeats: this.#callerRepeats + this.pbx.counts.repeats - this.#pbxRepeatsBefore,
      pddMs: this.#pddMs,
      setUpMs: this.#setUpMs,
    };
  }

  #fail(how: string): void {
    this.#failures.set(how, (this.#failures.get(how) ?? 0) + 1);
  }
}
