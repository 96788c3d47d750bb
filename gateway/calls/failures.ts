/**
 * The one catalogue of why a call did not happen or ended: what the other side is told, and the label that metrics count.
 * Q.850 causes: ITU-T Q.850; status and cause pairs follow RFC 3398 section 8. Meta's refusals are in meta-refusals.ts.
 */
import { formatReason, parseReasons } from '../sip/headers.js';

export interface Failure {
  /** Stable; the label of metrics, and X-WA-Error toward the PBX. */
  readonly code: string;
  readonly status: number;
  readonly reason: string;
  readonly q850: number;
}

const CATALOGUE = {
  'untrusted-source': { status: 403, reason: 'Forbidden', q850: 21 },
  'no-contact': { status: 400, reason: 'Missing Contact header', q850: 127 },
  'bad-request-uri': { status: 400, reason: 'Request-URI has no usable number', q850: 28 },
  'bad-number': { status: 484, reason: 'Not a telephone number', q850: 28 },
  'no-caller-id': { status: 403, reason: 'Caller id is no business number of this trunk', q850: 21 },
  'no-credentials': { status: 503, reason: 'No SIP password for this number', q850: 41 },
  'body-too-large': { status: 413, reason: 'Request Entity Too Large', q850: 127 },
  'wrong-password': { status: 403, reason: 'Invalid digest response', q850: 21 },
  'unknown-number': { status: 404, reason: 'Number not configured', q850: 1 },
  'no-route': { status: 404, reason: 'No route', q850: 3 },
  closed: { status: 480, reason: 'Outside business hours', q850: 31 },
  draining: { status: 503, reason: 'Shutting down', q850: 42 },
  overload: { status: 503, reason: 'Overloaded', q850: 42 },
  'too-many-calls': { status: 503, reason: 'Too many calls', q850: 34 },
  'daily-minutes': { status: 503, reason: 'Daily minutes of this number are used up', q850: 52 },
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
  'whatsapp-answer': { status: 502, reason: 'WhatsApp answer unusable', q850: 88 },
  'session-expired': { status: 408, reason: 'Session timer expired', q850: 102 },
  'max-duration': { status: 200, reason: 'Maximum duration reached', q850: 31 },
  internal: { status: 500, reason: 'Internal error', q850: 41 },
} as const satisfies Record<string, Omit<Failure, 'code'>>;

export type FailureCode = keyof typeof CATALOGUE;

export const FAILURES = Object.fromEntries(
  Object.entries(CATALOGUE).map(([code, failure]) => [code, { code, ...failure }]),
) as Readonly<Record<FailureCode, Failure>>;

/** Both sides are told that the call ended as calls do. */
export const NORMAL: Failure = { code: 'normal', status: 200, reason: 'NORMAL_CLEARING', q850: 16 };

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

/** The Q.850 cause that a PBX makes of a status (RFC 3398 8.2.6.1, and where that is silent, as Asterisk does). */
const CAUSES: ReadonlyMap<number, number> = new Map([
  [401, 21],
  [403, 21],
  [404, 1],
  [407, 21],
  [408, 18],
  [410, 1],
  [480, 19],
  [483, 19],
  [484, 28],
  [485, 1],
  [486, 17],
  [488, 58],
  [500, 38],
  [501, 29],
  [502, 27],
  [503, 34],
  [504, 102],
  [600, 17],
  [603, 21],
  [604, 1],
  [606, 58],
]);

export function causeOfStatus(status: number): number {
  return CAUSES.get(status) ?? 127;
}

/** What a WhatsApp user is told when the PBX refused with `status`; `q850` is the cause the refusal named, if any. */
export function failureOfRefusal(status: number, reason: string, q850: number | undefined): Failure {
  const passed = PASSED_STATUSES.get(status);
  if (passed !== undefined) return { code: 'refused', status, reason, q850: q850 ?? passed };
  if (status >= 500 && status < 600) return { ...FAILURES.unreachable, code: 'refused', q850: q850 ?? 38 };
  // 401, 403, 407, 3xx …: the trunk is set up wrongly; the caller can only be told to try later.
  return { code: 'refused', status: 480, reason: 'Temporarily Unavailable', q850: q850 ?? 31 };
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
