import { NOTHING, start, stop, type Effect, type Step, type Surroundings, type TimerName } from './machine.js';

/** Who answers within 200 ms need not say 100 (section 17.2.1): that is a message less for most calls. Milliseconds. */
const TRYING_AFTER = 150;

/** INVITE server transaction: RFC 3261 section 17.2.1 with the Accepted state of RFC 6026. */
export type ServerInviteState =
  /** `silent`: nothing was sent yet. */
  | { name: 'proceeding'; silent: boolean }
  | { name: 'completed'; interval: number }
  | { name: 'confirmed' }
  | { name: 'accepted' }
  | { name: 'terminated' };

export type ServerEvent =
  | { kind: 'start' }
  /** The request came again. */
  | { kind: 'request' }
  | { kind: 'ack' }
  /** Somebody above answers with this status. */
  | { kind: 'respond'; status: number }
  | { kind: 'timer'; timer: TimerName };

export function serverInvite(state: ServerInviteState, event: ServerEvent, env: Surroundings): Step<ServerInviteState> {
  switch (state.name) {
    case 'proceeding':
      return proceeding(state, event, env);
    case 'completed':
      return completed(state, event, env);
    case 'confirmed':
      return event.kind === 'timer' && event.timer === 'I' ? ended([]) : { state, effects: NOTHING };
    case 'accepted':
      // The repetition of 2xx is the business of the core (section 13.3.1.4).
      return event.kind === 'timer' && event.timer === 'L' ? ended([]) : { state, effects: NOTHING };
    case 'terminated':
      return { state, effects: NOTHING };
  }
}

function proceeding(
  state: Extract<ServerInviteState, { name: 'proceeding' }>,
  event: ServerEvent,
  env: Surroundings,
): Step<ServerInviteState> {
  switch (event.kind) {
    case 'start':
      return { state, effects: [start('C', env.limit), start('T', TRYING_AFTER)] };
    case 'request':
      return { state, effects: [{ kind: state.silent ? 'trying' : 'resend' }] };
    case 'respond':
      if (event.status < 200) {
        return {
          state: { name: 'proceeding', silent: false },
          effects: [stop('T'), { kind: 'send' }, start('C', env.limit)],
        };
      }
      if (event.status < 300) {
        return {
          state: { name: 'accepted' },
          effects: [stop('C'), stop('T'), { kind: 'send' }, start('L', 64 * env.timers.t1)],
        };
      }
      return {
        state: { name: 'completed', interval: env.timers.t1 },
        effects: [
          stop('C'),
          stop('T'),
          { kind: 'send' },
          start('H', 64 * env.timers.t1),
          ...(env.reliable ? [] : [start('G', env.timers.t1)]),
        ],
      };
    case 'timer':
      if (event.timer === 'T' && state.silent) return { state, effects: [{ kind: 'trying' }] };
      // Nobody above has answered: not RFC 3261's, but nothing waits for ever.
      return event.timer === 'C' ? { state, effects: [{ kind: 'timeout' }] } : { state, effects: NOTHING };
    case 'ack':
      return { state, effects: NOTHING };
  }
}

function completed(
  state: Extract<ServerInviteState, { name: 'completed' }>,
  event: ServerEvent,
  env: Surroundings,
): Step<ServerInviteState> {
  if (event.kind === 'request') return { state, effects: [{ kind: 'resend' }] };
  if (event.kind === 'ack') {
    if (env.reliable) return ended([stop('H')]);
    return { state: { name: 'confirmed' }, effects: [stop('G'), stop('H'), start('I', env.timers.t4)] };
  }
  if (event.kind !== 'timer') return { state, effects: NOTHING };
  if (event.timer === 'H') return ended([]);
  if (event.timer !== 'G') return { state, effects: NOTHING };
  const interval = Math.min(2 * state.interval, env.timers.t2);
  return { state: { name: 'completed', interval }, effects: [{ kind: 'resend' }, start('G', interval)] };
}

function ended(effects: Effect[]): Step<ServerInviteState> {
  return { state: { name: 'terminated' }, effects: [...effects, { kind: 'end' }] };
}
