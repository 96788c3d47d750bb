import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ear } from '../../../simulator/media/ear.js';
import { ReceiveStats } from '../../../simulator/media/receive-stats.js';
import { TelephoneEvents } from '../../../simulator/media/telephone-events.js';
import type { ReceivedDigit } from '../../../simulator/media/index.js';

function receive(sequences: readonly number[], arrival = (n: number): number => 20 * n): ReceiveStats {
  const stats = new ReceiveStats();
  sequences.forEach((sequence, n) => stats.packet(arrival(n), 1, 111, sequence & 0xffff, 960 * n, 48000));
  return stats;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

describe('receive statistics', () => {
  test('nothing lost, across the wrap', () => {
    const { packets, lost, reordered, duplicates } = receive(range(65500, 65600)).counters;
    assert.deepEqual({ packets, lost, reordered, duplicates }, { packets: 100, lost: 0, reordered: 0, duplicates: 0 });
  });

  test('lost, reordered and duplicate packets are told apart', () => {
    const { packets, expected, lost, reordered, duplicates } = receive([1, 2, 4, 3, 3, 7, 8, 8, 10, 5]).counters;
    assert.deepEqual(
      { packets, expected, lost, reordered, duplicates },
      { packets: 8, expected: 10, lost: 2, reordered: 2, duplicates: 2 },
    );
  });

  test('reordering at the very start and at the wrap', () => {
    assert.deepEqual(receive([0, 65535, 1]).counters, {
      packets: 3,
      expected: 3,
      lost: 0,
      reordered: 1,
      duplicates: 0,
    });
  });

  test('a jump of the sequence starts anew and is not 20 000 lost packets', () => {
    const { lost, packets } = receive([...range(1, 11), ...range(30001, 30011)]).counters;
    assert.deepEqual({ lost, packets }, { lost: 0, packets: 20 });
  });

  test('two SSRCs are counted each for itself', () => {
    const stats = new ReceiveStats();
    for (const n of range(0, 10)) stats.packet(20 * n, n < 5 ? 1 : 2, 8, n < 5 ? n : 5000 + n, 160 * n, 8000);
    assert.deepEqual([stats.ssrcCount, stats.counters.lost], [2, 0]);
  });

  test('largest gap, the end included', () => {
    const stats = receive(range(1, 11), (n) => 20 * n + (n > 4 ? 35 : 0));
    assert.equal(stats.largestGapMs, 55);
    stats.gapUntil(9 * 20 + 35 + 90);
    assert.equal(stats.largestGapMs, 90);
  });

  test('the sure gap leaves out what this process was held up', () => {
    const stats = new ReceiveStats();
    for (const [at, heldUp] of [
      [0, 0],
      [80, 55],
      [80, 55],
      [110, 0],
    ] as const) {
      stats.packet(at, 1, 8, at, 0, undefined, heldUp);
    }
    assert.deepEqual([stats.largestGapMs, stats.largestSureGapMs], [80, 30]);
  });

  test('jitter of RFC 3550', () => {
    assert.equal(receive(range(1, 50)).jitterMs, 0);
    // Every other packet 4 ms late: the estimate nears 4 ms.
    const { jitterMs } = receive(range(0, 200), (n) => 20 * n + (n % 2) * 4);
    assert.ok(jitterMs > 3.5 && jitterMs <= 4, `${jitterMs}`);
  });
});

describe('telephone events', () => {
  const event = (key: number, duration: number, end = false): Buffer =>
    Buffer.from([key, (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);
  const collect = (packets: readonly [ms: number, timestamp: number, payload: Buffer][]): readonly ReceivedDigit[] => {
    const events = new TelephoneEvents(
      () => 1000,
      () => undefined,
    );
    for (const packet of packets) events.packet(...packet);
    events.flush();
    return events.digits;
  };

  test('one key from growing durations and three ends', () => {
    assert.deepEqual(
      collect([
        [1000, 5000, event(11, 160)],
        [1020, 5000, event(11, 320)],
        [1040, 5000, event(11, 480, true)],
        [1060, 5000, event(11, 480, true)],
        [1080, 5000, event(11, 480, true)],
      ]),
      [{ key: '#', via: 'rfc4733', durationMs: 60, arrivalMs: 60, atMs: 0 }],
    );
  });

  test('the same key twice, its ends lost, is two keys', () => {
    const digits = collect([
      [0, 100, event(5, 160)],
      [20, 100, event(5, 320)],
      [120, 1060, event(5, 160)],
      [140, 1060, event(5, 320, true)],
      [150, 100, event(5, 320, true)], // late repeat of the first key
    ]);
    assert.deepEqual(
      digits.map((d) => [d.key, d.durationMs]),
      [
        ['5', 40],
        ['5', 40],
      ],
    );
  });

  test('flash, tones and cut packets are no keys', () => {
    assert.deepEqual(
      collect([
        [0, 1, event(16, 800, true)],
        [20, 2, Buffer.from([1, 2])],
      ]),
      [],
    );
  });

  test('durations of another clock are found out, and a key that was read at once after a stall is none', () => {
    const violations = (unitsAPacket: number, msAPacket: number): string[] => {
      const found: string[] = [];
      const ear = new Ear(1000, () => 0, { onViolation: (rule) => found.push(rule), onDigit: () => undefined });
      ear.expect([{ payloadType: 111, codec: 'opus' }], 126);
      for (let n = 1; n <= 6; n++) {
        const header = Buffer.from([0x80, 126, 0, n, 0, 0, 0, 9, 0, 0, 0, 1]);
        ear.packet(Buffer.concat([header, event(5, n * unitsAPacket, n === 6)]), n * msAPacket);
      }
      return found;
    };
    assert.deepEqual(violations(160, 20), []);
    assert.deepEqual(violations(160, 0), []);
    assert.deepEqual(violations(960, 20), ['event-clock']);
    assert.deepEqual(violations(960, 0), ['event-clock']);
  });
});
