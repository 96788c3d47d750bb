import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from '../../gateway/calls/failures.js';
import { INITIAL, step, type CallEffect, type CallEvent, type CallState } from '../../gateway/calls/machine.js';

function run(hosts: number, ...events: CallEvent[]): { state: CallState; effects: CallEffect[] } {
  let state = INITIAL;
  let effects: CallEffect[] = [];
  for (const event of events) {
    const next = step(hosts, state, event);
    state = next.state;
    effects = [...next.effects];
  }
  return { state, effects };
}

const start: CallEvent = { kind: 'start' };
const opened: CallEvent = { kind: 'media-opened' };
const answered: CallEvent = { kind: 'callee-answered', attempt: 0, sdp: 'pbx' };
const mediaAnswered: CallEvent = { kind: 'media-answered', sdp: 'meta' };
const kinds = (effects: CallEffect[]): string[] => effects.map((e) => e.kind);

test('a call that is answered accepts the caller, then starts media', () => {
  assert.deepEqual(kinds(run(1, start, opened, answered).effects), ['stop-timer', 'stop-timer', 'answer-media']);
  assert.deepEqual(run(1, start, opened, answered, mediaAnswered).effects, [{ kind: 'accept-caller', sdp: 'meta' }]);
  assert.deepEqual(kinds(run(1, start, opened, answered, mediaAnswered, { kind: 'accepted' }).effects), [
    'start-media',
  ]);
});

test('the PBX rings the caller once, whatever it sends and however often', () => {
  const early: CallEvent = { kind: 'callee-provisional', attempt: 0, status: 183 };
  assert.ok(kinds(run(1, start, opened, early).effects).includes('ring-caller'));
  assert.deepEqual(kinds(run(1, start, opened, early, early).effects), ['stop-timer']);
});

test('a host that does not answer is left for the next one, and the last one is the end', () => {
  const silent: CallEvent = { kind: 'attempt-timeout' };
  assert.deepEqual(kinds(run(2, start, opened, silent).effects), ['cancel-callee', 'dial', 'start-timer']);
  const { state } = run(2, start, opened, silent, { kind: 'callee-unreachable', attempt: 1 });
  assert.equal(state.kind === 'ended' && state.outcome.code, 'unreachable');
});

test('a host that is overloaded is left for the next one, a busy extension is not', () => {
  const refused = (status: number): CallEvent => ({ kind: 'callee-refused', attempt: 0, status, reason: 'x' });
  assert.ok(kinds(run(2, start, opened, refused(503)).effects).includes('dial'));
  const busy = run(2, start, opened, refused(486)).effects.find((e) => e.kind === 'refuse-caller');
  assert.deepEqual(busy, { kind: 'refuse-caller', failure: { status: 486, reason: 'x', q850: 17 } });
});

test('once a host rang, no other one is tried', () => {
  const rang: CallEvent = { kind: 'callee-provisional', attempt: 0, status: 180 };
  assert.ok(!kinds(run(2, start, opened, rang, { kind: 'callee-unreachable', attempt: 0 }).effects).includes('dial'));
});

test('a 200 that crossed the CANCEL is hung up when it turns out to have won', () => {
  const { effects } = run(
    1,
    start,
    opened,
    answered,
    mediaAnswered,
    { kind: 'caller-cancelled' },
    { kind: 'accepted' },
  );
  assert.deepEqual(effects, [{ kind: 'bye-caller', failure: FAILURES.cancelled }]);
});

test('the reason of a BYE crosses to the other leg', () => {
  const end = { by: 'peer', reason: 'Q.850;cause=17;text="User busy"' } as const;
  const { effects } = run(
    1,
    start,
    opened,
    answered,
    mediaAnswered,
    { kind: 'accepted' },
    { kind: 'callee-ended', end },
  );
  const bye = effects.find((e) => e.kind === 'bye-caller');
  assert.equal(bye?.failure.q850, 17);
});
