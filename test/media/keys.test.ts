import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvent } from '../../gateway/media/conditioner/event.js';
import { createDecoder } from '../../gateway/media/conditioner/codec.js';
import { payloadOf, payloadTypeOf, timestampOf } from '../../gateway/media/conditioner/rtp.js';
import { SteadyStream } from '../../gateway/media/conditioner/steady-stream.js';
import { findDtmf } from '../../simulator/media/index.js';
import { TelephoneEvents } from '../../simulator/media/telephone-events.js';
import { rtpPacket } from './packets.js';

const EVENT = 126;

/** A stream whose receiver collects keys; the PBX sends from sequence number 1 on, a packet every 20 ms. */
class Keypad {
  now = 1000;
  readonly sent: Buffer[] = [];
  readonly #received = new TelephoneEvents(
    () => 0,
    () => undefined,
  );
  readonly stream: SteadyStream;
  #sequence = 0;
  #timestamp = 0;
  #largestGap = 0;
  #lastAt = 1000;

  constructor(codec: 'PCMA' | 'opus' = 'PCMA', event: number | null = EVENT) {
    const more = event === null ? {} : { event };
    const options = { codec, audio: 8, ...more, ssrc: 1, firstSequence: 1, firstTimestamp: 2 ** 32 - 1000 };
    this.stream = new SteadyStream(options, (packet) => {
      this.sent.push(Buffer.from(packet));
      this.#largestGap = Math.max(this.#largestGap, this.now - this.#lastAt);
      this.#lastAt = this.now;
      if (payloadTypeOf(packet) === EVENT) this.#received.packet(this.now, timestampOf(packet), payloadOf(packet));
    });
    this.stream.start(this.now);
  }

  pass(ms: number): this {
    for (const end = this.now + ms; this.now < end;) {
      this.now += Math.min(3, end - this.now);
      this.stream.tick(this.now);
    }
    return this;
  }

  speak(packets: number): this {
    for (let i = 0; i < packets; i++) {
      this.stream.accept(rtpPacket(8, ++this.#sequence, this.#timestamp, Buffer.alloc(160, 0x2a)), this.now);
      this.#timestamp += 160;
      this.pass(20);
    }
    return this;
  }

  /** As RFC 4733 has it; segments for what is longer than its duration field. */
  press(code: number, ms: number, ends = 3): this {
    let [began, length] = [this.#timestamp, 0];
    for (let left = ms; left > 0; left -= 20) {
      length += Math.min(left, 20) * 8;
      if (length > 0xffff) [began, length] = [began + 0xffff, length - 0xffff];
      if (left <= 20) break;
      this.#event(code, began, length, false);
      this.pass(20);
    }
    for (let i = 0; i < ends; i++) {
      this.#event(code, began, length, true);
      this.pass(20);
    }
    this.#timestamp += ms * 8 + ends * 160;
    return this;
  }

  get keys(): readonly (readonly [string, number])[] {
    this.#received.flush();
    return this.#received.digits.map((d) => [d.key, Math.round(d.durationMs)]);
  }

  get largestGap(): number {
    return this.#largestGap;
  }

  #event(code: number, timestamp: number, duration: number, end: boolean): void {
    const payload = Buffer.from([code, end ? 0x8a : 0x0a, 0, 0]);
    payload.writeUInt16BE(duration, 2);
    this.stream.event(rtpPacket(101, ++this.#sequence, timestamp, payload), this.now);
  }
}

test('fast keys and the same key again arrive once each, with their lengths', () => {
  const pad = new Keypad().speak(10);
  for (const code of [5, 5, 5, 11]) pad.press(code, 40).speak(2);
  pad.press(7, 60).press(7, 80).speak(20);
  assert.deepEqual(pad.keys, [
    ['5', 40],
    ['5', 40],
    ['5', 40],
    ['#', 40],
    ['7', 60],
    ['7', 80],
  ]);
  assert.ok(pad.largestGap <= 30, `${pad.largestGap} ms`);
});

test('a key of twelve seconds, in segments, arrives once, as one of eight', () => {
  const pad = new Keypad().speak(5).press(9, 12_000).speak(10).press(1, 100).speak(10);
  assert.deepEqual(pad.keys, [
    ['9', 8000],
    ['1', 100],
  ]);
  assert.ok(pad.largestGap <= 30, `${pad.largestGap} ms`);
});

test('a key whose end is lost ends all the same', () => {
  const pad = new Keypad().speak(5).press(3, 100, 0).pass(500).speak(5);
  const [[key, ms] = ['', 0]] = pad.keys;
  assert.equal(key, '3');
  assert.ok(ms >= 80 && ms <= 420, `${ms}`);
  assert.equal(pad.keys.length, 1);
  const last = pad.sent.filter((p) => payloadTypeOf(p) === EVENT).at(-1);
  assert.equal(last && readEvent(last)?.ends, true);
});

test('keys of SIP INFO are whole events between the audio, one after the other', () => {
  const pad = new Keypad().speak(10);
  pad.stream.press(1, 100);
  pad.stream.press(1, 100);
  pad.stream.press(10, 250);
  pad.speak(60);
  assert.deepEqual(pad.keys, [
    ['1', 100],
    ['1', 100],
    ['*', 250],
  ]);
  const events = pad.sent.filter((p) => payloadTypeOf(p) === EVENT);
  assert.equal(events.filter((p) => readEvent(p)?.ends).length, 9);
  assert.equal(events.filter((p) => (p[1]! & 0x80) !== 0).length, 3, 'the first packet of each has the marker');
  assert.ok(pad.largestGap <= 30, `${pad.largestGap} ms`);
});

test('keys of SIP INFO come also while the PBX is silent', () => {
  const pad = new Keypad().pass(200);
  pad.stream.press(15, 160);
  pad.pass(600);
  assert.deepEqual(pad.keys, [['D', 160]]);
});

for (const codec of ['PCMA', 'opus'] as const) {
  test(`without telephone-event keys are tones in ${codec}, parted by a pause`, () => {
    const pad = new Keypad(codec, null).pass(100);
    pad.press(4, 100).press(4, 60).pass(100);
    pad.stream.press(13, 160);
    pad.pass(500);
    assert.ok(pad.sent.every((p) => payloadTypeOf(p) === 8));
    const decoder = createDecoder(codec);
    const pcm = pad.sent.flatMap((p) => [...decoder.decode(payloadOf(p))]);
    decoder.close();
    const found = findDtmf(Int16Array.from(pcm), 8000);
    assert.equal(found.map((d) => d.key).join(''), '44B');
    assert.ok(pad.largestGap <= 30, `${pad.largestGap} ms`);
  });
}
