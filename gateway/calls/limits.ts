/** How many calls at once, and how many minutes a day. */
import type { GatewayConfig, NumberConfig, TrunkConfig } from '../config/types.js';

export interface AdmissionRequest {
  readonly number: Pick<NumberConfig, 'number' | 'maxCalls' | 'dailyMinutes'>;
  readonly trunk: Pick<TrunkConfig, 'name' | 'maxCalls'>;
  readonly direction: 'user-initiated' | 'business-initiated';
}

export type LimitCode = 'too-many-calls' | 'daily-minutes';

export type Admitted =
  | { readonly kind: 'ok'; readonly ticket: Ticket }
  /** `detail` names the limit, for the log. */
  | { readonly kind: 'refused'; readonly code: LimitCode; readonly detail: string };

export interface Ticket {
  /** The call is over. `talkMs`: from the answer on; 0 without one. Idempotent. */
  release(talkMs: number): void;
}

export interface Admission {
  admit(call: AdmissionRequest): Admitted;
}

/** What the business-initiated calls of a number have taken on a day; kept somewhere by whoever implements it. */
export interface MinutesLedger {
  /** @param day `2026-11-26`, UTC. @returns milliseconds */
  used(number: string, day: string): number;
  add(number: string, day: string, ms: number): void;
}

export interface AdmissionDeps {
  readonly gateway: Pick<GatewayConfig, 'maxCalls'>;
  readonly ledger: MinutesLedger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const MINUTE_MS = 60_000;

interface Running extends AdmissionRequest {
  readonly since: number;
}

export function createAdmission({ gateway, ledger, now }: AdmissionDeps): Admission {
  const running = new Set<Running>();
  const counts = { number: new Map<string, number>(), trunk: new Map<string, number>() };

  /** Calls that have not ended count from their INVITE on: what they will take nobody knows. */
  const usedMs = (number: string): number => {
    let ms = ledger.used(number, dayOf(now()));
    for (const call of running) {
      if (call.direction === 'business-initiated' && call.number.number === number) ms += now() - call.since;
    }
    return ms;
  };

  const refusal = ({ number, trunk, direction }: AdmissionRequest): Admitted | undefined => {
    const limits = [
      ['gateway.maxCalls', running.size, gateway.maxCalls],
      [`maxCalls of number ${number.number}`, counts.number.get(number.number) ?? 0, number.maxCalls],
      [`maxCalls of trunk ${trunk.name}`, counts.trunk.get(trunk.name) ?? 0, trunk.maxCalls ?? Infinity],
    ] as const;
    const full = limits.find(([, count, max]) => count >= max);
    if (full !== undefined) return { kind: 'refused', code: 'too-many-calls', detail: `${full[0]} is ${full[2]}` };
    if (direction === 'user-initiated' || number.dailyMinutes === undefined) return undefined;
    if (usedMs(number.number) < number.dailyMinutes * MINUTE_MS) return undefined;
    const detail = `dailyMinutes of number ${number.number} is ${number.dailyMinutes}`;
    return { kind: 'refused', code: 'daily-minutes', detail };
  };

  return {
    admit(request) {
      const refused = refusal(request);
      if (refused !== undefined) return refused;
      const call: Running = { ...request, since: now() };
      const { number, trunk, direction } = call;
      running.add(call);
      count(counts.number, number.number, 1);
      count(counts.trunk, trunk.name, 1);
      return {
        kind: 'ok',
        ticket: {
          release(talkMs) {
            if (!running.delete(call)) return;
            count(counts.number, number.number, -1);
            count(counts.trunk, trunk.name, -1);
            // On the day it began: a day's limit is not used up before it starts.
            if (direction === 'business-initiated') ledger.add(number.number, dayOf(call.since), talkMs);
          },
        },
      };
    },
  };
}

/** Keeps the current day, until the process ends. */
export function createMemoryLedger(): MinutesLedger {
  const days = new Map<string, { day: string; ms: number }>();
  return {
    used(number, day) {
      const entry = days.get(number);
      return entry?.day === day ? entry.ms : 0;
    },
    add(number, day, ms) {
      const entry = days.get(number);
      if (entry === undefined || entry.day < day) days.set(number, { day, ms });
      else if (entry.day === day) entry.ms += ms;
    },
  };
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
