import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallRow } from '../../../gateway/store/port.js';
import { lowPickup, pickupOf, readPickup } from '../../../gateway/whatsapp/health/index.js';
import { MemoryRecords } from '../../telemetry/memory-store.js';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const HOUR_MS = 3_600_000;
let rows = 0;

function row(change: Partial<CallRow> & { hoursAgo?: number } = {}): CallRow {
  const { hoursAgo = 1, ...fields } = change;
  const startedAtMs = NOW - hoursAgo * HOUR_MS;
  return {
    ...{ id: `c${rows++}`, direction: 'business-initiated', number: '+15551234567', trunk: 'office', answered: false },
    ...{ startedAtMs, endedAtMs: startedAtMs + 30_000, outcome: 'no-answer', details: {} },
    ...fields,
  };
}

const answered = (hoursAgo = 1): CallRow => row({ hoursAgo, answered: true, outcome: 'answered' });

test('calls that rang count, by day and by week', () => {
  const { day, week } = pickupOf([answered(1), row({ hoursAgo: 23 }), answered(25), row({ hoursAgo: 167 })], NOW);
  assert.deepEqual(day, { calls: 2, answered: 1 });
  assert.deepEqual(week, { calls: 4, answered: 2 });
});

test('what says nothing of the other side does not count', () => {
  const cases: [Partial<CallRow>, number][] = [
    [{ outcome: 'no-answer' }, 1],
    [{ outcome: 'declined' }, 1],
    [{ outcome: 'cancelled', details: { ringingMs: 900 } }, 1],
    [{ outcome: 'cancelled' }, 0],
    [{ outcome: 'no-permission' }, 0],
    [{ outcome: 'daily-limit' }, 0],
    [{ outcome: 'gateway-died', details: { ringingMs: 900 } }, 0],
    [{ direction: 'user-initiated', outcome: 'cancelled' }, 1],
    [{ direction: 'user-initiated', outcome: 'unreachable' }, 1],
  ];
  for (const [change, calls] of cases)
    assert.equal(pickupOf([row(change)], NOW).day.calls, calls, JSON.stringify(change));
  const { endedAtMs: _, ...inProgress } = row();
  assert.equal(pickupOf([inProgress], NOW).day.calls, 0);
});

test('it is low below the share, with calls enough, first of all in the last day', () => {
  const rules = { minimumCalls: 10, warnBelow: 0.5 };
  const rate = (calls: number, hits: number) => ({ calls, answered: hits });
  assert.equal(lowPickup({ day: rate(9, 0), week: rate(9, 0) }, rules), undefined);
  assert.equal(lowPickup({ day: rate(10, 5), week: rate(10, 5) }, rules), undefined);
  assert.deepEqual(lowPickup({ day: rate(10, 4), week: rate(100, 90) }, rules), { span: '24 h', rate: rate(10, 4) });
  assert.deepEqual(lowPickup({ day: rate(3, 3), week: rate(50, 20) }, rules), { span: '7 days', rate: rate(50, 20) });
});

test('records are asked for one number, one direction and a week', async () => {
  const records = new MemoryRecords();
  const put = [
    answered(1),
    row(),
    { ...row(), number: '+4420' },
    row({ direction: 'user-initiated' }),
    row({ hoursAgo: 169 }),
  ];
  for (const one of put) await records.put(one);
  const pickup = await readPickup(records, { number: '+15551234567', direction: 'business-initiated' }, NOW);
  assert.deepEqual(pickup, { day: { calls: 2, answered: 1 }, week: { calls: 2, answered: 1 } });
});
