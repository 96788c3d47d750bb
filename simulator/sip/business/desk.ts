import type { SipSocket } from '../sip-socket.js';
import type { SipText } from '../sip-text.js';
import { BusinessCall } from './business-call.js';
import type { BusinessCallHost } from './host.js';
import type { BusinessNumber } from './number.js';
import type { Plan } from './plan.js';

const NEXT_CALL_LIMIT_MS = 20_000;

/** What the user does with a call that was let in. */
export type PlanOf = (call: BusinessCall) => Plan | Promise<Plan>;

/** A call has come, whether it will be let in or not. */
export type Arrived = (call: BusinessCall) => void;

export interface DeskHost extends Omit<BusinessCallHost, 'numbers' | 'decide'> {
  /** The call begins: messages with its Call-ID are its own from here on. */
  enter(call: BusinessCall): void;
}

interface Waiting {
  readonly to: string | undefined;
  readonly resolve: (call: BusinessCall) => void;
  readonly timer: NodeJS.Timeout;
}

/** Where calls of the business arrive: who they are for and who waits for them. */
export class BusinessDesk {
  readonly #numbers = new Map<string, BusinessNumber>();
  readonly #waiting = new Set<Waiting>();
  #planOf: PlanOf = () => ({ kind: 'refuse', refusal: 'no-permission' });
  #arrived: Arrived = () => undefined;

  constructor(
    private readonly host: DeskHost,
    numbers: readonly BusinessNumber[],
  ) {
    for (const number of numbers) this.setNumber(number);
  }

  /** Adds a number, or replaces what Meta knows of it; calls that are under way keep what they began with. */
  setNumber(number: BusinessNumber): void {
    this.#numbers.set(number.number, number);
  }

  removeNumber(number: string): void {
    this.#numbers.delete(number);
  }

  setPlan(planOf: PlanOf, arrived: Arrived = () => undefined): void {
    this.#planOf = planOf;
    this.#arrived = arrived;
  }

  /** Takes the first INVITE of a call. */
  take(raw: string, invite: SipText, from: SipSocket): void {
    const call = new BusinessCall(invite, {
      ...this.host,
      numbers: this.#numbers,
      decide: async (which) => this.#planOf(which),
    });
    this.host.enter(call);
    this.#arrived(call);
    for (const waiting of this.#waiting) {
      if (waiting.to !== undefined && waiting.to !== call.to) continue;
      this.#waiting.delete(waiting);
      clearTimeout(waiting.timer);
      waiting.resolve(call);
    }
    call.receive(raw, invite, from);
  }

  /** The next call that arrives, or the next to this user; rejects when none has come in time. */
  next(to?: string, limitMs = NEXT_CALL_LIMIT_MS): Promise<BusinessCall> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new Error(`no call of the business${to === undefined ? '' : ` to ${to}`} within ${limitMs} ms`));
      }, limitMs);
      const waiting: Waiting = { to, resolve, timer };
      this.#waiting.add(waiting);
    });
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const { timer } of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }
}
