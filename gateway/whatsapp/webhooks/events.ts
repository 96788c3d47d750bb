/** What Meta's webhooks say, as typed events. */
import type { Json } from '../../store/port.js';

export type JsonObject = Readonly<Record<string, Json>>;

interface Told {
  /** WhatsApp Business Account. */
  readonly accountId?: string;
  /** When it happened, by Meta's clock; epoch ms. */
  readonly atMs: number;
  /** False: Meta gave no time, and `atMs` is when we read it. */
  readonly dated: boolean;
  /** The element as it came, unknown fields included; passwords and tokens left out. */
  readonly raw: JsonObject;
}

interface OfNumber extends Told {
  readonly numberId: string;
  /** The business number, E.164 with "+". */
  readonly number?: string;
}

export type Direction = 'user-initiated' | 'business-initiated';

interface OfCall extends OfNumber {
  readonly wacid: string;
  /** E.164 with "+", or a BSUID where Meta tells no phone number. */
  readonly user?: string;
  readonly direction?: Direction;
}

export interface CallCreated extends OfCall {
  readonly kind: 'call-created';
}

export interface CallTerminated extends OfCall {
  readonly kind: 'call-terminated';
  readonly status: 'completed' | 'failed' | 'unknown';
  /** Only of calls that were picked up. */
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly durationMs?: number;
  readonly errors: readonly { readonly code?: number; readonly text: string }[];
}

/** A user's answer to a request for permission, or the permission that a call to us gave by itself. */
export interface PermissionReply extends OfNumber {
  readonly kind: 'permission-reply';
  /** E.164 with "+", or a BSUID where Meta tells no phone number. */
  readonly user: string;
  readonly messageId?: string;
  readonly response: 'accept' | 'reject';
  readonly permanent: boolean;
  readonly expiresAtMs?: number;
  readonly source: 'user' | 'automatic' | 'unknown';
  /** The request answered, or the call that led to it. */
  readonly contextId?: string;
}

/** Left by a user who was not answered: an audio message whose id is the call's. */
export interface Voicemail extends OfNumber {
  readonly kind: 'voicemail';
  readonly wacid: string;
  readonly user?: string;
  readonly mediaId: string;
  readonly mimeType?: string;
  readonly sha256?: string;
}

export interface SettingsChanged extends OfNumber {
  readonly kind: 'settings-changed';
  /** As GET settings shows them; absent: something else changed. */
  readonly calling?: JsonObject;
}

/** A warning, a restriction or another change of the account. */
export interface AccountChanged extends Told {
  readonly kind: 'account-changed';
  /** ACCOUNT_VIOLATION, ACCOUNT_RESTRICTION … */
  readonly event: string;
  /** E.164 with "+"; absent: the whole account. */
  readonly number?: string;
  readonly violation?: string;
  readonly restrictions: readonly { readonly type: string; readonly expiresAtMs?: number }[];
}

/** Nothing that the gateway acts on, or not what it should be. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly field: string;
  /** Absent: none of our business. */
  readonly fault?: string;
  readonly raw: unknown;
}

export type WebhookEvent =
  CallCreated | CallTerminated | PermissionReply | Voicemail | SettingsChanged | AccountChanged;
export type Kind = WebhookEvent['kind'];
