/** How many calls at once, and how many minutes a day. Nothing else counts calls against a limit. */
import type { GatewayConfig, NumberConfig, TrunkConfig } from '../config/types.js';
import { dayOf, type MinutesLedger } from './minutes.js';

type LimitedNumber = Pick<NumberConfig, 'number' | 'maxCalls' | 'dailyMinutes'>;
type LimitedTrunk = Pick<TrunkConfig, 'name' | 'maxCalls'>;

export interface AdmissionRequest {
  readonly number: LimitedNumber;
  /** In the order to try: the first one with room takes the call. At least one. */
  readonly trunks: readonly LimitedTrunk[];
  readonly direction: 'user-initiated' | 'business-initiated';
}

export type LimitCode = 'too-many-calls' | 'daily-minutes';
export type LimitKind = 'gateway' | 'number' | 'trunk' | 'daily-minutes';

export interface Limited {
  readonly kind: 'refused';
  readonly code: LimitCode;
  readonly limit: LimitKind;
  /** Names the limit, for the log. */
  readonly detail: string;
}

export type Admitted = { readonly kind: 'ok'; readonly ticket: Ticket } | Limited;

/** The place that a call takes up at its number, its trunk and the gateway. */
export interface Ticket {
  readonly trunk: string;
  /** The call goes on over another trunk: undefined, or why it may not; then it keeps the place it has. */
  moveTo(trunk: LimitedTrunk): Limited | undefined;
  /** The call is over. `talkMs`: from the answer on; 0 without one. Idempotent. */
  release(talkMs: number): void;
}

export interface Admission {
  admit(call: AdmissionRequest): Admitted;
  /** What is taken up now, for metrics. */
  figures(of: { numbers: readonly LimitedNumber[]; trunks: readonly LimitedTrunk[] }): LimitFigures;
}

export interface LimitFigures {
  readonly calls: readonly LimitedCalls[];
  /** Of numbers with a limit. */
  readonly minutes: readonly LimitedMinutes[];
}

export interface LimitedMinutes {
  readonly number: string;
  readonly used: number;
  readonly max: number;
  readonly hits: number;
}

export interface LimitedCalls {
  readonly limit: Exclude<LimitKind, 'daily-minutes'>;
  /** The number or trunk; empty for the gateway. */
  readonly name: string;
  readonly calls: number;
  /** Absent: no limit of its own. */
  readonly max?: number;
  /** How often a call has met it, and was refused or went to another trunk. */
  readonly hits: number;
}

export interface AdmissionDeps {
  readonly gateway: Pick<GatewayConfig, 'maxCalls'>;
  readonly ledger: MinutesLedger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const MINUTE_MS = 60_000;

interface Running {
  readonly number: string;
  readonly direction: AdmissionRequest['direction'];
  readonly since: number;
  trunk: string;
}

export function createAdmission(deps: AdmissionDeps): Admission {
  return new Limits(deps);
}

class Limits implements Admission {
  readonly #running = new Set<Running>();
  readonly #ofNumber = new Map<string, number>();
  readonly #ofTrunk = new Map<string, number>();
  readonly #hits = new Map<string, number>();

  constructor(private readonly deps: AdmissionDeps) {}

  admit({ number, trunks, direction }: AdmissionRequest): Admitted {
    const refused = this.#gatewayIsFull() ?? this.#numberIsFull(number) ?? this.#dayIsFull(number, direction);
    if (refused !== undefined) return refused;
    const full: string[] = [];
    for (const trunk of trunks) {
      const limited = this.#trunkIsFull(trunk);
      if (limited === undefined) return { kind: 'ok', ticket: this.#ticket(number.number, trunk.name, direction) };
      full.push(limited.detail);
    }
    return { kind: 'refused', code: 'too-many-calls', limit: 'trunk', detail: full.join(', ') };
  }

  figures({ numbers, trunks }: Parameters<Admission['figures']>[0]): LimitFigures {
    const hits = (limit: LimitKind, name: string): number => this.#hits.get(`${limit} ${name}`) ?? 0;
    const figure = (limit: LimitedCalls['limit'], name: string, calls: number, max?: number): LimitedCalls => ({
      ...{ limit, name, calls, hits: hits(limit, name) },
      ...(max === undefined ? {} : { max }),
    });
    const perDay = numbers.flatMap(({ number, dailyMinutes: max }) => (max === undefined ? [] : [{ number, max }]));
    return {
      calls: [
        figure('gateway', '', this.#running.size, this.deps.gateway.maxCalls),
        ...numbers.map((n) => figure('number', n.number, this.#ofNumber.get(n.number) ?? 0, n.maxCalls)),
        ...trunks.map((t) => figure('trunk', t.name, this.#ofTrunk.get(t.name) ?? 0, t.maxCalls)),
      ],
      minutes: perDay.map(({ number, max }) => ({
        ...{ number, max, used: this.#usedMs(number) / MINUTE_MS, hits: hits('daily-minutes', number) },
      })),
    };
  }

  #ticket(number: string, trunk: string, direction: AdmissionRequest['direction']): Ticket {
    const call: Running = { number, trunk, direction, since: this.deps.now() };
    this.#running.add(call);
    count(this.#ofNumber, number, 1);
    count(this.#ofTrunk, trunk, 1);
    return {
      get trunk() {
        return call.trunk;
      },
      moveTo: (to) => this.#move(call, to),
      release: (talkMs) => this.#release(call, talkMs),
    };
  }

  #move(call: Running, to: LimitedTrunk): Limited | undefined {
    if (to.name === call.trunk || !this.#running.has(call)) return undefined;
    const full = this.#trunkIsFull(to);
    if (full !== undefined) return full;
    count(this.#ofTrunk, call.trunk, -1);
    count(this.#ofTrunk, to.name, 1);
    call.trunk = to.name;
    return undefined;
  }

  #release(call: Running, talkMs: number): void {
    if (!this.#running.delete(call)) return;
    count(this.#ofNumber, call.number, -1);
    count(this.#ofTrunk, call.trunk, -1);
    // On the day it began: a day's limit is not used up before it starts.
    if (call.direction === 'business-initiated') this.deps.ledger.add(call.number, dayOf(call.since), talkMs);
  }

  #gatewayIsFull(): Limited | undefined {
    const { maxCalls } = this.deps.gateway;
    return this.#running.size < maxCalls ? undefined : this.#met('gateway', '', `gateway.maxCalls is ${maxCalls}`);
  }

  #numberIsFull({ number, maxCalls }: LimitedNumber): Limited | undefined {
    if ((this.#ofNumber.get(number) ?? 0) < maxCalls) return undefined;
    return this.#met('number', number, `maxCalls of number ${number} is ${maxCalls}`);
  }

  #trunkIsFull({ name, maxCalls = Infinity }: LimitedTrunk): Limited | undefined {
    if ((this.#ofTrunk.get(name) ?? 0) < maxCalls) return undefined;
    return this.#met('trunk', name, `maxCalls of trunk ${name} is ${maxCalls}`);
  }

  #dayIsFull({ number, dailyMinutes }: LimitedNumber, direction: AdmissionRequest['direction']): Limited | undefined {
    if (direction === 'user-initiated' || dailyMinutes === undefined) return undefined;
    if (this.#usedMs(number) < dailyMinutes * MINUTE_MS) return undefined;
    return this.#met('daily-minutes', number, `dailyMinutes of number ${number} is ${dailyMinutes}`);
  }

  /** Calls that have not ended count from their INVITE on: what they will take nobody knows. */
  #usedMs(number: string): number {
    const now = this.deps.now();
    let ms = this.deps.ledger.used(number, dayOf(now));
    for (const call of this.#running) {
      if (call.direction === 'business-initiated' && call.number === number) ms += now - call.since;
    }
    return ms;
  }

  #met(limit: LimitKind, name: string, detail: string): Limited {
    count(this.#hits, `${limit} ${name}`, 1);
    return { kind: 'refused', code: limit === 'daily-minutes' ? limit : 'too-many-calls', limit, detail };
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
