/**
 * What a call is and what happens next: a pure reducer. The caller is the leg that sent us an INVITE, the callee the one we
 * dial; which of them is WhatsApp and which the PBX does not matter here. Every effect is run by session.ts.
 */
import { FAILURES, failureOfRefusal, isWorthAnotherHost, q850Of, type Failure, type FailureCode } from './failures.js';

export type CallState =
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
  readonly code: 'normal' | 'refused' | FailureCode;
  /** What the other side was told, and logs say. */
  readonly failure: Failure;
}

export type CallEvent =
  | { readonly kind: 'start' }
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
      readonly status: number;
      readonly reason: string;
      readonly q850?: number;
    }
  | { readonly kind: 'callee-unreachable'; readonly attempt: number }
  | { readonly kind: 'attempt-timeout' }
  | { readonly kind: 'answer-timeout' }
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

/** `attempt`: a host's first response; `answer`: the callee may ring no longer. */
export type CallTimer = 'attempt' | 'answer';

export interface Step {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

export const INITIAL: CallState = { kind: 'opening' };

const NORMAL: Failure = { status: 200, reason: 'NORMAL_CLEARING', q850: 16 };

/** @param hosts how many hosts the callee's side has to try, at least 1 */
export function step(hosts: number, state: CallState, event: CallEvent): Step {
  switch (state.kind) {
    case 'opening':
      return opening(state, event);
    case 'dialling':
      return dialling(hosts, state, event);
    case 'answering':
      return answering(state, event);
    case 'accepting':
      return accepting(state, event);
    case 'connected':
      return connected(state, event);
    case 'ended':
      return ended(state, event);
  }
}

function stay(state: CallState): Step {
  return { state, effects: [] };
}

function end(outcome: Outcome, ...effects: CallEffect[]): Step {
  return {
    state: { kind: 'ended', outcome },
    effects: [...effects, { kind: 'close-media' }, { kind: 'finish', outcome }],
  };
}

function byGateway(code: FailureCode): Outcome {
  return { by: 'gateway', code, failure: FAILURES[code] };
}

function opening(state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'start':
      return { state, effects: [{ kind: 'open-media' }] };
    case 'media-opened':
      return {
        state: { kind: 'dialling', attempt: 0, rang: false },
        effects: [...dial(0), { kind: 'start-timer', timer: 'answer' }],
      };
    case 'media-failed':
      return end(byGateway(event.code), { kind: 'refuse-caller', failure: FAILURES[event.code] });
    case 'media-lost':
      return end(byGateway('media-lost'), { kind: 'refuse-caller', failure: FAILURES['media-lost'] });
    case 'shutdown':
      return end(byGateway('draining'), { kind: 'refuse-caller', failure: FAILURES.draining });
    case 'caller-cancelled':
    case 'caller-ended':
      return end(cancelled());
    case 'media-answered':
    case 'callee-provisional':
    case 'callee-answered':
    case 'callee-refused':
    case 'callee-unreachable':
    case 'callee-ended':
    case 'attempt-timeout':
    case 'answer-timeout':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

function dial(attempt: number): CallEffect[] {
  return [
    { kind: 'dial', attempt },
    { kind: 'start-timer', timer: 'attempt' },
  ];
}

const STOP_TIMERS: readonly CallEffect[] = [
  { kind: 'stop-timer', timer: 'attempt' },
  { kind: 'stop-timer', timer: 'answer' },
];

type Dialling = Extract<CallState, { kind: 'dialling' }>;

function dialling(hosts: number, state: Dialling, event: CallEvent): Step {
  switch (event.kind) {
    case 'callee-provisional':
      return event.attempt === state.attempt ? provisional(state, event.status) : stay(state);
    case 'callee-answered':
      if (event.attempt !== state.attempt) return stay(state);
      return { state: { kind: 'answering' }, effects: [...STOP_TIMERS, { kind: 'answer-media', sdp: event.sdp }] };
    case 'callee-refused':
      if (event.attempt !== state.attempt) return stay(state);
      if (isWorthAnotherHost(event.status) && !state.rang) return nextHost(hosts, state);
      return refuse('callee', 'refused', failureOfRefusal(event.status, event.reason, event.q850));
    case 'callee-unreachable':
      return event.attempt === state.attempt ? nextHost(hosts, state) : stay(state);
    case 'attempt-timeout':
      return nextHost(hosts, state, { kind: 'cancel-callee', failure: FAILURES.unreachable });
    case 'answer-timeout':
      return refuse('gateway', 'no-answer', FAILURES['no-answer'], {
        kind: 'cancel-callee',
        failure: FAILURES['no-answer'],
      });
    case 'caller-cancelled':
    case 'caller-ended':
      return end(cancelled(), ...STOP_TIMERS, { kind: 'cancel-callee', failure: FAILURES.cancelled });
    case 'media-lost':
    case 'media-failed':
      return refuse('gateway', 'media-lost', FAILURES['media-lost'], {
        kind: 'cancel-callee',
        failure: FAILURES['media-lost'],
      });
    case 'shutdown':
      return refuse('gateway', 'draining', FAILURES.draining, { kind: 'cancel-callee', failure: FAILURES.draining });
    case 'start':
    case 'media-opened':
    case 'media-answered':
    case 'callee-ended':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

function provisional(state: Dialling, status: number): Step {
  // Early media and further early answers are the PBX's own affair: the caller hears WhatsApp's ringing (a first packet
  // would start the user's call timer), so one 180 is all that ever crosses.
  if (state.rang || status === 100) return { state, effects: [{ kind: 'stop-timer', timer: 'attempt' }] };
  return {
    state: { ...state, rang: true },
    effects: [{ kind: 'stop-timer', timer: 'attempt' }, { kind: 'ring-caller' }],
  };
}

function nextHost(hosts: number, state: Dialling, ...effects: CallEffect[]): Step {
  const attempt = state.attempt + 1;
  if (state.rang || attempt >= hosts) return refuse('gateway', 'unreachable', FAILURES.unreachable, ...effects);
  return { state: { kind: 'dialling', attempt, rang: false }, effects: [...effects, ...dial(attempt)] };
}

function refuse(by: Outcome['by'], code: Outcome['code'], failure: Failure, ...effects: CallEffect[]): Step {
  return end({ by, code, failure }, ...STOP_TIMERS, ...effects, { kind: 'refuse-caller', failure });
}

function cancelled(): Outcome {
  return { by: 'caller', code: 'cancelled', failure: FAILURES.cancelled };
}

function answering(state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'media-answered':
      return { state: { kind: 'accepting' }, effects: [{ kind: 'accept-caller', sdp: event.sdp }] };
    case 'media-failed':
      return dropAnswered(byGateway(event.code), event.code);
    case 'media-lost':
      return dropAnswered(byGateway('media-lost'), 'media-lost');
    case 'shutdown':
      return dropAnswered(byGateway('draining'), 'draining');
    case 'callee-ended':
      return end(ofLegEnd('callee', event.end), { kind: 'refuse-caller', failure: FAILURES['no-answer'] });
    case 'caller-cancelled':
    case 'caller-ended':
      return end(cancelled(), { kind: 'bye-callee', failure: FAILURES.cancelled });
    case 'start':
    case 'media-opened':
    case 'callee-provisional':
    case 'callee-answered':
    case 'callee-refused':
    case 'callee-unreachable':
    case 'attempt-timeout':
    case 'answer-timeout':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

function dropAnswered(outcome: Outcome, code: FailureCode): Step {
  const failure = FAILURES[code];
  return end(outcome, { kind: 'bye-callee', failure }, { kind: 'refuse-caller', failure });
}

function accepting(state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'accepted':
      return { state: { kind: 'connected' }, effects: [{ kind: 'start-media' }] };
    case 'accept-failed':
      return end(byGateway('internal'), { kind: 'bye-callee', failure: FAILURES.internal });
    case 'caller-cancelled':
      // The 200 may have crossed the CANCEL: `ended` hangs up should `accepted` still arrive.
      return end(cancelled(), { kind: 'bye-callee', failure: FAILURES.cancelled });
    case 'start':
    case 'media-opened':
    case 'media-answered':
    case 'media-failed':
    case 'media-lost':
    case 'callee-provisional':
    case 'callee-answered':
    case 'callee-refused':
    case 'callee-unreachable':
    case 'attempt-timeout':
    case 'answer-timeout':
    case 'caller-ended':
    case 'callee-ended':
    case 'shutdown':
      return connected(state, event);
  }
}

function connected(state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'caller-ended':
      return hangUp('caller', event.end, 'bye-callee');
    case 'callee-ended':
      return hangUp('callee', event.end, 'bye-caller');
    case 'media-lost':
      return hangUpBoth('media-lost');
    case 'shutdown':
      return hangUpBoth('draining');
    case 'caller-cancelled': // came after our 200: the CANCEL got 481 or is void, a BYE follows (RFC 3261 9.1)
    case 'start':
    case 'media-opened':
    case 'media-answered':
    case 'media-failed':
    case 'callee-provisional':
    case 'callee-answered':
    case 'callee-refused':
    case 'callee-unreachable':
    case 'attempt-timeout':
    case 'answer-timeout':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

function hangUpBoth(code: 'media-lost' | 'draining'): Step {
  const failure = FAILURES[code];
  return end(byGateway(code), { kind: 'bye-caller', failure }, { kind: 'bye-callee', failure });
}

function hangUp(by: 'caller' | 'callee', legEnd: LegEnd, other: 'bye-callee' | 'bye-caller'): Step {
  const outcome = ofLegEnd(by, legEnd);
  return end(outcome, { kind: other, failure: outcome.failure });
}

function ofLegEnd(by: 'caller' | 'callee', legEnd: LegEnd): Outcome {
  switch (legEnd.by) {
    case 'peer':
      return { by, code: 'normal', failure: { ...NORMAL, q850: q850Of(legEnd.reason) ?? NORMAL.q850 } };
    case 'no-ack':
      return byGateway('no-ack');
    case 'lost':
      return byGateway('link-lost');
  }
}

/** What arrives after the end: a leg that came up too late is hung up, everything else is past. */
function ended(state: Extract<CallState, { kind: 'ended' }>, event: CallEvent): Step {
  const { failure } = state.outcome;
  if (event.kind === 'accepted') return { state, effects: [{ kind: 'bye-caller', failure }] };
  if (event.kind === 'callee-answered') return { state, effects: [{ kind: 'bye-callee', failure }] };
  if (event.kind === 'media-opened') return { state, effects: [{ kind: 'close-media' }] };
  return stay(state);
}
