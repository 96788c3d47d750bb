/** What the calls tell of themselves; app.ts wires it to logs and metrics. */
import type { MediaStats, MediaTrouble } from '../media/port.js';
import type { Outcome } from './machine-types.js';

export type RefusedCode = string;

export interface CallObserver {
  /** An INVITE that never became a call. One line, with the reason. */
  refused(refusal: { code: RefusedCode; detail: string; source: string; sipCallId: string; number?: string }): void;
  started(call: CallIdentity): void;
  ended(call: CallIdentity, record: CallRecord): void;
  /** No audio from a leg while the call lasts, or audio again. */
  trouble(call: CallIdentity, trouble: MediaTrouble): void;
}

export interface CallIdentity {
  readonly id: string;
  readonly direction: 'user-initiated' | 'business-initiated';
  readonly number: string;
  /** The one that has the call; until one has, the last that was tried. */
  readonly trunk: string;
  /** WhatsApp's id of the call; of a business-initiated one Meta tells it with the answer, if at all. */
  readonly wacid?: string;
  /** The WhatsApp user: E.164 number or business-scoped user id; absent: Meta told neither. */
  readonly user?: string;
}

/** Times are milliseconds from the INVITE in; absent: it did not come to that. */
export interface CallRecord {
  readonly outcome: Outcome;
  readonly dialledMs?: number;
  readonly ringingMs?: number;
  readonly answeredMs?: number;
  readonly endedMs: number;
  readonly media: MediaStats | undefined;
  /** As Meta told it in the answer or the BYE; absent: it did not. */
  readonly wacid?: string;
}
