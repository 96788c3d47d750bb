/**
 * What the API needs of the rest. Each method may reject with HttpError to say something precise (502 when Meta refuses,
 * 503 when the store cannot be reached); anything else becomes 500 and a log line.
 */
import type { NumberHealth } from './health.js';

export interface ApiPorts {
  readonly numbers: NumbersPort;
  readonly permissions: PermissionsPort;
  readonly callbacks: CallbacksPort;
}

export interface NumbersPort {
  list(): Promise<readonly NumberView[]>;
}

export interface NumberView {
  /** E.164 with "+". */
  readonly number: string;
  readonly phoneNumberId?: string;
  readonly trunk: string;
  readonly calls: { readonly active: number; readonly max: number };
  readonly settings: SettingsView;
  readonly health: Omit<NumberHealth, 'number'>;
}

export interface SettingsView {
  /** `unmanaged`: the configuration says nothing of them; `unknown`: Meta was not asked yet, or did not answer. */
  readonly state: 'unmanaged' | 'unknown' | 'same' | 'drifted';
  /** Epoch ms. */
  readonly checkedAtMs?: number;
  readonly drift: readonly DriftView[];
}

export interface DriftView {
  /** Key path of the configuration, below `calling`. */
  readonly path: string;
  /** JSON text; absent: not set. */
  readonly wanted?: string;
  readonly found?: string;
}

/** A user is E.164 with "+", or a BSUID. */
export interface PermissionsPort {
  /** @returns undefined: the number is not configured */
  get(number: string, user: string): Promise<PermissionView | undefined>;
  /** Asks the user for permission. */
  request(number: string, user: string): Promise<RequestResult>;
}

export interface PermissionView {
  /** `unknown`: Meta could not be asked. */
  readonly status: 'none' | 'temporary' | 'permanent' | 'unknown';
  readonly expiresAtMs?: number;
  readonly canCall: boolean;
  readonly canRequest: boolean;
  readonly limits: readonly LimitView[];
}

export interface LimitView {
  readonly action: 'call' | 'request';
  /** ISO 8601, as Meta says it: PT24H, P7D. */
  readonly period: string;
  readonly max: number;
  readonly used: number;
  /** When it is lifted; epoch ms. */
  readonly expiresAtMs?: number;
}

export type RequestResult =
  | { readonly kind: 'sent'; readonly messageId?: string }
  /** `nextAtMs`: when the next one is possible, where that is known. */
  | { readonly kind: 'limited'; readonly reason: string; readonly nextAtMs?: number }
  /** The user has given permission already. */
  | { readonly kind: 'granted' }
  | { readonly kind: 'no-such-number' };

export interface CallbacksPort {
  /** Oldest first. */
  list(): Promise<readonly CallbackView[]>;
  /** One entry a number and user: `added` is false when there was one. undefined: the number is not configured. */
  add(number: string, user: string): Promise<{ readonly added: boolean; readonly callback: CallbackView } | undefined>;
  /** Calls now: the PBX's side first, then the user. */
  place(id: string): Promise<PlaceResult>;
  /** @returns false: there is none */
  remove(id: string): Promise<boolean>;
}

export interface CallbackView {
  readonly id: string;
  readonly number: string;
  readonly user: string;
  /** Why the user is called back. */
  readonly reason: 'unanswered' | 'outside-hours' | 'agent';
  readonly state: 'waiting' | 'calling';
  readonly addedAtMs: number;
  /** With the permission; absent: it does not expire. */
  readonly expiresAtMs?: number;
  /** When it is called by itself; absent: when an agent asks. */
  readonly dueAtMs?: number;
}

export type PlaceResult =
  | { readonly kind: 'placed' }
  | { readonly kind: 'no-such-callback' }
  /** Being called already, no permission any more, no line free … */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string };
