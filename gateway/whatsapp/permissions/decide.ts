/** What Meta's answer means for a call, and for a request. Pure. */
import type { ActionState, PermissionState } from './read.js';

export const DENIALS = ['no-permission', 'daily-limit', 'country'] as const;
export type Denial = (typeof DENIALS)[number];

export type Decision =
  { readonly kind: 'allow' } | { readonly kind: 'unknown' } | { readonly kind: 'deny'; readonly code: Denial };

export function decide(state: PermissionState, nowMs: number): Decision {
  if (hasExpired(state, nowMs)) return { kind: 'deny', code: 'no-permission' };
  switch (state.status) {
    case 'none':
      return { kind: 'deny', code: 'no-permission' };
    case 'temporary':
    case 'permanent':
      if (state.call.allowed !== false) return { kind: 'allow' };
      return { kind: 'deny', code: 'daily-limit' };
    case 'unknown':
      if (state.call.allowed === undefined) return { kind: 'unknown' };
      if (state.call.allowed) return { kind: 'allow' };
      return { kind: 'deny', code: isFull(state.call) ? 'daily-limit' : 'no-permission' };
  }
}

export function hasExpired({ status, expiresAtMs }: PermissionState, nowMs: number): boolean {
  return status === 'temporary' && expiresAtMs !== undefined && expiresAtMs <= nowMs;
}

export type RequestDecision =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'not-needed' }
  /** `nextAtMs` is absent where Meta does not say. */
  | { readonly kind: 'limited'; readonly nextAtMs?: number }
  | { readonly kind: 'unknown' };

export function decideRequest(state: PermissionState): RequestDecision {
  if (state.status === 'permanent') return { kind: 'not-needed' };
  if (state.request.allowed === true) return { kind: 'allowed' };
  const full = state.request.limits.filter(({ used, max }) => used >= max);
  if (state.request.allowed === undefined && full.length === 0) return { kind: 'unknown' };
  const times = full.map(({ freeAtMs }) => freeAtMs).filter((at) => at !== undefined);
  return { kind: 'limited', ...(times.length === 0 ? {} : { nextAtMs: Math.max(...times) }) };
}

const isFull = ({ limits }: ActionState): boolean => limits.some(({ used, max }) => used >= max);
