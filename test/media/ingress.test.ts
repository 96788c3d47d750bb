import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PbxCodec } from '../../gateway/config/types.js';
import { createDecoder, createEncoder } from '../../gateway/media/conditioner/codec.js';
import { Ingress } from '../../gateway/media/conditioner/ingress.js';
import { joinOpus, opusMs, parseOpus } from '../../gateway/media/conditioner/opus-frames.js';
import { payloadOf, sequenceOf } from '../../gateway/media/conditioner/rtp.js';
import { measureTone } from '../../simulator/media/index.js';
import { rtpPacket } from './packets.js';

interface Out {
  readonly sequence: number;
  readonly payload: Buffer;
}

function ingress(to: PbxCodec): { readonly take: Ingress; readonly out: Out[] } {
  const out: Out[] = [];
  const take = new Ingress(to, (packet) => out.push({ sequence: sequenceOf(packet), payload: payloadOf(packet) }));
  take.expect([
    { payloadType: 8, codec: 'PCMA' },
    { payloadType: 0, codec: 'PCMU' },
    { payloadType: 111, codec: 'opus' },
  ]);
  return { take, out };
}

/** G.711 bytes that tell where they were. */
const ramp = (from: number, length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (from + i) & 0xff));
const joined = (out: readonly Out[]): Buffer => Buffer.concat(out.map((o) => o.payload));

for (const ptime of [10, 30, 40, 60]) {
  test(`G.711 of ${ptime} ms becomes packets of 20 ms without a byte lost`, () => {
    const { take, out } = ingress('PCMA');
    const size = ptime * 8;
    for (let i = 0; i < 12; i++) take.audio(rtpPacket(8, 100 + i, i * size, ramp(i * size, size)));
    assert.ok(out.every((o) => o.payload.length === 160));
    assert.equal(out.length, (12 * ptime) / 20);
    assert.deepEqual(joined(out), ramp(0, 12 * size));
    assert.deepEqual(
      out.map((o) => o.sequence - (out[0]?.sequence ?? 0)),
      out.map((_, i) => i),
    );
  });
}

test('a lost packet of 40 ms is two lost ones of 20 ms; of 10 ms what waited is forgotten', () => {
  const { take, out } = ingress('PCMA');
  for (const i of [0, 1, 3]) take.audio(rtpPacket(8, 100 + i, i * 320, ramp(0, 320)));
  assert.deepEqual(
    out.map((o) => o.sequence - 100),
    [0, 1, 2, 3, 6, 7],
  );
  const short = ingress('PCMA');
  for (const i of [0, 1, 2, 4, 5]) short.take.audio(rtpPacket(8, 100 + i, i * 80, ramp(i, 80)));
  assert.deepEqual(
    short.out.map((o) => o.payload[0]),
    [0, 4],
  );
});

test('packets of 20 ms pass as they are, late ones in their place; comfort noise and events count', () => {
  const { take, out } = ingress('PCMA');
  for (const i of [0, 2, 1]) take.audio(rtpPacket(8, 65_535 + i, i * 160, ramp(i, 160)));
  take.other(rtpPacket(13, 65_538, 480, Buffer.of(40)));
  take.audio(rtpPacket(8, 65_539, 4000, ramp(9, 160)));
  assert.deepEqual(
    out.map((o) => o.sequence),
    [65_535, 1, 0, 3],
  );
  assert.equal(take.audio(rtpPacket(18, 65_540, 4160, ramp(0, 20))), false);
});

for (const [from, to, type] of [
  ['PCMA', 'PCMU', 8],
  ['PCMU', 'PCMA', 0],
] as const) {
  test(`${from} becomes ${to}, within a step of either`, () => {
    const { take, out } = ingress(to);
    const all = ramp(0, 320);
    take.audio(rtpPacket(type, 1, 0, all));
    const [before, after] = [createDecoder(from).decode(all), createDecoder(to).decode(joined(out))];
    assert.equal(after.length, 320);
    for (const [i, sample] of before.entries()) {
      assert.ok(Math.abs(sample - (after[i] ?? 0)) <= Math.max(16, Math.abs(sample) / 16), `${sample} ${after[i]}`);
    }
  });
}

/** 20 ms Opus payloads of a tone of 400 Hz. */
function opusTone(count: number): Buffer[] {
  const encoder = createEncoder('opus');
  const at = (n: number): number => Math.round(8000 * Math.sin((2 * Math.PI * 400 * n) / 8000));
  const frames = Array.from({ length: count }, (_, f) =>
    encoder.encode(Int16Array.from({ length: 160 }, (_, i) => at(f * 160 + i))),
  );
  encoder.close();
  return frames;
}

function tone(codec: PbxCodec, payloads: readonly Buffer[]): number | undefined {
  const decoder = createDecoder(codec);
  const pcm = payloads.flatMap((payload) => [...decoder.decode(payload)]);
  decoder.close();
  return measureTone(Int16Array.from(pcm), 8000)?.hz;
}

test('Opus to G.711 and back keeps the tone', () => {
  const [narrow, wide] = [ingress('PCMA'), ingress('opus')];
  for (const [i, payload] of opusTone(100).entries()) narrow.take.audio(rtpPacket(111, i, i * 960, payload));
  assert.ok(narrow.out.length >= 99 && narrow.out.every((o) => o.payload.length === 160));
  for (const [i, { payload }] of narrow.out.entries()) wide.take.audio(rtpPacket(8, i, i * 160, payload));
  assert.ok(wide.out.length >= 99 && wide.out.every((o) => opusMs(o.payload) === 20));
  const heard = tone(
    'opus',
    wide.out.map((o) => o.payload),
  );
  assert.ok(heard !== undefined && Math.abs(heard - 400) < 3, `${heard}`);
  for (const { take } of [narrow, wide]) take.close();
});

test('Opus of several 20 ms frames is split by its framing, whatever the code', () => {
  const [a, b, c] = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]), Buffer.alloc(300, 7)];
  const toc = 0x08; // SILK, narrowband, 20 ms
  const cases: readonly (readonly [string, Buffer, readonly Buffer[]])[] = [
    ['code 1', Buffer.concat([Buffer.of(toc | 1), a, b]), [a, b]],
    ['code 2', Buffer.concat([Buffer.of(toc | 2, 3), a, c]), [a, c]],
    ['code 2, long', Buffer.concat([Buffer.of(toc | 2, 252, 12), c, a]), [c, a]],
    ['code 3, equal', Buffer.concat([Buffer.of(toc | 3, 2), a, b]), [a, b]],
    [
      'code 3, lengths and padding',
      Buffer.concat([Buffer.of(toc | 3, 0xc3, 2, 3, 3), a, b, c, Buffer.alloc(2)]),
      [a, b, c],
    ],
  ];
  for (const [name, payload, frames] of cases) {
    const { take, out } = ingress('opus');
    take.audio(rtpPacket(111, 1, 0, payload));
    assert.deepEqual(
      out.map((o) => o.payload),
      frames.map((f) => Buffer.concat([Buffer.of(toc), f])),
      name,
    );
  }
});

test('malformed Opus makes nothing', () => {
  const bad = [
    [0x09, 1],
    [0x0a],
    [0x0a, 9, 1],
    [0x0b],
    [0x0b, 0],
    [0x0b, 0x82, 9, 1],
    [0x0b, 0x42, 255],
    [0x0b, 0x43, 9],
  ];
  for (const bytes of bad) assert.equal(parseOpus(Buffer.from(bytes)), undefined, bytes.join(' '));
  assert.equal(parseOpus(Buffer.alloc(0)), undefined);
});

test('Opus of 10 ms is joined in pairs; lengths of all sizes survive', () => {
  for (const size of [0, 1, 251, 252, 253, 700, 1275]) {
    const frames = [Buffer.alloc(size, 1), Buffer.alloc(5, 2)];
    assert.deepEqual(parseOpus(joinOpus(0x00, frames))?.frames, frames, `${size}`);
  }
  const { take, out } = ingress('opus');
  for (let i = 0; i < 4; i++) take.audio(rtpPacket(111, i, i * 480, Buffer.from([0x00, i, i])));
  assert.equal(out.length, 2);
  assert.ok(out.every((o) => opusMs(o.payload) === 20));
});

test('an Opus frame of 60 ms, which has no parts, is coded again', () => {
  const { take, out } = ingress('opus');
  // SILK, narrowband, 60 ms: without a frame it stands for lost audio, which decodes to silence.
  for (let i = 0; i < 3; i++) take.audio(rtpPacket(111, i, i * 2880, Buffer.from([0x18])));
  assert.equal(out.length, 9);
  assert.ok(out.every((o) => opusMs(o.payload) === 20));
  take.close();
});
