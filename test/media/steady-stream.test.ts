import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvent } from '../../gateway/media/conditioner/event.js';
import { payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../../gateway/media/conditioner/rtp.js';
import { SteadyStream } from '../../gateway/media/conditioner/steady-stream.js';

const AUDIO = 8;
const EVENT = 126;
const OURS = 0xabcdef01;

interface Sent {
  readonly at: number;
  readonly type: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly silent: boolean;
  readonly duration: number | undefined;
  readonly packet: Buffer;
}

/** A stream whose clock the test owns; `tick` runs every 3 ms as in the worker. */
class Bench {
  now = 1000;
  readonly sent: Sent[] = [];
  readonly stream: SteadyStream;

  constructor(codec: 'PCMA' | 'opus' = 'PCMA') {
    const options = {
      codec,
      audio: AUDIO,
      event: EVENT,
      ssrc: OURS,
      firstSequence: 65_530,
      firstTimestamp: 2 ** 32 - 500,
    };
    this.stream = new SteadyStream(options, (packet) => this.#record(packet));
  }

  run(ms: number): this {
    for (const end = this.now + ms; this.now < end;) {
      this.now += Math.min(3, end - this.now);
      this.stream.tick(this.now);
    }
    return this;
  }

  /** From the start of the stream, with silence for a while: after 5 ms the next frame may leave. */
  started(ms = 0): this {
    this.stream.start(this.now);
    return this.run(ms);
  }

  accept(packet: Buffer): boolean {
    if (payloadTypeOf(packet) !== AUDIO) return this.stream.event(packet, this.now);
    return this.stream.accept(packet, this.now);
  }

  /** `count` audio packets, 20 ms apart. */
  speak(count: number, from: { sequence: number; timestamp: number; ssrc?: number }): this {
    for (let i = 0; i < count; i++) {
      this.accept(audio(from.sequence + i, from.timestamp + i * 160, from.ssrc));
      this.run(20);
    }
    return this;
  }

  largestGap(): number {
    return Math.max(...this.sent.slice(1).map((s, i) => s.at - (this.sent[i]?.at ?? 0)));
  }

  #record(packet: Buffer): void {
    this.sent.push({
      at: this.now,
      type: payloadTypeOf(packet),
      sequence: sequenceOf(packet),
      timestamp: timestampOf(packet),
      ssrc: ssrcOf(packet),
      silent: packet.length > 20 && packet.subarray(12).every((byte) => byte === 0xd5),
      duration: payloadTypeOf(packet) === EVENT ? readEvent(packet)?.duration : undefined,
      packet: Buffer.from(packet),
    });
  }
}

function packet(type: number, sequence: number, timestamp: number, ssrc: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

const audio = (sequence: number, timestamp: number, ssrc = 77): Buffer =>
  packet(AUDIO, sequence, timestamp, ssrc, Buffer.alloc(160, 0x2a));

function event(sequence: number, timestamp: number, duration: number, end = false, type = EVENT): Buffer {
  const payload = Buffer.from([5, end ? 0x8a : 0x0a, 0, 0]);
  payload.writeUInt16BE(duration, 2);
  return packet(type, sequence, timestamp, 77, payload);
}

/** Sequence numbers and timestamps go on without a break, whatever was sent. */
function assertSteady(sent: readonly Sent[]): void {
  for (const [i, now] of sent.entries()) {
    assert.equal(now.ssrc, OURS);
    const before = sent[i - 1];
    if (before === undefined) continue;
    assert.equal((now.sequence - before.sequence) & 0xffff, 1, `sequence after packet ${i - 1}`);
    if (before.type === AUDIO) assert.equal((now.timestamp - before.timestamp) >>> 0, 160, `timestamp of packet ${i}`);
  }
}

test('nothing leaves before the start; silence leaves at once then, and every 20 ms', () => {
  const bench = new Bench();
  assert.equal(bench.accept(audio(1, 160)), false);
  bench.run(100);
  assert.equal(bench.sent.length, 0);
  bench.started(2000);
  assert.equal(bench.sent[0]?.at, 1100);
  assert.ok(bench.sent.every((s) => s.silent));
  assert.ok(Math.abs(bench.sent.length - 101) <= 1, `${bench.sent.length} packets in 2 s`);
  assertSteady(bench.sent);
});

test('packets in time leave as they come, as one stream', () => {
  const bench = new Bench().started(5).speak(50, { sequence: 65_520, timestamp: 999 });
  const spoken = bench.sent.filter((s) => !s.silent);
  assert.equal(spoken.length, 50);
  assert.equal(bench.stream.counters.filled, 1);
  assertSteady(bench.sent);
});

test('a pause is filled with silence, no gap reaches 40 ms, and the stream goes on', () => {
  const bench = new Bench().started(5).speak(20, { sequence: 1, timestamp: 0 });
  bench.run(30_000).speak(20, { sequence: 21, timestamp: 20 * 160 });
  assert.ok(bench.largestGap() <= 30, `${bench.largestGap()} ms`);
  assert.ok(Math.abs(bench.sent.length - 1540) <= 3, `${bench.sent.length} packets`);
  assertSteady(bench.sent);
});

test('another SSRC goes on in the same stream', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.speak(10, { sequence: 40_000, timestamp: 123_456, ssrc: 99 });
  assert.equal(bench.stream.counters.restarts, 1);
  assert.equal(bench.sent.filter((s) => !s.silent).length, 20);
  assertSteady(bench.sent);
});

test('a late packet gives its place to silence and takes the next', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.run(12).accept(audio(11, 10 * 160)); // 12 ms late
  bench.run(8).speak(10, { sequence: 12, timestamp: 11 * 160 });
  const order = bench.sent.slice(-12).map((s) => s.silent);
  assert.equal(order.filter(Boolean).length, 1);
  assert.equal(bench.stream.counters.dropped, 0);
  assertSteady(bench.sent);
});

test('what a burst brings too much is dropped, and the delay it leaves behind goes away', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.run(100);
  for (let i = 11; i <= 16; i++) bench.accept(audio(i, i * 160));
  const dropped = bench.stream.counters.dropped;
  assert.ok(dropped >= 1 && dropped <= 2, `${dropped} dropped`);
  bench.speak(200, { sequence: 17, timestamp: 17 * 160 });
  const last = audio(217, 217 * 160);
  bench.accept(last);
  assert.equal(bench.sent.at(-1)?.at, bench.now, 'nothing waits any more');
  assertSteady(bench.sent);
});

test('under jitter the stream stays steady and keeps nearly everything', () => {
  const bench = new Bench().started();
  let seed = 42;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) / 0x7fffffff;
  const start = bench.now;
  const arrivals = Array.from({ length: 1500 }, (_, i) => ({ at: start + i * 20 + random() * 30, i }));
  for (const { at, i } of arrivals.sort((a, b) => a.at - b.at)) {
    while (bench.now + 3 <= at) bench.run(3);
    bench.accept(audio(i, i * 160));
  }
  assert.ok(bench.largestGap() <= 31, `${bench.largestGap()} ms`);
  assert.ok(bench.stream.counters.dropped < 60, `${bench.stream.counters.dropped} of 1500 dropped`);
  const missing = bench.sent.filter(
    (s, i) => i > 0 && ((s.sequence - (bench.sent[i - 1]?.sequence ?? 0)) & 0xffff) !== 1,
  );
  assert.ok(missing.length < 30, `${missing.length} holes`);
});

test('a loss that silence has not covered stays visible', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.speak(10, { sequence: 13, timestamp: 12 * 160 });
  const [before, after] = bench.sent.slice(-11, -9);
  assert.equal(((after?.sequence ?? 0) - (before?.sequence ?? 0)) & 0xffff, 3);
  assert.equal(((after?.timestamp ?? 0) - (before?.timestamp ?? 0)) >>> 0, 3 * 160);
});

test('duplicates and scraps of events are dropped', () => {
  const bench = new Bench().started(5).speak(2, { sequence: 1, timestamp: 0 });
  const before = bench.sent.length;
  for (const bad of [audio(2, 160), packet(EVENT, 3, 320, 77, Buffer.alloc(3))]) assert.equal(bench.accept(bad), false);
  assert.equal(bench.sent.length, before);
});

test('after a stall of our own the timestamps follow the clock, without a burst', () => {
  const bench = new Bench().started(100);
  const before = bench.sent.at(-1);
  bench.now += 500;
  bench.stream.tick(bench.now);
  const after = bench.sent.at(-1);
  assert.equal(bench.sent.length, bench.sent.indexOf(before!) + 2);
  const step = ((after?.timestamp ?? 0) - (before?.timestamp ?? 0)) >>> 0;
  assert.ok(step >= 480 * 8 && step <= 520 * 8, `${step / 8} ms`);
});

test('a key is one event: one timestamp, our payload type, its durations, and audio after it', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  for (let i = 0; i < 7; i++) {
    bench.accept(event(11 + i, 1600, Math.min(i + 1, 5) * 160, i >= 4, 101));
    bench.run(20);
  }
  bench.speak(5, { sequence: 18, timestamp: 1600 + 7 * 160 });
  const events = bench.sent.filter((s) => s.type === EVENT);
  assert.deepEqual(
    events.map((s) => s.duration),
    [160, 320, 480, 640, 800, 800, 800],
  );
  assert.equal(new Set(events.map((s) => s.timestamp)).size, 1);
  const next = bench.sent[bench.sent.indexOf(events.at(-1)!) + 1];
  assert.equal(((next?.timestamp ?? 0) - (events[0]?.timestamp ?? 0)) >>> 0, 7 * 160);
  assert.equal(bench.stream.counters.dropped, 0);
  assertSteady(bench.sent.filter((s) => s.type !== EVENT).slice(0, 11));
});

test('an event is never interrupted: it is repeated while its next packet is missing, audio within it is dropped', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.accept(event(11, 1600, 160));
  bench.run(20).accept(audio(12, 1760));
  bench.run(30).accept(event(13, 1600, 480));
  bench.run(20).accept(event(14, 1600, 640, true));
  const events = bench.sent.slice(11);
  assert.ok(
    events.every((s) => s.type === EVENT),
    events.map((s) => s.type).join(' '),
  );
  assert.equal(new Set(events.map((s) => s.timestamp)).size, 1);
  assert.ok(bench.largestGap() <= 30, `${bench.largestGap()} ms`);
});

test('ends that come after audio or silence are not taken for another key', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  for (const [i, end] of [false, false, true].entries()) {
    bench.accept(event(11 + i, 1600, (i + 1) * 160, end));
    bench.run(20);
  }
  bench.run(40).accept(event(14, 1600, 480, true));
  bench.accept(audio(15, 1600 + 5 * 160));
  bench.run(20).accept(event(16, 1600, 480, true));
  const events = bench.sent.filter((s) => s.type === EVENT);
  assert.deepEqual(
    events.map((s) => s.duration),
    [160, 320, 480, 480, 480],
  );
  assert.equal(new Set(events.map((s) => s.timestamp)).size, 1);
});

test('an event that never ends gives way to silence', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.accept(event(11, 1600, 160));
  bench.run(400);
  assert.equal(bench.sent.at(-1)?.silent, true);
  bench.speak(5, { sequence: 12, timestamp: 5000 });
  assert.equal(bench.sent.at(-1)?.silent, false);
});

test('three ends sent at once leave at once and cost no delay', () => {
  const bench = new Bench().started(5).speak(10, { sequence: 1, timestamp: 0 });
  bench.accept(event(11, 1600, 160));
  bench.run(20);
  for (const sequence of [12, 13, 14]) bench.accept(event(sequence, 1600, 320, true));
  assert.equal(bench.sent.filter((s) => s.type === EVENT && s.at === bench.now).length, 3);
  bench.run(20).accept(audio(15, 1920));
  assert.equal(bench.sent.at(-1)?.at, bench.now);
});

test("durations that Asterisk counts at 48 kHz beside Opus become 8 kHz; a PBX's right ones stay", () => {
  const wide = new Bench('opus').started(100);
  const narrow = new Bench('opus').started(100);
  for (let i = 1; i <= 5; i++) {
    wide.accept(event(i, 4800, i * 960));
    narrow.accept(event(i, 4800, i * 160));
    wide.run(20);
    narrow.run(20);
  }
  for (const bench of [wide, narrow]) {
    const durations = bench.sent.filter((s) => s.type === EVENT).map((s) => s.duration);
    assert.deepEqual([...new Set(durations)], [160, 320, 480, 640, 800]);
  }
});

/** As Asterisk 22 sends a key of 160 ms: three packets at once, one every 20 ms, three ends; see the facts in event.ts. */
function asterisksKey(bench: Bench, endDuration: number): void {
  const times = [0, 0, 10, 30, 50, 70, 90, 110, 130, 150];
  let passed = 0;
  for (const [i, at] of times.entries()) {
    bench.run(at - passed).accept(event(11 + i, 1600, (i + 1) * 160));
    passed = at;
  }
  bench.run(10);
  for (const i of [0, 1, 2]) bench.accept(event(21 + i, 1600, endDuration, true));
  bench.run(60);
}

for (const [codec, endDuration] of [
  ['opus', 7680],
  ['PCMA', 1760],
] as const) {
  test(`a key of Asterisk on ${codec} is as long as it was pressed, whatever Asterisk counts`, () => {
    const bench = new Bench(codec).started(100);
    asterisksKey(bench, endDuration);
    const durations = bench.sent.filter((s) => s.type === EVENT).map((s) => s.duration ?? 0);
    assert.ok(Math.abs((durations.at(-1) ?? 0) - 1280) <= 160, `${durations.at(-1)}: not 160 ms`);
    assert.deepEqual(
      durations,
      [...durations].sort((a, b) => a - b),
      'durations only grow',
    );
    assert.equal(durations.filter((d) => d === durations.at(-1)).length >= 3, true, 'three ends');
    assert.ok(bench.largestGap() <= 30, `${bench.largestGap()} ms`);
  });
}
