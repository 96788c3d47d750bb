import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  clientInvite,
  type ClientEvent,
  type ClientInviteState,
} from '../../gateway/engine/transaction/client-invite.js';
import { clientOther, type ClientOtherState } from '../../gateway/engine/transaction/client-other.js';
import {
  serverInvite,
  type ServerEvent,
  type ServerInviteState,
} from '../../gateway/engine/transaction/server-invite.js';
import { serverOther, type ServerOtherState } from '../../gateway/engine/transaction/server-other.js';
import type { Effect, Step, Surroundings, TimerName } from '../../gateway/engine/transaction/machine.js';

const UDP: Surroundings = { reliable: false, timers: { t1: 500, t2: 4000, t4: 5000 }, limit: 180_000 };
const TLS: Surroundings = { ...UDP, reliable: true };

/** Effects as short words: `send`, `+A500` (start), `-A` (stop), … */
function words(effects: readonly Effect[]): string {
  return effects
    .map((e) => (e.kind === 'start' ? `+${e.timer}${e.after}` : e.kind === 'stop' ? `-${e.timer}` : e.kind))
    .join(' ');
}

/** Drives a machine through events; each row is the event, the effects and the state after it. */
function rows<S extends { name: string }, E>(
  machine: (state: S, event: E, env: Surroundings) => Step<S>,
  env: Surroundings,
  first: S,
  table: [event: E, effects: string, state: string][],
): void {
  let state = first;
  for (const [event, effects, name] of table) {
    const step = machine(state, event, env);
    assert.deepEqual([words(step.effects), step.state.name], [effects, name], JSON.stringify(event));
    state = step.state;
  }
}

const start = { kind: 'start' } as const;
const cancel = { kind: 'cancel' } as const;
const again = { kind: 'request' } as const;
const ack = { kind: 'ack' } as const;
const timer = (name: TimerName): { kind: 'timer'; timer: TimerName } => ({ kind: 'timer', timer: name });
const response = (status: number): { kind: 'response'; status: number } => ({ kind: 'response', status });
const respond = (status: number): { kind: 'respond'; status: number } => ({ kind: 'respond', status });
const lost = (established: boolean): { kind: 'lost'; established: boolean } => ({ kind: 'lost', established });

describe('INVITE client transaction (17.1.1, RFC 6026)', () => {
  const run = (env: Surroundings, table: [ClientEvent, string, string][]): void => {
    rows<ClientInviteState, ClientEvent>(clientInvite, env, { name: 'calling', interval: 500, cancel: 'no' }, table);
  };

  test('repeats over UDP at doubling intervals until Timer B', () => {
    run(UDP, [
      [start, 'send +B32000 +A500', 'calling'],
      [timer('A'), 'resend +A1000', 'calling'],
      [timer('A'), 'resend +A2000', 'calling'],
      [timer('B'), 'timeout end', 'terminated'],
    ]);
  });
  test('does not repeat over TLS', () => {
    run(TLS, [[start, 'send +B32000', 'calling']]);
  });
  test('rings and is refused: ACK, and ACK again for each repetition', () => {
    run(UDP, [
      [start, 'send +B32000 +A500', 'calling'],
      [response(180), '-A -B +C180000 deliver', 'proceeding'],
      [response(180), 'deliver +C180000', 'proceeding'],
      [response(486), '-C -X ack deliver +D32000', 'completed'],
      [response(486), 'ack', 'completed'],
      [timer('D'), 'end', 'terminated'],
    ]);
  });
  test('is answered: every 2xx goes up', () => {
    run(TLS, [
      [start, 'send +B32000', 'calling'],
      [response(200), '-A -B deliver +M32000', 'accepted'],
      [response(200), 'deliver', 'accepted'],
      [response(486), '', 'accepted'],
      [timer('M'), 'end', 'terminated'],
    ]);
  });
  test('a CANCEL waits for a provisional and has its own limit', () => {
    run(UDP, [
      [start, 'send +B32000 +A500', 'calling'],
      [cancel, '', 'calling'],
      [timer('A'), 'resend +A1000', 'calling'],
      [response(100), '-A -B deliver cancel -C +X32000', 'proceeding'],
      [cancel, '', 'proceeding'],
      [timer('X'), 'timeout end', 'terminated'],
    ]);
  });
  test('a held CANCEL that meets a 200 is not sent', () => {
    run(TLS, [
      [start, 'send +B32000', 'calling'],
      [cancel, '', 'calling'],
      [response(200), '-A -B deliver +M32000', 'accepted'],
      [cancel, '', 'accepted'],
    ]);
  });
  test('ringing without end is cancelled', () => {
    run(TLS, [
      [start, 'send +B32000', 'calling'],
      [response(180), '-A -B +C180000 deliver', 'proceeding'],
      [timer('C'), 'cancel -C +X32000', 'proceeding'],
      [response(487), '-C -X ack deliver end', 'terminated'],
    ]);
  });
  test('a lost connection: sent again when it was up, failed when it never was, waited for once there was an answer', () => {
    run(TLS, [
      [start, 'send +B32000', 'calling'],
      [lost(true), 'resend', 'calling'],
      [lost(false), 'lost end', 'terminated'],
    ]);
    run(TLS, [
      [start, 'send +B32000', 'calling'],
      [response(180), '-A -B +C180000 deliver', 'proceeding'],
      [lost(true), '', 'proceeding'],
      [response(200), '-C -X deliver +M32000', 'accepted'],
    ]);
  });
});

describe('non-INVITE client transaction (17.1.2)', () => {
  const run = (env: Surroundings, table: [ClientEvent, string, string][]): void => {
    rows<ClientOtherState, ClientEvent>(clientOther, env, { name: 'trying', interval: 500 }, table);
  };
  test('repeats up to T2, at T2 after a provisional', () => {
    run(UDP, [
      [start, 'send +F32000 +E500', 'trying'],
      [timer('E'), 'resend +E1000', 'trying'],
      [timer('E'), 'resend +E2000', 'trying'],
      [timer('E'), 'resend +E4000', 'trying'],
      [timer('E'), 'resend +E4000', 'trying'],
      [response(100), 'deliver', 'proceeding'],
      [timer('E'), 'resend +E4000', 'proceeding'],
      [response(200), '-E -F deliver +K5000', 'completed'],
      [response(200), '', 'completed'],
      [timer('K'), 'end', 'terminated'],
    ]);
  });
  test('times out', () => {
    run(TLS, [
      [start, 'send +F32000', 'trying'],
      [timer('F'), 'timeout end', 'terminated'],
    ]);
  });
  test('ends at once over TLS', () => {
    run(TLS, [
      [start, 'send +F32000', 'trying'],
      [response(481), '-F deliver end', 'terminated'],
    ]);
  });
});

describe('INVITE server transaction (17.2.1, RFC 6026)', () => {
  const run = (env: Surroundings, table: [ServerEvent, string, string][]): void => {
    rows<ServerInviteState, ServerEvent>(serverInvite, env, { name: 'proceeding', silent: true }, table);
  };
  test('a refusal is repeated over UDP until its ACK', () => {
    run(UDP, [
      [start, '+C180000 +T150', 'proceeding'],
      [timer('T'), 'trying', 'proceeding'],
      [respond(100), '-T send +C180000', 'proceeding'],
      [again, 'resend', 'proceeding'],
      [respond(486), '-C -T send +H32000 +G500', 'completed'],
      [timer('G'), 'resend +G1000', 'completed'],
      [again, 'resend', 'completed'],
      [ack, '-G -H +I5000', 'confirmed'],
      [again, '', 'confirmed'],
      [timer('I'), 'end', 'terminated'],
    ]);
  });
  test('Timer G ends at T2', () => {
    run({ ...UDP, timers: { ...UDP.timers, t2: 800 } }, [
      [respond(486), '-C -T send +H32000 +G500', 'completed'],
      [timer('G'), 'resend +G800', 'completed'],
      [timer('G'), 'resend +G800', 'completed'],
      [timer('H'), 'end', 'terminated'],
    ]);
  });
  test('over TLS the ACK ends it', () => {
    run(TLS, [
      [respond(486), '-C -T send +H32000', 'completed'],
      [ack, '-H end', 'terminated'],
    ]);
  });
  test('after a 2xx the INVITE is absorbed', () => {
    run(UDP, [
      [respond(200), '-C -T send +L32000', 'accepted'],
      [again, '', 'accepted'],
      [ack, '', 'accepted'],
      [timer('L'), 'end', 'terminated'],
    ]);
  });
  test('100 is sent when the request comes again before anybody answers, and not after a ringing', () => {
    run(UDP, [
      [start, '+C180000 +T150', 'proceeding'],
      [again, 'trying', 'proceeding'],
      [respond(100), '-T send +C180000', 'proceeding'],
    ]);
    run(UDP, [
      [start, '+C180000 +T150', 'proceeding'],
      [respond(180), '-T send +C180000', 'proceeding'],
      [timer('T'), '', 'proceeding'],
      [again, 'resend', 'proceeding'],
    ]);
  });
  test('nobody answers: the owner is told', () => {
    run(UDP, [[timer('C'), 'timeout', 'proceeding']]);
  });
});

describe('non-INVITE server transaction (17.2.2)', () => {
  const run = (env: Surroundings, table: [ServerEvent, string, string][]): void => {
    rows<ServerOtherState, ServerEvent>(serverOther, env, { name: 'trying' }, table);
  };
  test('repeats its response to repeated requests', () => {
    run(UDP, [
      [start, '+F32000', 'trying'],
      [again, '', 'trying'],
      [respond(200), '-F send +J32000', 'completed'],
      [again, 'resend', 'completed'],
      [timer('J'), 'end', 'terminated'],
    ]);
  });
  test('no answer: it ends without one (RFC 4320)', () => {
    run(TLS, [[timer('F'), 'timeout end', 'terminated']]);
  });
});
