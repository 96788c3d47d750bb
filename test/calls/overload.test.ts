import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createOverloadGate } from '../../gateway/calls/overload.js';

function gate(t: TestContext): { late: (delayMs: number, ms: number) => void; refused: (calls: number) => number } {
  let delay = 0;
  t.mock.timers.enable({ apis: ['setInterval'] });
  const made = createOverloadGate({ delayMs: () => delay, limitMs: 15, sampleMs: 100 });
  t.after(() => made.close());
  return {
    late: (delayMs, ms) => {
      delay = delayMs;
      t.mock.timers.tick(ms);
    },
    refused: (calls) => Array.from({ length: calls }, () => made.admit()).filter((taken) => !taken).length,
  };
}

test('a loop that is in time takes every call', (t) => {
  const { late, refused } = gate(t);
  late(14, 10_000);
  assert.equal(refused(1000), 0);
});

test('one long turn refuses hardly anybody', (t) => {
  const { late, refused } = gate(t);
  late(400, 100);
  assert.ok(refused(100) <= 10);
  late(0, 100);
  assert.equal(refused(100), 0);
});

test('a loop that stays late refuses more and more, and takes calls again once it is not', (t) => {
  const { late, refused } = gate(t);
  late(100, 500);
  const some = refused(100);
  assert.ok(some >= 49 && some <= 51, `${some} of 100`);
  late(100, 600);
  assert.ok(refused(100) >= 99);
  late(0, 1000);
  assert.equal(refused(100), 0);
});
