import { NOTHING, start, stop, type Effect, type Step, type Surroundings } from './machine.js';
import type { ServerEvent } from './server-invite.js';

/** Non-INVITE server transaction: RFC 3261 section 17.2.2. */
export type ServerOtherState =
  { name: 'trying' } | { name: 'proceeding' } | { name: 'completed' } | { name: 'terminated' };

export function serverOther(state: ServerOtherState, event: ServerEvent, env: Surroundings): Step<ServerOtherState> {
  switch (state.name) {
    case 'trying':
    case 'proceeding':
      return waiting(state, event, env);
    case 'completed':
      if (event.kind === 'request') return { state, effects: [{ kind: 'resend' }] };
      return event.kind === 'timer' && event.timer === 'J' ? ended([]) : { state, effects: NOTHING };
    case 'terminated':
      return { state, effects: NOTHING };
  }
}

function waiting(
  state: Extract<ServerOtherState, { name: 'trying' | 'proceeding' }>,
  event: ServerEvent,
  env: Surroundings,
): Step<ServerOtherState> {
  switch (event.kind) {
    case 'start':
      return { state, effects: [start('F', 64 * env.timers.t1)] };
    case 'request':
      return { state, effects: state.name === 'proceeding' ? [{ kind: 'resend' }] : NOTHING };
    case 'respond':
      if (event.status < 200) return { state: { name: 'proceeding' }, effects: [{ kind: 'send' }] };
      if (env.reliable) return ended([stop('F'), { kind: 'send' }]);
      return { state: { name: 'completed' }, effects: [stop('F'), { kind: 'send' }, start('J', 64 * env.timers.t1)] };
    case 'timer':
      // The client has given up by now; a 408 would come too late (RFC 4320 section 4.2).
      return event.timer === 'F' ? ended([{ kind: 'timeout' }]) : { state, effects: NOTHING };
    case 'ack':
      return { state, effects: NOTHING };
  }
}

function ended(effects: Effect[]): Step<ServerOtherState> {
  return { state: { name: 'terminated' }, effects: [...effects, { kind: 'end' }] };
}
