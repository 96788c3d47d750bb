/**
 * What a call is and what happens next: a pure reducer. The caller is the leg that sent us an INVITE, the callee the one we
 * dial; which of them is WhatsApp and which the PBX does not matter here. Every effect is run by session.ts.
 */
import { FAILURES, NORMAL, q850Of, type Failure, type FailureCode } from './failures.js';
import type { CallEffect, CallEvent, CallRules, CallState, LegEnd, Outcome, Step } from './machine-types.js';

export const INITIAL: CallState = { kind: 'asking' };

export function step(rules: CallRules, state: CallState, event: CallEvent): Step {
  switch (state.kind) {
    case 'asking':
      return asking(rules, state, event);
    case 'opening':
      return opening(state, event);
    case 'dialling':
      return dialling(rules, state, event);
    case 'answering':
      return answering(rules, state, event);
    case 'accepting':
      return accepting(rules, state, event);
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
  return { by: 'gateway', failure: FAILURES[code] };
}

/** Nothing is open yet: an end is an answer to the caller and no more. */
function asking({ callee }: CallRules, state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'start':
      // A WhatsApp user who calls needs nobody's permission.
      return callee === 'whatsapp' ? { state, effects: [{ kind: 'ask-permission' }] } : openMedia();
    case 'permitted':
      return openMedia();
    case 'denied':
      return end({ by: 'gateway', failure: event.failure }, { kind: 'refuse-caller', failure: event.failure });
    case 'shutdown':
      return end(byGateway('draining'), { kind: 'refuse-caller', failure: FAILURES.draining });
    case 'caller-cancelled':
    case 'caller-ended':
      return end(cancelled());
    case 'media-opened':
    case 'media-answered':
    case 'media-failed':
    case 'media-lost':
    case 'callee-provisional':
    case 'callee-answered':
    case 'callee-refused':
    case 'callee-unreachable':
    case 'callee-ended':
    case 'attempt-timeout':
    case 'answer-timeout':
    case 'duration-timeout':
    case 'session-expired':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

function openMedia(): Step {
  return { state: { kind: 'opening' }, effects: [{ kind: 'open-media' }] };
}

function opening(state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'media-opened':
      return {
        state: { kind: 'dialling', attempt: 0, rang: false },
        effects: dial(0),
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
    case 'start':
    case 'permitted':
    case 'denied':
    case 'media-answered':
    case 'callee-provisional':
    case 'callee-answered':
    case 'callee-refused':
    case 'callee-unreachable':
    case 'callee-ended':
    case 'attempt-timeout':
    case 'answer-timeout':
    case 'duration-timeout':
    case 'session-expired':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

function dial(attempt: number): CallEffect[] {
  return [
    { kind: 'dial', attempt },
    { kind: 'start-timer', timer: 'attempt' },
    { kind: 'start-timer', timer: 'answer' },
  ];
}

const STOP_TIMERS: readonly CallEffect[] = [
  { kind: 'stop-timer', timer: 'attempt' },
  { kind: 'stop-timer', timer: 'answer' },
];

const STOP_CLOCK: CallEffect = { kind: 'stop-timer', timer: 'duration' };

type Dialling = Extract<CallState, { kind: 'dialling' }>;

function dialling(rules: CallRules, state: Dialling, event: CallEvent): Step {
  switch (event.kind) {
    case 'callee-provisional':
      return event.attempt === state.attempt ? provisional(state, event.status) : stay(state);
    case 'callee-answered':
      if (event.attempt !== state.attempt) return stay(state);
      return { state: { kind: 'answering' }, effects: [...STOP_TIMERS, { kind: 'answer-media', sdp: event.sdp }] };
    case 'callee-refused':
      if (event.attempt !== state.attempt) return stay(state);
      if (event.tryNext && !state.rang && state.attempt + 1 < rules.attempts) return next(state);
      return refuse('callee', event.failure);
    case 'callee-unreachable':
      return event.attempt === state.attempt ? nextOrNone(rules, state, event.failure) : stay(state);
    case 'attempt-timeout':
      return nextOrNone(rules, state, undefined, { kind: 'cancel-callee', failure: FAILURES.unreachable });
    case 'answer-timeout':
      return giveUp('no-answer');
    case 'caller-cancelled':
    case 'caller-ended':
      return end(cancelled(), ...STOP_TIMERS, { kind: 'cancel-callee', failure: FAILURES.cancelled });
    case 'media-lost':
    case 'media-failed':
      return giveUp('media-lost');
    case 'shutdown':
      return giveUp('draining');
    case 'start':
    case 'permitted':
    case 'denied':
    case 'media-opened':
    case 'media-answered':
    case 'callee-ended':
    case 'duration-timeout':
    case 'session-expired':
    case 'accepted':
    case 'accept-failed':
      return stay(state);
  }
}

/** The gateway ends what rings. */
function giveUp(code: FailureCode): Step {
  return refuse('gateway', FAILURES[code], { kind: 'cancel-callee', failure: FAILURES[code] });
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

function next(state: Dialling, ...effects: CallEffect[]): Step {
  const attempt = state.attempt + 1;
  return { state: { kind: 'dialling', attempt, rang: false }, effects: [...effects, ...dial(attempt)] };
}

function nextOrNone(
  rules: CallRules,
  state: Dialling,
  failure: Failure = rules.unreachable,
  ...effects: CallEffect[]
): Step {
  // There is one Meta: a second attempt there is for another password alone.
  const another = rules.callee === 'pbx' && !state.rang && state.attempt + 1 < rules.attempts;
  if (!another) return refuse('gateway', failure, ...effects);
  return next(state, ...effects);
}

function refuse(by: Outcome['by'], failure: Failure, ...effects: CallEffect[]): Step {
  return end({ by, failure }, ...STOP_TIMERS, ...effects, { kind: 'refuse-caller', failure });
}

function cancelled(): Outcome {
  return { by: 'caller', failure: FAILURES.cancelled };
}

function answering({ callee }: CallRules, state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'media-answered': {
      const accept: CallEffect = { kind: 'accept-caller', sdp: event.sdp };
      return { state: { kind: 'accepting' }, effects: callee === 'pbx' ? [accept] : [{ kind: 'start-media' }, accept] };
    }
    case 'media-failed':
      return dropAnswered(event.code);
    case 'media-lost':
      return dropAnswered('media-lost');
    case 'shutdown':
      return dropAnswered('draining');
    case 'callee-ended':
      return end(ofLegEnd('callee', event.end), { kind: 'refuse-caller', failure: FAILURES['no-answer'] });
    case 'caller-cancelled':
    case 'caller-ended':
      return end(cancelled(), { kind: 'bye-callee', failure: FAILURES.cancelled });
    case 'start':
    case 'permitted':
    case 'denied':
    case 'duration-timeout':
    case 'session-expired':
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

function dropAnswered(code: FailureCode): Step {
  const failure = FAILURES[code];
  return end(byGateway(code), { kind: 'bye-callee', failure }, { kind: 'refuse-caller', failure });
}

function accepting({ callee }: CallRules, state: CallState, event: CallEvent): Step {
  switch (event.kind) {
    case 'accepted': {
      const clock: CallEffect = { kind: 'start-timer', timer: 'duration' };
      return {
        state: { kind: 'connected' },
        effects: callee === 'pbx' ? [{ kind: 'start-media' }, clock] : [clock],
      };
    }
    case 'accept-failed':
      return end(byGateway('internal'), { kind: 'bye-callee', failure: FAILURES.internal });
    case 'caller-cancelled':
      // The 200 may have crossed the CANCEL: `ended` hangs up should `accepted` still arrive.
      return end(cancelled(), { kind: 'bye-callee', failure: FAILURES.cancelled });
    case 'start':
    case 'permitted':
    case 'denied':
    case 'duration-timeout':
    case 'session-expired':
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
    case 'media-failed': // the PBX's answer in its ACK
      return hangUpBoth(event.code);
    case 'duration-timeout':
      return hangUpBoth('max-duration');
    case 'session-expired':
      return hangUpBoth('session-expired');
    case 'shutdown':
      return hangUpBoth('draining');
    case 'caller-cancelled': // came after our 200: the CANCEL got 481 or is void, a BYE follows (RFC 3261 9.1)
    case 'start':
    case 'permitted':
    case 'denied':
    case 'media-opened':
    case 'media-answered':
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

function hangUpBoth(code: FailureCode): Step {
  const failure = FAILURES[code];
  return end(byGateway(code), STOP_CLOCK, { kind: 'bye-caller', failure }, { kind: 'bye-callee', failure });
}

function hangUp(by: 'caller' | 'callee', legEnd: LegEnd, other: 'bye-callee' | 'bye-caller'): Step {
  const outcome = ofLegEnd(by, legEnd);
  return end(outcome, STOP_CLOCK, { kind: other, failure: outcome.failure });
}

function ofLegEnd(by: 'caller' | 'callee', legEnd: LegEnd): Outcome {
  switch (legEnd.by) {
    case 'peer':
      return { by, failure: { ...NORMAL, q850: q850Of(legEnd.reason) ?? NORMAL.q850 } };
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
