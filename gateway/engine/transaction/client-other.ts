import type { ClientEvent } from './client-invite.js';
import { NOTHING, start, stop, type Effect, type Step, type Surroundings } from './machine.js';

/** Non-INVITE client transaction: RFC 3261 section 17.1.2. */
export type ClientOtherState =
  { name: 'trying'; interval: number } | { name: 'proceeding' } | { name: 'completed' } | { name: 'terminated' };

export function clientOther(state: ClientOtherState, event: ClientEvent, env: Surroundings): Step<ClientOtherState> {
  switch (state.name) {
    case 'trying':
    case 'proceeding':
      return waiting(state, event, env);
    case 'completed':
      return event.kind === 'timer' && event.timer === 'K' ? ended([]) : { state, effects: NOTHING };
    case 'terminated':
      return { state, effects: NOTHING };
  }
}

function waiting(
  state: Extract<ClientOtherState, { name: 'trying' | 'proceeding' }>,
  event: ClientEvent,
  env: Surroundings,
): Step<ClientOtherState> {
  switch (event.kind) {
    case 'start': {
      const effects: Effect[] = [{ kind: 'send' }, start('F', 64 * env.timers.t1)];
      if (!env.reliable) effects.push(start('E', env.timers.t1));
      return { state, effects };
    }
    case 'response':
      if (event.status < 200) return { state: { name: 'proceeding' }, effects: [{ kind: 'deliver' }] };
      if (env.reliable) return ended([stop('F'), { kind: 'deliver' }]);
      return {
        state: { name: 'completed' },
        effects: [stop('E'), stop('F'), { kind: 'deliver' }, start('K', env.timers.t4)],
      };
    case 'timer':
      if (event.timer === 'F') return ended([{ kind: 'timeout' }]);
      return event.timer === 'E' ? repeat(state, env) : { state, effects: NOTHING };
    case 'lost':
      if (event.established) return { state, effects: state.name === 'trying' ? [{ kind: 'resend' }] : NOTHING };
      return ended([{ kind: 'lost' }]);
    case 'cancel':
      return { state, effects: NOTHING };
  }
}

/** Timer E doubles up to T2; in Proceeding it is T2 (section 17.1.2.2). */
function repeat(
  state: Extract<ClientOtherState, { name: 'trying' | 'proceeding' }>,
  env: Surroundings,
): Step<ClientOtherState> {
  const interval = state.name === 'trying' ? Math.min(2 * state.interval, env.timers.t2) : env.timers.t2;
  return {
    state: state.name === 'trying' ? { name: 'trying', interval } : state,
    effects: [{ kind: 'resend' }, start('E', interval)],
  };
}

function ended(effects: Effect[]): Step<ClientOtherState> {
  return { state: { name: 'terminated' }, effects: [...effects, { kind: 'end' }] };
}
