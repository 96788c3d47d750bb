import type { RuleId } from '../rules.js';

/** What the SIP side reports beyond the table in simulator/rules.ts; each follows from RFC 3261 or Meta's Allow and Supported. */
export type SipOnlyRuleId =
  /** A SIP message that cannot be parsed. */
  | 'malformed'
  /** A 200 to the INVITE without an SDP answer. */
  | 'missing-sdp'
  /** Require: 100rel; Meta has no PRACK. */
  | 'reliable-provisional'
  /** A challenge other than MD5 with qop=auth. */
  | 'challenge-algorithm';

export type SipRuleId = RuleId | SipOnlyRuleId;

/** One broken rule of Meta: which, how it showed, when (ms since the edge started) and in which call. */
export interface Violation {
  readonly rule: SipRuleId;
  readonly detail: string;
  readonly atMs: number;
  readonly callId?: string;
}

/** Takes note of a broken rule. */
export type Report = (rule: SipRuleId, detail: string) => void;
