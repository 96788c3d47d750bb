/** What the calls tell of themselves; app.ts wires it to logs and metrics. */
import type { MediaStats } from '../media/port.js';
import type { Outcome } from './machine.js';

export type RefusedCode = string;

export interface CallObserver {
  /** An INVITE that never became a call. One line, with the reason. */
  refused(refusal: { code: RefusedCode; detail: string; source: string; sipCallId: string; number?: string }): void;
  started(call: CallIdentity): void;
  ended(call: CallIdentity, record: CallRecord): void;
}

export interface CallIdentity {
  readonly id: string;
  readonly direction: 'user-initiated';
  readonly number: string;
  readonly trunk: string;
  readonly wacid: string;
}

/** Times are milliseconds from the INVITE in; absent: it did not come to that. */
export interface CallRecord {
  readonly outcome: Outcome;
  readonly dialledMs?: number;
  readonly ringingMs?: number;
  readonly answeredMs?: number;
  readonly endedMs: number;
  readonly media: MediaStats | undefined;
}
