import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress, tagOf } from '../../gateway/engine/sip/address.js';
import { parseMessage } from '../../gateway/engine/sip/message.js';
import { param, splitList } from '../../gateway/engine/sip/params.js';
import { isLooseRouter, parseUri, transportOf } from '../../gateway/engine/sip/uri.js';
import { markSource, parseVia } from '../../gateway/engine/sip/via.js';
import { routeRequest } from '../../gateway/engine/dialog/dialog.js';

describe('URIs', () => {
  test('keep opaque parts as text', () => {
    const uri = parseUri('sip:+1;tgrp=wacall;trunk-context=a.b@WA.Meta.VC:5061;transport=TLS;ob;X-Tier=a.b?x=y');
    assert.deepEqual(uri, {
      scheme: 'sip',
      user: '+1;tgrp=wacall;trunk-context=a.b',
      host: 'wa.meta.vc',
      port: 5061,
      params: ';transport=TLS;ob;X-Tier=a.b',
      headers: '?x=y',
    });
    assert.equal(uri && transportOf(uri), 'tls');
  });

  test('IPv6 hosts lose their brackets', () => {
    assert.equal(parseUri('sip:[2803:6080::1]:5061')?.host, '2803:6080::1');
    assert.equal(parseUri('sip:[2803:6080::1')?.host, undefined);
  });

  test('sips means TLS, an unknown transport is told apart from none', () => {
    const transport = (text: string): unknown => transportOf(parseUri(text) ?? assert.fail(text));
    assert.equal(transport('sips:a@b'), 'tls');
    assert.equal(transport('sip:a@b;transport=sctp'), 'unknown');
    assert.equal(transport('sip:a@b'), undefined);
  });

  for (const text of ['tel:+1', 'sip:', 'sip:a@', 'sip:a@b:99999', 'sip:a@b c', 'sip:a@b;x="y"', 'nonsense']) {
    test(`${text} is none`, () => {
      assert.equal(parseUri(text), undefined);
    });
  }
});

describe('addresses', () => {
  const cases: [text: string, uri: string | undefined, tag?: string][] = [
    ['"a, <b>" <sip:c@d;lr>;tag=1;x=";tag=2"', 'sip:c@d;lr', '1'],
    ['<sip:c@d>;TAG = 5', 'sip:c@d', '5'],
    ['sip:c@d;tag=7', 'sip:c@d', '7'],
    ['Name <sip:c@d>', 'sip:c@d'],
    ['"open <sip:c@d>', undefined],
    ['<sip:c@d', undefined],
    ['', undefined],
  ];
  for (const [text, uri, tag] of cases) {
    test(text || 'nothing', () => {
      const address = parseAddress(text);
      assert.equal(address?.uri, uri);
      assert.equal(address && tagOf(address), tag);
    });
  }

  test('parameters and lists step over quotes and brackets', () => {
    assert.equal(param(';a="x;b=1";b=2', 'B'), '2');
    assert.equal(param(';lr;x', 'lr'), '');
    assert.equal(param(';lrx', 'lr'), undefined);
    assert.deepEqual(splitList('<sip:a,b>;x="1,2", "n,m" <sip:c>,, d'), ['<sip:a,b>;x="1,2"', '"n,m" <sip:c>', 'd']);
  });
});

describe('Via and its source (RFC 3261 18.2.1, RFC 3581)', () => {
  const source = { address: '69.171.251.115', port: 51830 };
  const mark = (text: string): string => markSource(parseVia(text) ?? assert.fail(text), source);

  test('rport is filled in where asked for', () => {
    assert.equal(
      mark('SIP/2.0/TLS [2803:6080::1]:47237;rport;branch=z9hG4bKP;alias'),
      'SIP/2.0/TLS [2803:6080::1]:47237;branch=z9hG4bKP;alias;rport=51830;received=69.171.251.115',
    );
  });
  test('received is added where sent-by differs, and nothing where it does not', () => {
    assert.equal(mark('SIP/2.0/UDP a.b;branch=1'), 'SIP/2.0/UDP a.b;branch=1;received=69.171.251.115');
    assert.equal(mark('SIP/2.0/UDP 69.171.251.115;branch=1'), 'SIP/2.0/UDP 69.171.251.115;branch=1');
  });
  test('a forged received does not stay', () => {
    assert.equal(mark('SIP/2.0/UDP a.b;received=1.2.3.4;branch=1'), 'SIP/2.0/UDP a.b;branch=1;received=69.171.251.115');
  });
});

describe('messages', () => {
  const text =
    'INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP x;branch=1, SIP/2.0/UDP y\r\nf: <sip:a@b>;tag=1\r\nX-A: one\r\nx-a: two\r\n\r\nbody';
  const message = parseMessage(text) ?? assert.fail();

  test('compact names, repeated headers and the body', () => {
    assert.deepEqual(message.list('via'), ['SIP/2.0/UDP x;branch=1', 'SIP/2.0/UDP y']);
    assert.deepEqual(message.all('x-a'), ['one', 'two']);
    assert.equal(message.fromTag, '1');
    assert.equal(message.body, 'body');
    assert.deepEqual([...message.headers()].map(([name, written]) => [name, written]).slice(2), [
      ['x-a', 'X-A'],
      ['x-a', 'x-a'],
    ]);
  });

  test('headers with strange names are just headers', () => {
    const odd = parseMessage('OPTIONS sip:a SIP/2.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n') ?? assert.fail();
    assert.equal(odd.first('__proto__'), 'x');
    assert.equal(odd.first('constructor'), 'y');
    assert.equal(odd.first('via'), undefined);
  });

  test('a line without a colon is a fault, not an exception', () => {
    assert.match(parseMessage('OPTIONS sip:a SIP/2.0\r\nnonsense\r\n\r\n')?.fault ?? '', /header line/);
    assert.equal(parseMessage('nonsense'), undefined);
    assert.equal(parseMessage(''), undefined);
  });
});

describe('routing in a dialog (RFC 3261 12.2.1.1)', () => {
  test('loose: the remote target is the request-URI', () => {
    const routes = ['<sip:wa.meta.vc;transport=tls;lr>', '<sip:onevc.fbinfra.net:8191;transport=tls;lr>'];
    assert.deepEqual(routeRequest(routes, 'sip:u@wa.meta.vc;ob'), {
      uri: 'sip:u@wa.meta.vc;ob',
      routes: routes.map((r) => `Route: ${r}\r\n`).join(''),
      nextHop: 'sip:wa.meta.vc;transport=tls;lr',
    });
  });
  test('strict: the first route is the request-URI and the remote target goes last', () => {
    assert.deepEqual(routeRequest(['<sip:old.example.com>', '<sip:b;lr>'], 'sip:u@c'), {
      uri: 'sip:old.example.com',
      routes: 'Route: <sip:b;lr>\r\nRoute: <sip:u@c>\r\n',
      nextHop: 'sip:old.example.com',
    });
    assert.equal(isLooseRouter(parseUri('sip:old.example.com') ?? assert.fail()), false);
  });
  test('none: straight to the remote target', () => {
    assert.deepEqual(routeRequest([], 'sip:u@c'), { uri: 'sip:u@c', routes: '', nextHop: 'sip:u@c' });
  });
});
