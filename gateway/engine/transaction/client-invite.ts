import { NOTHING, start, stop, type Effect, type Step, type Surroundings, type TimerName } from './machine.js';

/** INVITE client transaction: RFC 3261 section 17.1.1 with the Accepted state of RFC 6026. */
export type ClientInviteState =
  | { name: 'calling'; interval: number; cancel: 'no' | 'held' }
  | { name: 'proceeding'; cancel: 'no' | 'sent' }
  | { name: 'completed' }
  | { name: 'accepted' }
  | { name: 'terminated' };

export type ClientEvent =
  | { kind: 'start' }
  | { kind: 'response'; status: number }
  | { kind: 'timer'; timer: TimerName }
  | { kind: 'cancel' }
  /** The flow was lost; `established` is false when it never came about. */
  | { kind: 'lost'; established: boolean };

const DONE: Step<ClientInviteState> = { state: { name: 'terminated' }, effects: [{ kind: 'end' }] };

export function clientInvite(state: ClientInviteState, event: ClientEvent, env: Surroundings): Step<ClientInviteState> {
  switch (state.name) {
    case 'calling':
      return calling(state, event, env);
    case 'proceeding':
      return proceeding(state, event, env);
    case 'completed':
      // A repeated final means that the ACK was lost.
      if (event.kind === 'response' && event.status >= 300) return { state, effects: [{ kind: 'ack' }] };
      return event.kind === 'timer' && event.timer === 'D' ? DONE : same(state);
    case 'accepted':
      // Every 2xx goes up: a repetition is ACKed again, one from a fork is ended (section 13.2.2.4).
      if (event.kind === 'response' && event.status >= 200 && event.status < 300)
        return { state, effects: [{ kind: 'deliver' }] };
      return event.kind === 'timer' && event.timer === 'M' ? DONE : same(state);
    case 'terminated':
      return same(state);
  }
}

function calling(
  state: Extract<ClientInviteState, { name: 'calling' }>,
  event: ClientEvent,
  env: Surroundings,
): Step<ClientInviteState> {
  switch (event.kind) {
    case 'start': {
      const effects: Effect[] = [{ kind: 'send' }, start('B', 64 * env.timers.t1)];
      if (!env.reliable) effects.push(start('A', state.interval));
      return { state, effects };
    }
    case 'response':
      return answered(event.status, state.cancel === 'held', env, [stop('A'), stop('B')]);
    case 'timer':
      if (event.timer === 'B')
        return { state: { name: 'terminated' }, effects: [{ kind: 'timeout' }, { kind: 'end' }] };
      if (event.timer !== 'A') return same(state);
      return {
        state: { ...state, interval: 2 * state.interval },
        effects: [{ kind: 'resend' }, start('A', 2 * state.interval)],
      };
    case 'cancel':
      // A CANCEL must not overtake its INVITE: it waits for a provisional response (section 9.1).
      return { state: { ...state, cancel: 'held' }, effects: NOTHING };
    case 'lost':
      return lost(state, event.established);
  }
}

function proceeding(
  state: Extract<ClientInviteState, { name: 'proceeding' }>,
  event: ClientEvent,
  env: Surroundings,
): Step<ClientInviteState> {
  switch (event.kind) {
    case 'response':
      if (event.status < 200) {
        const wait = event.status > 100 && state.cancel === 'no' ? [start('C', env.limit)] : NOTHING;
        return { state, effects: [{ kind: 'deliver' }, ...wait] };
      }
      return answered(event.status, false, env, [stop('C'), stop('X')]);
    case 'cancel':
      return state.cancel === 'sent' ? same(state) : cancelled(env);
    case 'timer':
      if (event.timer === 'C') return cancelled(env);
      if (event.timer === 'X')
        return { state: { name: 'terminated' }, effects: [{ kind: 'timeout' }, { kind: 'end' }] };
      return same(state);
    case 'lost':
      // The answer may come over another connection (section 18.2.2).
      return same(state);
    case 'start':
      return same(state);
  }
}

function cancelled(env: Surroundings): Step<ClientInviteState> {
  return {
    state: { name: 'proceeding', cancel: 'sent' },
    effects: [{ kind: 'cancel' }, stop('C'), start('X', 64 * env.timers.t1)],
  };
}

function answered(status: number, cancelHeld: boolean, env: Surroundings, stops: Effect[]): Step<ClientInviteState> {
  if (status < 200) {
    if (!cancelHeld) {
      return {
        state: { name: 'proceeding', cancel: 'no' },
        effects: [...stops, start('C', env.limit), { kind: 'deliver' }],
      };
    }
    const next = cancelled(env);
    return { state: next.state, effects: [...stops, { kind: 'deliver' }, ...next.effects] };
  }
  if (status < 300) {
    return { state: { name: 'accepted' }, effects: [...stops, { kind: 'deliver' }, start('M', 64 * env.timers.t1)] };
  }
  const effects: Effect[] = [...stops, { kind: 'ack' }, { kind: 'deliver' }];
  if (env.reliable) return { state: { name: 'terminated' }, effects: [...effects, { kind: 'end' }] };
  return { state: { name: 'completed' }, effects: [...effects, start('D', Math.max(32_000, 64 * env.timers.t1))] };
}

/** A request that may have got lost with its connection is sent again over a new one: the branch tells the server. */
function lost(state: ClientInviteState, established: boolean): Step<ClientInviteState> {
  if (established) return { state, effects: [{ kind: 'resend' }] };
  return { state: { name: 'terminated' }, effects: [{ kind: 'lost' }, { kind: 'end' }] };
}

function same(state: ClientInviteState): Step<ClientInviteState> {
  return { state, effects: NOTHING };
}
