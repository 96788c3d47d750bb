import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findDtmf, measureTone, measureToneSliced, parseWav, sampleSource } from '../../../simulator/media/index.js';
import { decodeAlaw, decodeUlaw, encodeAlaw, encodeUlaw } from '../../../simulator/media/g711.js';

const RATE = 8000;

function sine(hz: number, seconds: number, amplitude = 8000, rate = RATE): Int16Array {
  return Int16Array.from({ length: Math.round(seconds * rate) }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / rate)),
  );
}

const join = (...parts: Int16Array[]): Int16Array => Int16Array.from(parts.flatMap((part) => [...part]));
const mix = (a: Int16Array, b: Int16Array): Int16Array => a.map((x, i) => x + (b[i] ?? 0));

describe('measureTone', () => {
  for (const hz of [97.3, 440, 620.25, 1000, 3100]) {
    test(`finds ${hz} Hz`, () => {
      const tone = measureTone(sine(hz, 1.5), RATE);
      assert.ok(Math.abs((tone?.hz ?? 0) - hz) < 0.1, `${tone?.hz}`);
      assert.ok((tone?.purity ?? 0) > 0.999, `${tone?.purity}`);
    });
  }

  test('works at 48 kHz', () => {
    const tone = measureTone(sine(440, 1.2, 8000, 48000), 48000);
    assert.ok(Math.abs((tone?.hz ?? 0) - 440) < 0.1);
  });

  test('purity is the share of the power', () => {
    // A second tone of half the amplitude: 1 / (1 + 1/4).
    const tone = measureTone(mix(sine(440, 2), sine(1000, 2, 4000)), RATE);
    assert.ok(Math.abs((tone?.purity ?? 0) - 0.8) < 0.005, `${tone?.purity}`);
  });

  test('a hole of 40 ms shows', () => {
    const samples = sine(440, 1);
    samples.fill(0, 4000, 4320);
    // The tone explains what is there less what it would have put into the hole.
    const { purity } = measureTone(samples, RATE)!;
    assert.ok(purity > 0.94 && purity < 0.97, `${purity}`);
  });

  test('takes the best second, past silence and keys', () => {
    const keys = mix(sine(697, 0.8), sine(1209, 0.8));
    const tone = measureTone(join(new Int16Array(8000), keys, sine(620, 1.6), keys), RATE);
    assert.ok(Math.abs((tone?.hz ?? 0) - 620) < 0.1 && (tone?.purity ?? 0) > 0.999);
    assert.ok((tone?.atMs ?? 0) >= 1750);
  });

  test('silence and less than a second are nothing', () => {
    assert.equal(measureTone(new Int16Array(16000), RATE), undefined);
    assert.equal(measureTone(sine(440, 0.9), RATE), undefined);
  });

  test('speech-like audio is no tone', () => {
    const tone = measureTone(sampleSource({ kind: 'speech' }, RATE, 4 * RATE), RATE);
    assert.ok(tone !== undefined && tone.purity < 0.8, `${tone?.purity}`);
  });

  test('sliced gives the same', async () => {
    const samples = join(sine(500, 0.7), sine(620, 1.6));
    assert.deepEqual(await measureToneSliced(samples, RATE), measureTone(samples, RATE));
  });
});

describe('in-band DTMF', () => {
  const ROWS = [697, 770, 852, 941];
  const COLUMNS = [1209, 1336, 1477, 1633];
  const KEYPAD = '123A456B789C*0#D';
  const key = (name: string, seconds: number): Int16Array => {
    const at = KEYPAD.indexOf(name);
    return mix(sine(ROWS[at >> 2]!, seconds), sine(COLUMNS[at & 3]!, seconds));
  };
  const pause = new Int16Array(400);

  test('every key, its start and length', () => {
    const pcm = join(...[...KEYPAD].flatMap((name) => [pause, key(name, 0.1)]), pause);
    const found = findDtmf(pcm, RATE);
    assert.equal(found.map((k) => k.key).join(''), KEYPAD);
    found.forEach((k, n) => {
      assert.ok(Math.abs(k.durationMs - 100) <= 20, `${k.key}: ${k.durationMs} ms`);
      assert.ok(Math.abs(k.atMs - (50 + 150 * n)) <= 20, `${k.key}: at ${k.atMs} ms`);
    });
  });

  test('a single tone, speech, a short burst and a strong twist are no key', () => {
    assert.deepEqual(findDtmf(sine(697, 1), RATE), []);
    assert.deepEqual(findDtmf(sampleSource({ kind: 'speech' }, RATE, 8 * RATE), RATE), []);
    assert.deepEqual(findDtmf(join(pause, key('5', 0.03), pause), RATE), []);
    assert.deepEqual(findDtmf(mix(sine(770, 0.2, 10000), sine(1336, 0.2, 2500)), RATE), []);
  });
});

describe('G.711', () => {
  test('every code comes back as itself', () => {
    for (let code = 0; code < 256; code++) {
      assert.equal(encodeAlaw(decodeAlaw(code)), code);
      // µ-law has two zeros.
      if (code !== 0x7f) assert.equal(encodeUlaw(decodeUlaw(code)), code);
    }
  });

  test('known values (ITU-T G.711 decision values, 16-bit scale)', () => {
    assert.deepEqual([decodeAlaw(0xd5), decodeAlaw(0x55), decodeAlaw(0xaa), decodeAlaw(0x2a)], [8, -8, 32256, -32256]);
    assert.deepEqual([decodeUlaw(0xff), decodeUlaw(0x80), decodeUlaw(0x00)], [0, 32124, -32124]);
  });
});

describe('WAV', () => {
  const wav = (channels: number, samples: number[], extra = Buffer.alloc(0), dataSize?: number): Buffer => {
    const head = Buffer.alloc(44 + extra.length);
    head.write('RIFF', 0);
    head.write('WAVEfmt ', 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20);
    head.writeUInt16LE(channels, 22);
    head.writeUInt32LE(8000, 24);
    head.writeUInt16LE(16, 34);
    extra.copy(head, 36);
    head.write('data', 36 + extra.length);
    head.writeUInt32LE(dataSize ?? 2 * samples.length, 40 + extra.length);
    const data = Buffer.alloc(2 * samples.length);
    samples.forEach((sample, i) => data.writeInt16LE(sample, 2 * i));
    return Buffer.concat([head, data]);
  };

  test('reads mono, one channel of several, other chunks, and an unfinished file', () => {
    assert.deepEqual([...parseWav(wav(1, [1, -2, 3])).pcm], [1, -2, 3]);
    assert.deepEqual([...parseWav(wav(2, [1, 10, 2, 20]), 1).pcm], [10, 20]);
    const list = Buffer.from('LIST\x02\x00\x00\x00ab', 'latin1');
    assert.deepEqual([...parseWav(wav(1, [7, 8], list)).pcm], [7, 8]);
    assert.deepEqual([...parseWav(wav(1, [7, 8], undefined, 0)).pcm], [7, 8]);
    assert.deepEqual([...parseWav(wav(1, [7, 8], undefined, 1000)).pcm], [7, 8]);
  });

  test('says what is wrong', () => {
    assert.throws(() => parseWav(Buffer.from('OggS')), /not a RIFF/);
    assert.throws(() => parseWav(wav(1, [1]), 1), /channel 1: the file has 1/);
    const mulaw = wav(1, [1]);
    mulaw.writeUInt16LE(7, 20);
    assert.throws(() => parseWav(mulaw), /found encoding 7/);
  });
});
