import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cleanHeaders,
  cleanValue,
  formatNameAddr,
  formatReason,
  parseNameAddr,
  parseReasons,
  quote,
  splitOutside,
  unquote,
} from '../../gateway/sip/headers.js';
import { createRandom, NASTY } from './random.js';

test('a name-addr is taken apart', () => {
  const from = parseNameAddr('"12195550714" <sip:+12195550714@wa.meta.vc>;tag=ece2da15-39e7');
  assert.equal(from?.displayName, '12195550714');
  assert.equal(from.uri, 'sip:+12195550714@wa.meta.vc');
  assert.equal(from.params.get('tag'), 'ece2da15-39e7');

  const contact = parseNameAddr('<sip:+1219@wa.meta.vc;transport=tls;ob;X-FB-Sip-Smc-Tier=a.b>;isfocus');
  assert.equal(contact?.uri, 'sip:+1219@wa.meta.vc;transport=tls;ob;X-FB-Sip-Smc-Tier=a.b');
  assert.equal(contact.params.get('isfocus'), '');
});

test('without brackets the parameters are those of the header', () => {
  const to = parseNameAddr('sip:alice@example.com;tag=1;x="a;b"');
  assert.equal(to?.uri, 'sip:alice@example.com');
  assert.equal(to.params.get('tag'), '1');
  assert.equal(to.params.get('x'), 'a;b');
});

test('brackets and separators inside a quoted name do not count', () => {
  const parsed = parseNameAddr('"A <b>, \\"c\\"; d" <sip:e@f>;g=h');
  assert.equal(parsed?.displayName, 'A <b>, "c"; d');
  assert.equal(parsed.uri, 'sip:e@f');
  assert.deepEqual(splitOutside('"a,b" <sip:c@d,e>, f ,, g', ','), ['"a,b" <sip:c@d,e>', 'f', 'g']);
});

test('what is no name-addr is refused', () => {
  for (const bad of ['', 'alice', '<sip:a@b', '"a <sip:b@c>', '<>', '<sip:a@b> x', '"a" b" <sip:a@b>', 'sip:a b@c']) {
    assert.equal(parseNameAddr(bad), undefined, bad);
  }
});

test('any display name survives formatting and parsing, and adds no header', () => {
  const random = createRandom(1);
  for (let i = 0; i < 2000; i++) {
    const displayName = random.text(NASTY, 30);
    const text = formatNameAddr({ displayName, uri: 'sip:a@b;c', params: new Map([['tag', 'x y"z']]) });
    assert.doesNotMatch(text, /[\r\n\0]/);
    const back = parseNameAddr(text);
    assert.equal(back?.displayName ?? '', cleanValue(displayName), text);
    assert.equal(back?.uri, 'sip:a@b;c');
    assert.equal(back.params.get('tag'), 'x y"z');
  }
});

test('quoted names in lists are split where they were joined', () => {
  const random = createRandom(2);
  for (let i = 0; i < 500; i++) {
    const parts = Array.from({ length: 1 + random.below(5) }, () =>
      formatNameAddr({
        displayName: random.text(NASTY, 12),
        uri: 'sip:a@b',
        params: new Map([['p', random.text(NASTY, 8)]]),
      }),
    );
    assert.deepEqual(splitOutside(parts.join(random.pick([',', ', ', ' ,\t'])), ','), parts);
  }
});

test('unquote undoes quote', () => {
  const random = createRandom(3);
  for (let i = 0; i < 1000; i++) {
    const text = random.text(NASTY, 20);
    assert.equal(unquote(quote(text)), cleanValue(text));
  }
});

test('no value can start a header of its own', () => {
  const headers = cleanHeaders({ 'X-WA-Name': 'a\r\nX-WA-Country: DE\r\n\r\nv=0', 'X-B': '\u0000b\u0085' });
  assert.deepEqual(headers, { 'X-WA-Name': 'a X-WA-Country: DE v=0', 'X-B': 'b' });
  for (const name of ['', 'X A', 'X:', 'X\r\nY', 'Ä']) {
    assert.throws(() => cleanHeaders({ [name]: 'v' }), { name: 'TypeError', message: /header name/ });
  }
  assert.throws(() => formatNameAddr({ uri: 'sip:a@b>\r\nX: y' }), TypeError);
});

test('Reason headers', () => {
  assert.deepEqual(parseReasons('Q.850;cause=16;text="NORMAL, CLEARING", SIP ;cause=200'), [
    { protocol: 'Q.850', cause: 16, text: 'NORMAL, CLEARING' },
    { protocol: 'SIP', cause: 200, text: undefined },
  ]);
  assert.deepEqual(parseReasons('Q.850;cause=nine'), [{ protocol: 'Q.850', cause: undefined, text: undefined }]);
  assert.equal(
    formatReason({ protocol: 'Q.850', cause: 17, text: 'say "no"\r\n' }),
    'Q.850;cause=17;text="say \\"no\\""',
  );
});

test('a list becomes as many lines, none of which can start another header', () => {
  assert.deepEqual(cleanHeaders({ 'WWW-Authenticate': ['Digest a="1"', 'Digest b="2"\r\nX-Forged: 1'], Empty: [] }), {
    'WWW-Authenticate': 'Digest a="1"\r\nWWW-Authenticate: Digest b="2" X-Forged: 1',
  });
});
