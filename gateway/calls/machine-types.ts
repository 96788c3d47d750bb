/** The words of the call machine: what a call is, what can happen to it, and what is then to be done. */
import type { Failure, FailureCode } from './failures.js';

export type CallState =
  /** Whether this call may be placed is being asked (business-initiated calls). */
  | { readonly kind: 'asking' }
  /** rtpengine has the caller's offer, its answer is awaited. */
  | { readonly kind: 'opening' }
  /** The INVITE is at host number `attempt` (from 0) of the callee's side. */
  | { readonly kind: 'dialling'; readonly attempt: number; readonly rang: boolean }
  /** The callee answered; its SDP is at rtpengine. */
  | { readonly kind: 'answering' }
  /** Our 200 is on its way to the caller. */
  | { readonly kind: 'accepting' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'ended'; readonly outcome: Outcome };

export interface Outcome {
  readonly by: 'caller' | 'callee' | 'gateway';
  /** What the other side was told, and logs say. */
  readonly failure: Failure;
}

export type CallEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'permitted' }
  | { readonly kind: 'denied'; readonly failure: Failure }
  | { readonly kind: 'media-opened' }
  | { readonly kind: 'media-answered'; readonly sdp: string }
  | { readonly kind: 'media-failed'; readonly code: FailureCode }
  | { readonly kind: 'media-lost' }
  | { readonly kind: 'caller-cancelled' }
  | { readonly kind: 'callee-provisional'; readonly attempt: number; readonly status: number }
  | { readonly kind: 'callee-answered'; readonly attempt: number; readonly sdp: string }
  | {
      readonly kind: 'callee-refused';
      readonly attempt: number;
      readonly failure: Failure;
      /** Another attempt may do better. */
      readonly tryNext: boolean;
    }
  | {
      readonly kind: 'callee-unreachable';
      readonly attempt: number;
      /** Why it could not even be tried; absent: nothing was heard from there. */
      readonly failure?: Failure;
    }
  | { readonly kind: 'attempt-timeout' }
  | { readonly kind: 'answer-timeout' }
  | { readonly kind: 'duration-timeout' }
  | { readonly kind: 'session-expired' }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'accept-failed' }
  | { readonly kind: 'caller-ended'; readonly end: LegEnd }
  | { readonly kind: 'callee-ended'; readonly end: LegEnd }
  | { readonly kind: 'shutdown' };

export interface LegEnd {
  readonly by: 'peer' | 'no-ack' | 'lost';
  readonly reason: string | undefined;
}

export type CallEffect =
  | { readonly kind: 'ask-permission' }
  | { readonly kind: 'open-media' }
  | { readonly kind: 'answer-media'; readonly sdp: string }
  | { readonly kind: 'start-media' }
  | { readonly kind: 'close-media' }
  | { readonly kind: 'dial'; readonly attempt: number }
  | { readonly kind: 'cancel-callee'; readonly failure: Failure }
  | { readonly kind: 'bye-callee'; readonly failure: Failure }
  | { readonly kind: 'ring-caller' }
  | { readonly kind: 'accept-caller'; readonly sdp: string }
  | { readonly kind: 'refuse-caller'; readonly failure: Failure }
  | { readonly kind: 'bye-caller'; readonly failure: Failure }
  | { readonly kind: 'start-timer'; readonly timer: CallTimer }
  | { readonly kind: 'stop-timer'; readonly timer: CallTimer }
  /** Always the last effect of a call: nothing is open any more but what earlier effects are closing. */
  | { readonly kind: 'finish'; readonly outcome: Outcome };

/** `attempt`: a host's first response; `answer`: this host may ring no longer; `duration`: the call may last no longer. */
export type CallTimer = 'attempt' | 'answer' | 'duration';

export interface Step {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

/** What is fixed for the life of a call. */
export interface CallRules {
  /** How many attempts the callee's side allows, at least 1: its hosts. */
  readonly attempts: number;
  /** The side that we dial. Media toward WhatsApp starts with its ACK: ours as soon as it answers, its own after our 200. */
  readonly callee: 'pbx' | 'whatsapp';
  /** What the caller is told when no attempt was answered. */
  readonly unreachable: Failure;
}
