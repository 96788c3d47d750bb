/**
 * Why Meta refused a call to a WhatsApp user, and what the PBX is told instead: one row a cause, in docs/reference/errors.md
 * for operators. Meta gives a status and a text; several causes share 403, so the text decides. Sources: Meta's SIP
 * troubleshooting page; the error codes 1380xx of its Calling API, should a text name one.
 */
import { causeOfStatus, type Failure } from './failures.js';

export const META_CODES = [
  'no-permission',
  'daily-limit',
  'country',
  'app',
  'hostname',
  'payment',
  'duplicate',
  'no-answer',
  'declined',
  'rtp-timeout',
  'rate-limit',
  'unavailable',
  'unknown',
] as const;

export type MetaCode = (typeof META_CODES)[number];

/**
 * Asterisk makes HANGUPCAUSE of the status alone and ignores the Reason header of a refusal (measured with 22), so the
 * causes here are those of the statuses: both ways of looking show the same.
 */
const TOLD: Readonly<Record<Exclude<MetaCode, 'unknown'>, Omit<Failure, 'code'>>> = {
  'no-permission': { status: 403, reason: 'No call permission of the WhatsApp user', q850: 21 },
  'daily-limit': { status: 403, reason: 'Daily limit of calls to this user reached', q850: 21 },
  country: { status: 403, reason: 'Calls are not available in this country', q850: 21 },
  app: { status: 403, reason: 'App is not authorized for this number', q850: 21 },
  hostname: { status: 403, reason: 'SIP hostname is not configured at Meta', q850: 21 },
  payment: { status: 403, reason: 'Payment issue of the business account', q850: 21 },
  duplicate: { status: 486, reason: 'A call between the two is already there', q850: 17 },
  'no-answer': { status: 480, reason: 'No answer', q850: 19 },
  declined: { status: 603, reason: 'Declined', q850: 21 },
  'rtp-timeout': { status: 504, reason: 'RTP timeout', q850: 102 },
  'rate-limit': { status: 503, reason: 'Rate limit of Meta reached', q850: 34 },
  unavailable: { status: 502, reason: 'WhatsApp is not available', q850: 27 },
};

/** The first row that fits counts. Texts are compared without regard to case. */
const ROWS: readonly {
  readonly code: Exclude<MetaCode, 'unknown'>;
  readonly status?: number;
  readonly text?: RegExp;
}[] = [
  { code: 'no-permission', text: /call permission|\b138006\b/ },
  { code: 'daily-limit', text: /per day limit|daily limit|\b138012\b/ },
  { code: 'hostname', text: /does not match any sip server/ },
  { code: 'app', text: /\bapp\b.*not authori[sz]ed/ },
  { code: 'payment', text: /payment|\b131044\b/ },
  { code: 'duplicate', text: /duplicate|\b138003\b/ },
  { code: 'country', text: /country|calling is not available|not available in|\b138013\b/ },
  { code: 'rate-limit', text: /rate limit|too many|\b(138005|138002|613)\b/ },
  { code: 'rtp-timeout', text: /rtp timeout|not receiving any media/ },
  { code: 'rate-limit', status: 429 },
  { code: 'rtp-timeout', status: 408 },
  { code: 'no-answer', status: 480 },
  { code: 'declined', status: 486 },
  { code: 'declined', status: 603 },
  { code: 'unavailable', status: 503 },
];

export function metaFailure(code: Exclude<MetaCode, 'unknown'>): Failure {
  return { code, ...TOLD[code] };
}

/**
 * What the PBX is told of a refusal by Meta. A text that no row knows passes as it is, under the code `unknown`.
 * @param warning the value of the Warning header, which may carry the text in the place of the reason phrase
 */
export function failureOfMeta(status: number, reason: string, warning: string | undefined): Failure {
  const text = `${reason} ${warning ?? ''}`.toLowerCase();
  const row = ROWS.find((r) => (r.status === undefined || r.status === status) && (r.text?.test(text) ?? true));
  if (row !== undefined) return metaFailure(row.code);
  return { code: 'unknown', status, reason, q850: causeOfStatus(status) };
}
