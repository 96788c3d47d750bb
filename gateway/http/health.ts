/** What /healthz and /readyz say. */
import type { Json } from '../store/port.js';
import type { Route } from './router.js';

export interface Health {
  /** No new calls; running ones go on. */
  readonly draining: boolean;
  /** What the gateway stands on, by name: `sip`, `media`, `store`, `graph` … */
  readonly parts: Readonly<Record<string, PartHealth>>;
  /** The configured numbers, as far as Meta has told of them. */
  readonly numbers?: readonly NumberHealth[];
}

export interface PartHealth {
  /** `degraded`: something does not work, but calls do. */
  readonly status: 'ok' | 'degraded' | 'down';
  /** Whatever helps: an error, a time, a count. No secret. */
  readonly detail?: Readonly<Record<string, Json>>;
}

/** A number as Meta judges it. It makes the gateway degraded, never unready: the other numbers work. */
export interface NumberHealth {
  readonly number: string;
  /** can_receive_call_sip; `unknown`: not asked yet, or no answer. */
  readonly calls: 'available' | 'limited' | 'blocked' | 'unknown';
  /** Epoch ms of the answer. */
  readonly checkedAtMs?: number;
  readonly problems: readonly HealthProblem[];
}

export interface HealthProblem {
  readonly entity: string;
  readonly code?: number;
  readonly description: string;
  /** Meta's possible_solution. */
  readonly solution?: string;
}

export function healthRoutes(health: () => Health): readonly Route[] {
  return [
    { method: 'GET', path: '/healthz', answer: () => Promise.resolve({ status: 200, json: { status: 'ok' } }) },
    { method: 'GET', path: '/readyz', answer: () => Promise.resolve(readiness(health())) },
  ];
}

function readiness(health: Health): { status: number; json: object } {
  const status = overall(health);
  const ready = status === 'ok' || status === 'degraded';
  return { status: ready ? 200 : 503, json: { status, ...health } };
}

function overall({ draining, parts, numbers = [] }: Health): 'ok' | 'degraded' | 'draining' | 'down' {
  if (draining) return 'draining';
  const states = Object.values(parts).map(({ status }) => status);
  if (states.includes('down')) return 'down';
  const troubled = numbers.some(({ calls }) => calls === 'limited' || calls === 'blocked');
  return troubled || states.includes('degraded') ? 'degraded' : 'ok';
}
