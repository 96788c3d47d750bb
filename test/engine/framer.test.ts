import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Framer } from '../../gateway/engine/transport/framer.js';
import { FrameReader, frame } from '../../gateway/engine/app/frames.js';

interface Seen {
  messages: string[];
  pings: number;
  oversize: string[];
  garbage: string[];
}

function framer(limit = 1000): { push: (text: string) => void; seen: Seen } {
  const seen: Seen = { messages: [], pings: 0, oversize: [], garbage: [] };
  const reader = new Framer(limit, {
    message: (text) => seen.messages.push(text),
    ping: () => seen.pings++,
    oversize: (head) => seen.oversize.push(head),
    garbage: (reason) => seen.garbage.push(reason),
  });
  return {
    push: (text) => {
      reader.push(text);
    },
    seen,
  };
}

const FIRST = 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 7\r\n\r\nab\r\n\r\nc';
const SECOND = 'SIP/2.0 200 OK\r\nVia: x\r\nl : 0\r\n\r\n';

describe('SIP messages in a stream', () => {
  const stream = `\r\n\r\n${FIRST}${SECOND}\r\n\r\n${FIRST}`;

  test('are found at every split point', () => {
    for (let a = 0; a <= stream.length; a++) {
      const { push, seen } = framer();
      push(stream.slice(0, a));
      push(stream.slice(a));
      assert.deepEqual(
        seen,
        { messages: [FIRST, SECOND, FIRST], pings: 2, oversize: [], garbage: [] },
        `split at ${a}`,
      );
    }
  });

  test('are found byte by byte', () => {
    const { push, seen } = framer();
    for (const byte of stream) push(byte);
    assert.deepEqual(seen.messages, [FIRST, SECOND, FIRST]);
    assert.equal(seen.pings, 2);
  });

  test('too large: the head is told once, the body skipped, the next message read', () => {
    const large = `MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 5000\r\n\r\n`;
    const { push, seen } = framer(200);
    push(large);
    for (let i = 0; i < 50; i++) push('x'.repeat(100));
    push(SECOND);
    assert.deepEqual(seen.oversize, [large]);
    assert.deepEqual(seen.messages, [SECOND]);
  });

  const faults: [name: string, text: string][] = [
    ['something else', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no Content-Length', 'MESSAGE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n'],
    ['two Content-Lengths that differ', 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\nxy'],
    ['a negative Content-Length', 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n'],
    ['a start line without end', 'A'.repeat(9000)],
    ['headers without end', `MESSAGE sip:a@b SIP/2.0\r\nX: ${'y'.repeat(2000)}`],
  ];
  for (const [name, text] of faults) {
    test(`${name} ends the stream`, () => {
      const { push, seen } = framer();
      push(text);
      push(SECOND);
      assert.equal(seen.garbage.length, 1);
      assert.deepEqual(seen.messages, []);
    });
  }
});

describe("frames of drachtio's app protocol", () => {
  test('are found at every split point', () => {
    const payloads = ['id|ping', `id|sip|||\r\n${FIRST}`, '7#inner'];
    const stream = payloads.map(frame).join('');
    for (let a = 0; a <= stream.length; a++) {
      const reader = new FrameReader(1000);
      assert.deepEqual([...reader.push(stream.slice(0, a)), ...reader.push(stream.slice(a))], payloads);
    }
  });

  test('anything else is refused', () => {
    assert.throws(() => new FrameReader(1000).push('hello'), /without a length/);
    assert.throws(() => new FrameReader(1000).push('#x'), /without a length/);
    assert.throws(() => new FrameReader(1000).push('1001#'), /1000 allowed/);
    assert.throws(() => new FrameReader(1000).push('123456789'), /without a length/);
  });
});
