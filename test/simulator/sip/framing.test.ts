import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Framer } from '../../../simulator/sip/framing.js';
import { headerList, parameter, parseSipText } from '../../../simulator/sip/sip-text.js';

function frame(...chunks: Buffer[]): string[] {
  const seen: string[] = [];
  const framer = new Framer({
    message: (raw) => seen.push(raw),
    ping: () => seen.push('ping'),
    broken: (why) => seen.push(`broken: ${why}`),
  });
  for (const chunk of chunks) framer.push(chunk);
  return seen;
}

const WITH_BODY = 'SIP/2.0 200 OK\r\nContent-Length: 6\r\n\r\nžluť';
const COMPACT = 'BYE sip:a SIP/2.0\r\nl:0\r\n\r\n';

test('messages are found wherever the stream was cut, lengths counted in bytes', () => {
  const stream = Buffer.from(`\r\n\r\n${WITH_BODY}${COMPACT}\r\n${COMPACT}`);
  const whole = frame(stream);
  assert.deepEqual(whole, ['ping', WITH_BODY, COMPACT, COMPACT]);
  for (let cut = 4; cut < stream.length; cut++) {
    assert.deepEqual(frame(stream.subarray(0, cut), stream.subarray(cut)), whole);
  }
});

test('what cannot be framed breaks the stream, once', () => {
  assert.deepEqual(frame(Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from(COMPACT)), [
    'broken: message without Content-Length on a stream',
  ]);
  assert.deepEqual(frame(Buffer.alloc((1 << 20) + 1, 'x')), ['broken: header longer than 1 MiB']);
  assert.deepEqual(frame(Buffer.from('A\r\nContent-Length: 99999999\r\n\r\n')), ['broken: message longer than 1 MiB']);
});

test('lists are split outside quotes and brackets, parameters are those after the address', () => {
  const text = parseSipText('A\r\nm: "a, b" <sip:x;y=1,2>;q=1, <sip:z>\r\nContact: <sip:w>\r\n ;q=0\r\n\r\n');
  assert.ok(text);
  const contacts = headerList(text, 'contact');
  assert.deepEqual(contacts, ['"a, b" <sip:x;y=1,2>;q=1', '<sip:z>', '<sip:w> ;q=0']);
  assert.deepEqual(
    contacts.map((value) => parameter(value, 'q')),
    ['1', undefined, '0'],
  );
  assert.equal(parameter(contacts[0] ?? '', 'y'), undefined);
  assert.equal(parameter('SIP/2.0/TLS [::1]:5;rport;branch=z9', 'rport'), '');
  assert.equal(parseSipText('A\r\nno colon here\r\n\r\n'), undefined);
});
