import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmission, createMemoryLedger, type AdmissionRequest, type Ticket } from '../../gateway/calls/limits.js';
import type { NumberConfig } from '../../gateway/config/types.js';
import { numberConfig, trunkConfig } from './configs.js';

const MINUTE = 60_000;
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
  return { clock, ask, ticket };
}

function call(
  number: Partial<NumberConfig> = {},
  trunk = trunkConfig('main'),
  direction: AdmissionRequest['direction'] = 'business-initiated',
): AdmissionRequest {
  return { number: numberConfig(number), trunk, direction };
}

test('calls at once: of a number, of a trunk, of the gateway, both directions together', () => {
  const { ask, ticket } = setUp(3);
  const small = trunkConfig('small', { maxCalls: 2 });
  const first = ticket(call({ maxCalls: 1 }));
  assert.equal(
    ask(call({ maxCalls: 1 }, undefined, 'user-initiated')),
    'too-many-calls: maxCalls of number +12145551869 is 1',
  );
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
