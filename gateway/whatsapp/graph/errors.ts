import { CATALOGUE } from './catalogue.js';
import type { KnownError } from './catalogue.js';

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
  /** The same request may well succeed a moment later: Meta says so, or its server failed. */
  readonly transient?: true;
  /** Nothing was sent: Meta cannot have acted on it. */
  readonly unsent?: true;
}

/** The catalogue's row for an error of Meta's; a row with the subcode wins. */
export function knownError(code: number, subcode?: number): KnownError | undefined {
  const rows = CATALOGUE.filter((row) => code >= row.code && code <= (row.last ?? row.code));
  return rows.find((row) => row.subcode !== undefined && row.subcode === subcode) ?? rows.find(isGeneral);
}

function isGeneral(row: KnownError): boolean {
  return row.subcode === undefined;
}
