import assert from 'node:assert/strict';
import { test } from 'node:test';
import { e164, formatUri, parseHostPort, parseParty, parseUri } from '../../gateway/sip/uri.js';
import { createRandom, NASTY } from './random.js';

test("Meta's user parameters are kept apart from the number", () => {
  const uri = parseUri('sip:+1234567890;tgrp=wacall;trunk-context=byoc.example.com@sip.example.com;transport=tls');
  assert.equal(uri?.user, '+1234567890');
  assert.deepEqual([...uri.userParams], [['tgrp', 'wacall'], ['trunk-context', 'byoc.example.com']]); // prettier-ignore
  assert.equal(uri.host, 'sip.example.com');
  assert.equal(uri.port, undefined);
  assert.equal(uri.params.get('transport'), 'tls');
});

test('hosts, ports, schemes, headers', () => {
  assert.deepEqual(parseUri('SIPS:host:5061'), { ...parseUri('sips:host'), port: 5061 });
  assert.equal(parseUri('sip:a:secret@[2001:db8::1]:5060;lr?Subject=x%20y')?.host, '[2001:db8::1]');
  assert.equal(parseUri('sip:a:secret@[2001:db8::1]:5060;lr?Subject=x%20y')?.user, 'a');
  assert.equal(parseUri('sip:a@b?Subject=x%20y')?.headers, 'Subject=x%20y');
  assert.equal(parseUri('tel:+1-219-555-0714;phone-context=x')?.user, '+12195550714');
  assert.equal(parseUri('sip:sips%3Auser%40example.com@example.net')?.user, 'sips:user@example.com');
  assert.deepEqual(parseHostPort('10.0.0.1:5060'), { host: '10.0.0.1', port: 5060 });
});

test('what is no SIP URI is refused', () => {
  const bad = [
    '',
    'sip:',
    'alice',
    'http://a',
    'sip:a@',
    'sip:@b',
    'sip:a@b@c',
    'sip:a@b:x',
    'sip:a@b:99999',
    'sip:a@[::x]',
  ];
  bad.push(
    'sip:a b@c',
    'sip:a@b\r\nX: y',
    'sip:%ff@b',
    'sip:%zz@b',
    'sip:a@b;x=%0',
    'sip:"a"@b',
    'sip:a@b>',
    'tel:abc xyz',
    'tel:',
  );
  for (const text of bad) assert.equal(parseUri(text), undefined, JSON.stringify(text));
});

test('any user and parameters survive formatting and parsing', () => {
  const random = createRandom(4);
  for (let i = 0; i < 2000; i++) {
    const user = `x${random.text(NASTY, 16)}`;
    const userParams = new Map([['tgrp', `v${random.text(NASTY, 8)}`], ['flag', '']]); // prettier-ignore
    const params = new Map([['transport', 'tls'], ['x', `v${random.text(NASTY, 8)}`]]); // prettier-ignore
    const port = random.pick([undefined, 5060, 65535]);
    const text = formatUri({ user, userParams, host: random.pick(['a.example', '[::1]', '10.1.2.3']), port, params });
    assert.match(text, /^[\x21-\x7e]+$/);
    assert.doesNotMatch(text, /[<>"]/);
    const back = parseUri(text);
    assert.equal(back?.user, user, text);
    assert.deepEqual([...back.userParams], [...userParams]);
    assert.deepEqual([...back.params], [...params]);
    assert.equal(back.port, port);
  }
});

test('a parser fed with anything answers and never throws', () => {
  const random = createRandom(5);
  for (let i = 0; i < 5000; i++) parseUri(`${random.pick(['sip:', 'tel:', 'sips:', ''])}${random.text(NASTY, 40)}`);
  for (const host of ['a b', 'a\r\n', '', '[::1', 'a@b'])
    assert.throws(() => formatUri({ user: 'a', host }), TypeError);
});

test('whom a user part names', () => {
  assert.deepEqual(parseParty('+1219-555-0714'), { kind: 'phone', number: '+12195550714' });
  assert.deepEqual(parseParty('US.13491208655302741918'), { kind: 'bsuid', id: 'US.13491208655302741918' });
  assert.deepEqual(parseParty('anonymous'), { kind: 'other', user: 'anonymous' });
  assert.deepEqual(parseParty(undefined), { kind: 'other', user: '' });
  for (const bad of ['12195550714', '+', '+0123', '+1234567890123456', '+12x', ''])
    assert.equal(e164(bad), undefined, bad);
});
