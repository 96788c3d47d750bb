import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createOverloadGate } from '../../gateway/calls/overload.js';

function gate(t: TestContext): { busy: (share: number, ms: number) => void; refused: (calls: number) => number } {
  let share = 0;
  t.mock.timers.enable({ apis: ['setInterval'] });
  const made = createOverloadGate({ utilization: () => share, target: 0.85, sampleMs: 100 });
  t.after(() => made.close());
  return {
    busy: (busy, ms) => {
      share = busy;
      t.mock.timers.tick(ms);
    },
    refused: (calls) => Array.from({ length: calls }, () => made.admit()).filter((taken) => !taken).length,
  };
}

test('a loop with time to spare takes every call', (t) => {
  const { busy, refused } = gate(t);
  busy(0.8, 10_000);
  assert.equal(refused(1000), 0);
});

test('one long turn refuses hardly anybody', (t) => {
  const { busy, refused } = gate(t);
  busy(1, 100);
  assert.ok(refused(100) <= 11);
  busy(0.1, 200);
  assert.equal(refused(100), 0);
});

test('a loop that stays busy refuses more and more, and takes calls again once it is not', (t) => {
  const { busy, refused } = gate(t);
  busy(1, 500);
  const some = refused(100);
  assert.ok(some > 30 && some < 70, `${some} of 100`);
  busy(1, 1000);
  assert.ok(refused(100) >= 99);
  busy(0.5, 500);
  assert.equal(refused(100), 0);
});
