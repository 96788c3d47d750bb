import { Refusal, rateLimited, type RateLimit, type RefusalOptions } from './errors.js';
import type { SeenRequest } from './request-log.js';

/** Which requests a fault is for. */
export interface FaultScope {
  /** Default: all. */
  readonly when?: (request: SeenRequest) => boolean;
  /** How many of them. Default 1; Infinity: until cleared. */
  readonly times?: number;
}

export interface GivenError extends RefusalOptions {
  readonly code: number;
  readonly message?: string;
}

type Effect =
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  | { readonly kind: 'drop'; readonly moment: 'before' | 'after' };

/** What is to go wrong with a request, if anything. It sees every request; `ended`: another fault has decided the answer. */
type Fault = (request: SeenRequest, ended: boolean) => Effect | undefined;

/** What is to go wrong with one request. */
export interface FaultPlan {
  readonly delayMs: number;
  readonly refusal?: Refusal;
  readonly drop?: 'before' | 'after';
}

/** Scripts what goes wrong. Faults add up; of several refusals or drops the first one that fits counts, the next waits for the next request. */
export class Faults {
  #faults: Fault[] = [];

  constructor(private readonly businessAccountId: string) {}

  /** The answer, and the effect, comes so much later. */
  slow(ms: number, scope?: FaultScope): void {
    this.#add({ kind: 'slow', ms }, scope);
  }

  /** Meta's error in place of the answer; the request takes no effect. */
  answer({ code, message = 'Scripted error', ...options }: GivenError, scope?: FaultScope): void {
    this.#add({ kind: 'refuse', refusal: new Refusal(code, message, options) }, scope);
  }

  /** Too many requests, with Retry-After and X-Business-Use-Case-Usage. */
  rateLimit(limit?: RateLimit, scope?: FaultScope): void {
    this.#add({ kind: 'refuse', refusal: rateLimited(this.businessAccountId, limit) }, scope);
  }

  /** The connection ends without an answer: before the request takes effect, or after. */
  drop(moment: 'before' | 'after', scope?: FaultScope): void {
    this.#add({ kind: 'drop', moment }, scope);
  }

  /**
   * The next `count` requests are answered, then every connection is dropped until {@link clear}: as if the client died
   * there. `after`: the first dropped one takes effect nevertheless.
   */
  failAfter(count: number, moment: 'before' | 'after' = 'before', when: FaultScope['when'] = () => true): void {
    let seen = 0;
    this.#faults.push((request) => {
      if (!when(request)) return undefined;
      seen += 1;
      if (seen <= count) return undefined;
      return { kind: 'drop', moment: seen === count + 1 ? moment : 'before' };
    });
  }

  /** Whatever was scripted is forgotten. */
  clear(): void {
    this.#faults = [];
  }

  plan(request: SeenRequest): FaultPlan {
    return this.#faults.reduce<FaultPlan>(
      (plan, fault) => combined(plan, fault(request, plan.refusal !== undefined || plan.drop !== undefined)),
      { delayMs: 0 },
    );
  }

  #add(effect: Effect, { when = () => true, times = 1 }: FaultScope = {}): void {
    let left = times;
    this.#faults.push((request, ended) => {
      if (left <= 0 || (ended && effect.kind !== 'slow') || !when(request)) return undefined;
      left -= 1;
      return effect;
    });
  }
}

function combined(plan: FaultPlan, effect: Effect | undefined): FaultPlan {
  if (!effect) return plan;
  switch (effect.kind) {
    case 'slow':
      return { ...plan, delayMs: plan.delayMs + effect.ms };
    case 'refuse':
      return plan.refusal || plan.drop ? plan : { ...plan, refusal: effect.refusal };
    case 'drop':
      return plan.refusal || plan.drop ? plan : { ...plan, drop: effect.moment };
  }
}
