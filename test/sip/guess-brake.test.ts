import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGuessBrake, type StartedBrake } from '../../gateway/sip/guess-brake.js';

const [SECOND, MINUTE] = [1000, 60_000];

function setUp(perUser = false) {
  const clock = { now: 0 };
  const started: StartedBrake[] = [];
  const brake = createGuessBrake(
    {
      ...{ failures: 3, failuresOfUser: 5, windowMs: 10 * MINUTE, firstMs: 30 * SECOND, longestMs: 2 * MINUTE },
      now: () => clock.now,
      observer: { wrong: () => undefined, braked: () => undefined, started: (one) => started.push(one) },
    },
    perUser,
  );
  const fail = (address: string, times = 1, user = 'office'): void => {
    for (let i = 0; i < times; i++) brake.failed(address, user);
  };
  return { brake, clock, started, fail };
}

test('it starts with the last failure of the window, once, and ends by itself', () => {
  const { brake, clock, started, fail } = setUp();
  fail('192.0.2.1', 2);
  assert.equal(brake.isOn('192.0.2.1', 'office'), false);
  fail('192.0.2.1');
  assert.equal(brake.isOn('192.0.2.1', 'office'), true);
  assert.equal(brake.isOn('192.0.2.1', 'branch'), true);
  assert.equal(brake.isOn('192.0.2.2', 'office'), false);
  assert.deepEqual(started, [{ source: '192.0.2.1', user: 'office', forMs: 30 * SECOND }]);
  clock.now += 30 * SECOND;
  assert.equal(brake.isOn('192.0.2.1', 'office'), false);
});

test('each further wrong password doubles it, up to the longest; who is quiet for long begins anew', () => {
  const { clock, started, fail } = setUp();
  fail('192.0.2.1', 3);
  for (let i = 0; i < 3; i++) {
    clock.now += started.at(-1)?.forMs ?? 0;
    fail('192.0.2.1');
  }
  assert.deepEqual(
    started.map(({ forMs }) => forMs / SECOND),
    [30, 60, 120, 120],
  );
  clock.now += 2 * 2 * MINUTE + 10 * MINUTE;
  fail('192.0.2.1', 2);
  assert.equal(started.length, 4);
});

test('failures that are far apart are no guessing', () => {
  const { clock, started, fail } = setUp();
  for (let i = 0; i < 10; i++) {
    fail('192.0.2.1');
    clock.now += 10 * MINUTE;
  }
  assert.deepEqual(started, []);
});

test('a name that is guessed from many addresses: one guess each, and nobody else is kept out', () => {
  const { brake, started, fail } = setUp();
  for (let i = 1; i <= 5; i++) fail(`192.0.2.${i}`);
  assert.equal(started.length, 0);
  fail('192.0.2.6');
  assert.equal(brake.isOn('192.0.2.6', 'office'), true);
  assert.equal(brake.isOn('192.0.2.7', 'office'), false);
  fail('192.0.2.7', 1, 'branch');
  assert.equal(brake.isOn('192.0.2.7', 'branch'), false);
});

test('of IPv6 the /64 counts, however it is written', () => {
  const { brake, fail } = setUp();
  fail('2001:db8:0:1::1');
  fail('2001:DB8:0:1:ffff:1:2:3');
  fail('2001:db8::1:0:0:0:7');
  assert.equal(brake.isOn('2001:db8:0:1:9::9', 'office'), true);
  assert.equal(brake.isOn('2001:db8:0:2::1', 'office'), false);
  fail('::1', 3);
  assert.equal(brake.isOn('::1', 'office'), true);
});

test('per user: one number with a wrong password does not stop the others', () => {
  const { brake, fail } = setUp(true);
  fail('192.0.2.1', 3, '+15550001000');
  assert.equal(brake.isOn('192.0.2.1', '+15550001000'), true);
  assert.equal(brake.isOn('192.0.2.1', '+15550001001'), false);
});

test('its memory has an end: who failed least lately is forgotten', () => {
  const { brake, fail } = setUp();
  fail('192.0.2.1', 3);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100_000; i++) fail(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.ok(process.memoryUsage().heapUsed - before < 30e6);
  assert.equal(brake.isOn('192.0.2.1', 'office'), false);
});
