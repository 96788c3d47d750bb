/** Everything that is decided about a call before it begins; session.ts carries it out. */
import type { MediaTrouble, MediaStats, PbxSide } from '../media/port.js';
import type { IncomingInvite, InviteFailure, OutgoingInvite, Response } from '../sip/port.js';
import type { Failure } from './failures.js';
import type { CallIdentity } from './observer.js';

export interface CallPlan {
  readonly identity: CallIdentity;
  /** The caller's INVITE. */
  readonly invite: IncomingInvite;
  readonly callee: 'pbx' | 'whatsapp';
  /** In order; at least one. */
  readonly attempts: readonly Attempt[];
  readonly maxDurationMs: number | undefined;
  /** What the caller is told when nobody could be reached. */
  readonly unreachable: Failure;
  /** Our Contact toward the caller. */
  readonly contact: string;
  /** Whether the call may be placed; only asked where the callee is WhatsApp. */
  readonly permission?: () => Promise<PermissionVerdict>;
  readonly openMedia: (watch: MediaWatch) => Promise<CallMediaSession>;
  /** Who plays the ringing tone to a PBX that calls. */
  readonly ringback: 'pbx' | 'rtpengine';
  /** What the callee's refusal of an attempt means. */
  readonly classify: (failure: Refused, attempt: number) => Refusal | Promise<Refusal>;
  /**
   * An INVITE to another extension of the PBX, which is to take over (REFER); undefined: none can be made.
   * `attempt`: the one that the callee answered.
   */
  readonly redial: (extension: string, offer: string, attempt: number) => OutgoingInvite | undefined;
  /** How a failure is told to the caller. */
  readonly refusal: (failure: Failure) => Response;
  /** The call is over. */
  readonly over: (talkMs: number) => void;
}

export type Refused = Extract<InviteFailure, { kind: 'refused' }>;

export interface Refusal {
  readonly failure: Failure;
  readonly tryNext: boolean;
}

/** `unknown`: nobody could tell in time; the call is placed, Meta has the last word. */
export type PermissionVerdict =
  { readonly kind: 'allow' } | { readonly kind: 'deny'; readonly failure: Failure } | { readonly kind: 'unknown' };

export interface Attempt {
  /** For logs. */
  readonly name: string;
  /** How long it may take to give any response. */
  readonly connectTimeoutMs: number;
  /** How long it may ring. */
  readonly answerTimeoutMs: number;
  /** The trunk that it goes over; absent: the one of the call's identity. */
  readonly trunk?: string;
  /** Asked before its INVITE is sent: why it may not be, when there is no room for one more call. */
  enter?(): Failure | undefined;
  invite(offer: string): OutgoingInvite;
  /** Told once, as soon as it is known. */
  reached?(how: 'answered' | 'unreachable'): void;
}

export interface MediaWatch {
  readonly onLost: (reason: string) => void;
  readonly onTrouble: (trouble: MediaTrouble) => void;
  readonly signal: AbortSignal;
}

/** A media session as a call sees it, whoever called. */
export interface CallMediaSession extends PbxSide {
  /** What the callee is offered. */
  readonly offer: string;
  answer(sdp: string, address?: string): Promise<string>;
  start(): void;
  /** A ringing tone for the PBX until the answer: the SDP for a 183. */
  ringback?(): Promise<string>;
  close(): Promise<MediaStats | undefined>;
}
