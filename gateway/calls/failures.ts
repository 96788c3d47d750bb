/**
 * The one catalogue of why a call did not happen or ended: what the other side is told, and the label that metrics count.
 * Q.850 causes: ITU-T Q.850; status and cause pairs follow RFC 3398 section 8.
 */
import { formatReason, parseReasons } from '../sip/headers.js';

export interface Failure {
  readonly status: number;
  readonly reason: string;
  readonly q850: number;
}

export const FAILURES = {
  'untrusted-source': { status: 403, reason: 'Forbidden', q850: 21 },
  'no-contact': { status: 400, reason: 'Missing Contact header', q850: 127 },
  'bad-request-uri': { status: 400, reason: 'Request-URI has no usable number', q850: 28 },
  'body-too-large': { status: 413, reason: 'Request Entity Too Large', q850: 127 },
  'wrong-password': { status: 403, reason: 'Invalid digest response', q850: 21 },
  'unknown-number': { status: 404, reason: 'Number not configured', q850: 1 },
  'no-route': { status: 404, reason: 'No route', q850: 3 },
  draining: { status: 503, reason: 'Shutting down', q850: 42 },
  overload: { status: 503, reason: 'Overloaded', q850: 42 },
  'too-many-calls': { status: 503, reason: 'Too many calls', q850: 34 },
  sdp: { status: 488, reason: 'Not Acceptable Here', q850: 88 },
  'media-unavailable': { status: 503, reason: 'Media unavailable', q850: 47 },
  'media-full': { status: 503, reason: 'Media capacity reached', q850: 34 },
  'media-lost': { status: 500, reason: 'Media session lost', q850: 41 },
  cancelled: { status: 487, reason: 'Request Terminated', q850: 16 },
  unreachable: { status: 503, reason: 'PBX unreachable', q850: 38 },
  'no-answer': { status: 480, reason: 'No answer', q850: 19 },
  'no-ack': { status: 408, reason: 'No ACK', q850: 102 },
  'link-lost': { status: 503, reason: 'SIP server lost', q850: 41 },
  'pbx-answer': { status: 500, reason: 'PBX answer unusable', q850: 88 },
  internal: { status: 500, reason: 'Internal error', q850: 41 },
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof FAILURES;

/** Refusals of the PBX that say something to the caller pass as they are; the rest is the gateway's trouble. */
const PASSED_STATUSES: ReadonlyMap<number, number> = new Map([
  [404, 1],
  [410, 22],
  [480, 18],
  [484, 28],
  [486, 17],
  [487, 16],
  [488, 88],
  [600, 17],
  [603, 21],
  [604, 1],
  [606, 88],
]);

/** What the caller is told when the callee's side refused with `status`; `q850` is the cause the refusal named, if any. */
export function failureOfRefusal(status: number, reason: string, q850: number | undefined): Failure {
  const passed = PASSED_STATUSES.get(status);
  if (passed !== undefined) return { status, reason, q850: q850 ?? passed };
  if (status >= 500 && status < 600) return { ...FAILURES.unreachable, q850: q850 ?? FAILURES.unreachable.q850 };
  // 401, 403, 407, 3xx …: the trunk is set up wrongly; the caller can only be told to try later.
  return { status: 480, reason: 'Temporarily Unavailable', q850: q850 ?? 31 };
}

/** Whether another host of the trunk may do better (RFC 3261 21.5; 408 made by a proxy means the same). */
export function isWorthAnotherHost(status: number): boolean {
  return status === 408 || (status >= 500 && status < 600);
}

/** The Reason header (RFC 3326) for a Q.850 cause. */
export function reasonHeader(failure: Failure): string {
  return formatReason({ protocol: 'Q.850', cause: failure.q850, text: failure.reason });
}

/** The Q.850 cause of a Reason header's value, if it has one. */
export function q850Of(reason: string | undefined): number | undefined {
  return parseReasons(reason ?? '').find((r) => r.protocol.toUpperCase() === 'Q.850')?.cause;
}
