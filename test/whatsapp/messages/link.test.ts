import assert from 'node:assert/strict';
import { test } from 'node:test';
import QRCode from 'qrcode';
import { callLink, LinkError, qrLines, qrPng } from '../../../gateway/whatsapp/messages/index.js';
import { pixelsOf } from './png.js';

const LINK = 'https://wa.me/call/442071838750?biz_payload=order%2042%20%26%20more';

test('the link has the digits of the number, and the payload percent-encoded', () => {
  assert.equal(callLink('+442071838750'), 'https://wa.me/call/442071838750');
  assert.equal(callLink('+442071838750', 'order 42 & more'), LINK);
  const { pathname, searchParams } = new URL(callLink('+15551234567', 'a+b=c/ü#?%'));
  assert.deepEqual([pathname, searchParams.get('biz_payload')], ['/call/15551234567', 'a+b=c/ü#?%']);
});

test('a number or payload that would make a useless link is refused', () => {
  const cases: [string, string | undefined, string][] = [
    [
      '442071838750',
      undefined,
      'number: found "442071838750", allowed an E.164 number with its + such as +15551234567',
    ],
    ['+0123', undefined, 'number: found "+0123", allowed an E.164 number with its + such as +15551234567'],
    ['+442071838750', '', 'payload: found nothing, allowed a text; leave it out for none'],
    ['+442071838750', 'a\r\nX-Evil: 1', 'payload: found a control character, allowed one line of text'],
    ['+442071838750', 'é'.repeat(513), 'payload: found 513 characters, allowed 512'],
  ];
  for (const [number, payload, message] of cases) {
    assert.throws(() => callLink(number, payload), { name: 'LinkError', message });
  }
  assert.ok(callLink('+442071838750', '😀'.repeat(512)), 'characters, not UTF-16 units');
  assert.ok(new LinkError('x') instanceof Error);
});

/** Dark modules by row, the quiet zone of 4 included, as another reading of the same text gives them. */
function expected(text: string): boolean[][] {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const dark = (x: number, y: number): boolean =>
    x >= 4 && y >= 4 && x < modules.size + 4 && y < modules.size + 4 && modules.get(y - 4, x - 4) === 1;
  const side = Array.from({ length: modules.size + 8 }, (_, i) => i);
  return side.map((y) => side.map((x) => dark(x, y)));
}

/** Black on white, among 256 colours. */
const COLOURS = '\x1b[38;5;16;48;5;231m';
const RESET = '\x1b[0m';

test('the terminal shows every module of the code, black on white, with its quiet zone', () => {
  const rows: boolean[][] = [];
  for (const line of qrLines(LINK)) {
    assert.ok(line.startsWith(COLOURS) && line.endsWith(RESET), JSON.stringify(line));
    const cells = line.slice(COLOURS.length, -RESET.length);
    rows.push([...cells].map((cell) => cell === '█' || cell === '▀'));
    rows.push([...cells].map((cell) => cell === '█' || cell === '▄'));
    assert.match(cells, /^[ █▀▄]+$/);
  }
  const wanted = expected(LINK);
  // An odd number of rows: the last half line is light.
  assert.deepEqual(
    rows.pop(),
    wanted[0]?.map(() => false),
  );
  assert.deepEqual(rows, wanted);
});

test('the PNG shows every module of the code, too', async () => {
  const { width, height, isDark } = pixelsOf(await qrPng(LINK));
  const wanted = expected(LINK);
  assert.deepEqual([width, height], [wanted.length * 8, wanted.length * 8]);
  // The middle and a corner of each module.
  for (const at of [0, 4]) {
    const rows = wanted.map((row, y) => row.map((_, x) => isDark(x * 8 + at, y * 8 + at)));
    assert.deepEqual(rows, wanted);
  }
});
