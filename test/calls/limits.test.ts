import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmission, type AdmissionRequest, type Ticket } from '../../gateway/calls/limits.js';
import type { NumberConfig } from '../../gateway/config/types.js';
import { numberConfig, trunkConfig } from './configs.js';
import { createMemoryLedger } from './memory-ledger.js';

const MINUTE = 60_000;
const NUMBER_IS_FULL = 'too-many-calls: maxCalls of number +12145551869 is 1';
/** Of a number with dailyMinutes: 10. */
const DAY_IS_FULL = 'daily-minutes: dailyMinutes of number +12145551869 is 10';

function setUp(maxCalls = 100) {
  const clock = { now: Date.UTC(2026, 10, 26, 12) };
  const ledger = createMemoryLedger();
  const admission = createAdmission({ gateway: { maxCalls }, ledger, now: () => clock.now });
  const ask = (call: AdmissionRequest): Ticket | string => {
    const admitted = admission.admit(call);
    return admitted.kind === 'ok' ? admitted.ticket : `${admitted.code}: ${admitted.detail}`;
  };
  const ticket = (call: AdmissionRequest): Ticket => {
    const admitted = ask(call);
    assert.ok(typeof admitted !== 'string', 'admitted');
    return admitted;
  };
  return { admission, clock, ask, ticket };
}

function call(
  number: Partial<NumberConfig> = {},
  trunk = trunkConfig('main'),
  direction: AdmissionRequest['direction'] = 'business-initiated',
): AdmissionRequest {
  return { number: numberConfig(number), trunks: [trunk], direction };
}

test('calls at once: of a number, of a trunk, of the gateway, both directions together', () => {
  const { ask, ticket } = setUp(3);
  const small = trunkConfig('small', { maxCalls: 2 });
  const first = ticket(call({ maxCalls: 1 }));
  assert.equal(ask(call({ maxCalls: 1 }, undefined, 'user-initiated')), NUMBER_IS_FULL);
  ticket(call({ number: '+4930901820' }, small));
  ticket(call({ number: '+4930901821' }, small, 'user-initiated'));
  assert.equal(ask(call({ number: '+4930901822' })), 'too-many-calls: gateway.maxCalls is 3');
  first.release(0);
  assert.equal(ask(call({ number: '+4930901822' }, small)), 'too-many-calls: maxCalls of trunk small is 2');
  ticket(call({ maxCalls: 1 }));
});

test('a ticket gives its place and its minutes back once', () => {
  const { ask, ticket } = setUp();
  const limited = call({ maxCalls: 2, dailyMinutes: 10 });
  const first = ticket(limited);
  ticket(limited);
  first.release(4 * MINUTE);
  first.release(4 * MINUTE);
  ticket(limited).release(2 * MINUTE);
  ticket(limited);
  assert.equal(ask(limited), 'too-many-calls: maxCalls of number +12145551869 is 2');
});

test('daily minutes: of calls that have ended and of those that run', () => {
  const { clock, ask, ticket } = setUp();
  const limited = call({ dailyMinutes: 10 });
  ticket(limited).release(6 * MINUTE);
  const running = ticket(limited);
  clock.now += 4 * MINUTE - 1;
  ticket(limited).release(0);
  clock.now += 1;
  assert.equal(ask(limited), DAY_IS_FULL);
  // It only rang: its minutes are given back.
  running.release(0);
  ticket(limited).release(4 * MINUTE);
  assert.equal(ask(limited), DAY_IS_FULL);
});

test('daily minutes are of one number and of calls to users alone', () => {
  const { ask, ticket } = setUp();
  const limited = { dailyMinutes: 10 };
  ticket(call(limited, undefined, 'user-initiated')).release(50 * MINUTE);
  ticket(call({ ...limited, number: '+4930901820' })).release(50 * MINUTE);
  ticket(call(limited)).release(10 * MINUTE);
  assert.equal(ask(call(limited)), DAY_IS_FULL);
  ticket(call(limited, undefined, 'user-initiated'));
});

test('a new day begins at midnight UTC; a call counts for the day it began', () => {
  const { clock, ask, ticket } = setUp();
  const limited = call({ dailyMinutes: 10 });
  clock.now = Date.UTC(2026, 10, 26, 23, 55);
  ticket(limited).release(10 * MINUTE);
  assert.equal(ask(limited), DAY_IS_FULL);
  clock.now = Date.UTC(2026, 10, 27);
  const late = ticket(limited);
  clock.now = Date.UTC(2026, 10, 27, 23, 59);
  const overMidnight = ticket(call({ number: '+4930901820', dailyMinutes: 10 }));
  clock.now = Date.UTC(2026, 10, 28, 0, 20);
  late.release(20 * MINUTE);
  overMidnight.release(20 * MINUTE);
  ticket(limited);
  ticket(call({ number: '+4930901820', dailyMinutes: 10 }));
});

test('a trunk that is full gives way to the next one; the call counts at the one it goes over', () => {
  const { admission, ticket } = setUp();
  const [small, large] = [trunkConfig('small', { maxCalls: 1 }), trunkConfig('large')];
  const both = { number: numberConfig(), trunks: [small, large], direction: 'user-initiated' } as const;
  const first = ticket(both);
  assert.equal(first.trunk, 'small');
  const second = ticket(both);
  assert.equal(second.trunk, 'large');
  assert.equal(second.moveTo(small)?.detail, 'maxCalls of trunk small is 1');
  assert.equal(second.trunk, 'large');
  assert.equal(first.moveTo(large), undefined);
  assert.equal(second.moveTo(small), undefined);
  assert.deepEqual([first.trunk, second.trunk], ['large', 'small']);
  const calls = (name: string) =>
    admission.figures({ numbers: [], trunks: [small, large] }).calls.find((figure) => figure.name === name);
  assert.deepEqual(calls('small'), { limit: 'trunk', name: 'small', calls: 1, max: 1, hits: 2 });
  second.release(0);
  // Over is over: it takes no place any more, wherever it is sent.
  assert.equal(second.moveTo(large), undefined);
  assert.equal(calls('small')?.calls, 0);
  assert.equal(calls('large')?.calls, 1);
});

test('all trunks full, or the number or the gateway: refused', () => {
  const { ask, ticket } = setUp(2);
  const [a, b] = [trunkConfig('a', { maxCalls: 1 }), trunkConfig('b', { maxCalls: 1 })];
  const both = { number: numberConfig(), trunks: [a, b], direction: 'user-initiated' } as const;
  ticket(both);
  assert.equal(ask({ ...both, number: numberConfig({ maxCalls: 1 }) }), NUMBER_IS_FULL);
  assert.equal(ask({ ...both, trunks: [a] }), 'too-many-calls: maxCalls of trunk a is 1');
  ticket(both);
  assert.equal(ask(both), 'too-many-calls: gateway.maxCalls is 2');
});

test('figures: what counts against each limit, and how often each was met', () => {
  const { admission, ask, ticket, clock } = setUp(3);
  const limited = call({ maxCalls: 2, dailyMinutes: 10 });
  ticket(limited).release(10 * MINUTE);
  ask(limited);
  const user = { ...limited, direction: 'user-initiated' } as const;
  ticket(user);
  ticket(user);
  ask(user);
  ticket({ ...user, number: numberConfig({ number: '+4930901820' }) });
  ask(user);
  clock.now += MINUTE;
  const figures = admission.figures({ numbers: [numberConfig(limited.number)], trunks: [trunkConfig('main')] });
  assert.deepEqual(figures, {
    calls: [
      { limit: 'gateway', name: '', calls: 3, max: 3, hits: 1 },
      { limit: 'number', name: '+12145551869', calls: 2, max: 2, hits: 1 },
      { limit: 'trunk', name: 'main', calls: 3, hits: 0 },
    ],
    minutes: [{ number: '+12145551869', max: 10, used: 10, hits: 1 }],
  });
});
