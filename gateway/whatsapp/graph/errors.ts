/** What a Graph request can come to. */
export interface GraphFault {
  /** `refused`: Meta answered with an error; the rest: no answer that says anything. */
  readonly kind: 'refused' | 'rate-limited' | 'unauthorized' | 'timeout' | 'unreachable' | 'unreadable' | 'no-token';
  /** One line for an operator: what was asked, what came back, what to do. No secret in it. */
  readonly message: string;
  readonly httpStatus?: number;
  /** error.code, error.error_subcode of Meta. */
  readonly code?: number;
  readonly subcode?: number;
  /** error.fbtrace_id, for Meta's support. */
  readonly traceId?: string;
  /** What the code means and what to do, from the catalogue; absent for unknown codes. */
  readonly meaning?: string;
  readonly remedy?: string;
  /** How long Meta asks to wait, ms. */
  readonly retryAfterMs?: number;
}
