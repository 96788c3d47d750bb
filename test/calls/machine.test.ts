import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from '../../gateway/calls/failures.js';
import { INITIAL, step } from '../../gateway/calls/machine.js';
import type { CallEffect, CallEvent, CallRules, CallState } from '../../gateway/calls/machine-types.js';

const toPbx = (attempts: number): CallRules => ({ attempts, callee: 'pbx', unreachable: FAILURES.unreachable });
const TO_WHATSAPP: CallRules = { attempts: 2, callee: 'whatsapp', unreachable: FAILURES.unreachable };

function run(rules: number | CallRules, ...events: CallEvent[]): { state: CallState; effects: CallEffect[] } {
  let state = INITIAL;
  let effects: CallEffect[] = [];
  for (const event of events) {
    const next = step(typeof rules === 'number' ? toPbx(rules) : rules, state, event);
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
    'start-timer',
  ]);
});

test('the PBX rings the caller once, whatever it sends and however often', () => {
  const early: CallEvent = { kind: 'callee-provisional', attempt: 0, status: 183 };
  assert.ok(kinds(run(1, start, opened, early).effects).includes('ring-caller'));
  assert.deepEqual(kinds(run(1, start, opened, early, early).effects), ['stop-timer']);
});

test('a host that does not answer is left for the next one, and the last one is the end', () => {
  const silent: CallEvent = { kind: 'attempt-timeout' };
  assert.deepEqual(kinds(run(2, start, opened, silent).effects), [
    ...['cancel-callee', 'dial', 'start-timer', 'start-timer'],
  ]);
  const { state } = run(2, start, opened, silent, { kind: 'callee-unreachable', attempt: 1 });
  assert.equal(state.kind === 'ended' && state.outcome.failure.code, 'unreachable');
});

test('a host that may not be tried says why, when it is the last one', () => {
  const failure = FAILURES['too-many-calls'];
  const { state } = run(1, start, opened, { kind: 'callee-unreachable', attempt: 0, failure });
  assert.deepEqual(state.kind === 'ended' && state.outcome, { by: 'gateway', failure });
});

test('a refusal that another host may not share leads to the next one, any other one to the caller', () => {
  const failure = { code: 'refused', status: 486, reason: 'x', q850: 17 };
  const refused = (tryNext: boolean): CallEvent => ({ kind: 'callee-refused', attempt: 0, failure, tryNext });
  assert.ok(kinds(run(2, start, opened, refused(true)).effects).includes('dial'));
  const told = run(2, start, opened, refused(false)).effects.find((e) => e.kind === 'refuse-caller');
  assert.deepEqual(told, { kind: 'refuse-caller', failure });
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

test('a call to WhatsApp asks first, and a denial is all the PBX hears', () => {
  assert.deepEqual(kinds(run(TO_WHATSAPP, start).effects), ['ask-permission']);
  assert.deepEqual(kinds(run(TO_WHATSAPP, start, { kind: 'permitted' }).effects), ['open-media']);
  const failure = { code: 'no-permission', status: 403, reason: 'x', q850: 57 };
  assert.deepEqual(kinds(run(TO_WHATSAPP, start, { kind: 'denied', failure }).effects), [
    'refuse-caller',
    'close-media',
    'finish',
  ]);
});

test('media toward WhatsApp starts as soon as it has answered, before the PBX knows', () => {
  const { effects } = run(TO_WHATSAPP, start, { kind: 'permitted' }, opened, answered, mediaAnswered);
  assert.deepEqual(kinds(effects), ['start-media', 'accept-caller']);
});

test('Meta is called again for another password alone', () => {
  const calling = [start, { kind: 'permitted' }, opened] as const;
  const failure = { code: 'unknown', status: 403, reason: 'x', q850: 21 };
  const again: CallEvent = { kind: 'callee-refused', attempt: 0, failure, tryNext: true };
  assert.ok(kinds(run(TO_WHATSAPP, ...calling, again).effects).includes('dial'));
  assert.ok(!kinds(run(TO_WHATSAPP, ...calling, { kind: 'attempt-timeout' }).effects).includes('dial'));
});

test('the end of its time ends a call on both legs', () => {
  for (const event of [{ kind: 'duration-timeout' }, { kind: 'session-expired' }] as const) {
    const { effects } = run(1, start, opened, answered, mediaAnswered, { kind: 'accepted' }, event);
    assert.deepEqual(kinds(effects), ['stop-timer', 'bye-caller', 'bye-callee', 'close-media', 'finish']);
  }
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
