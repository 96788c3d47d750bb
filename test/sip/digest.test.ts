import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerChallenge,
  chooseChallenge,
  digestResponse,
  parseChallenges,
  parseCredentials,
} from '../../gateway/sip/digest.js';
import { createRandom, NASTY } from './random.js';

const MD5 = 'Digest realm="wa.meta.vc",nonce="729eeee06334d43b",opaque="1a8057db2558c27a",algorithm=MD5,qop="auth"';
const SHA = 'Digest realm="wa.meta.vc",nonce="47cdac2830f7539b",opaque="7a2b178b2328d18b",algorithm=SHA-256,qop="auth"';

const rfc7616 = {
  username: 'Mufasa',
  password: 'Circle of Life',
  realm: 'http-auth@example.org',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  method: 'GET',
  uri: '/dir/index.html',
  qop: 'auth',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  nc: '00000001',
};

test('the examples of RFC 7616 3.9.1 and RFC 2617 3.5', () => {
  assert.equal(digestResponse({ ...rfc7616, algorithm: 'MD5' }), '8ca523f5e9506fed4657c9700eebdbec');
  assert.equal(
    digestResponse({ ...rfc7616, algorithm: 'SHA-256' }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
  const rfc2617 = {
    ...rfc7616,
    password: 'Circle Of Life',
    realm: 'testrealm@host.com',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    cnonce: '0a4f113b',
  };
  assert.equal(digestResponse({ ...rfc2617, algorithm: 'MD5' }), '6629fae49393a05397450978507c4ef1');
});

test('the other algorithms, against figures of openssl', () => {
  const other = (algorithm: 'MD5-sess' | 'SHA-256-sess' | 'SHA-512-256' | 'SHA-512-256-sess') =>
    digestResponse({ ...rfc7616, algorithm });
  assert.equal(other('MD5-sess'), 'e783283f46242139c486a698fec7211d');
  assert.equal(other('SHA-256-sess'), '2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7');
  assert.equal(other('SHA-512-256'), '430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0');
  assert.equal(other('SHA-512-256-sess'), '3f2a34f923c38b0fb26dce2fdfc2ce326c23cecf86fbb1444f3e51fbbc2cb92e');
  assert.equal(digestResponse({ ...rfc7616, algorithm: 'MD5', qop: undefined }), '7b2cc3b30e75b4777ea31027084363fd');
});

test('two challenges stay two, in either order, in one header or two', () => {
  for (const [first, second] of [
    [SHA, MD5],
    [MD5, SHA],
  ] as const) {
    // prettier-ignore
    for (const header of [[first, second], `${first},${second}`, `${first}, ${second}`, `,${first} , ,${second},`]) {
      const challenges = parseChallenges(header);
      assert.equal(challenges.length, 2);
      const chosen = chooseChallenge(challenges);
      assert.equal(chosen?.algorithm, 'SHA-256');
      assert.equal(chosen.nonce, '47cdac2830f7539b');
      assert.equal(chosen.opaque, '7a2b178b2328d18b');
    }
  }
});

test('commas, equal signs and quotes inside quoted strings', () => {
  const [challenge, ...rest] = parseChallenges(
    'Basic realm="x, Digest realm=y", DIGEST Realm = "a, \\"b\\"=c" ,nonce=n1, qop="auth-int , auth", Stale=TRUE, Negotiate abc==',
  );
  assert.deepEqual(rest, []);
  assert.deepEqual(challenge, {
    realm: 'a, "b"=c',
    nonce: 'n1',
    opaque: undefined,
    algorithm: 'MD5',
    algorithmGiven: false,
    qop: ['auth-int', 'auth'],
    stale: true,
  });
});

test('broken and ambiguous challenges are left out, unknown ones not chosen', () => {
  assert.deepEqual(parseChallenges('Digest realm="a", nonce="b", realm="c"'), []);
  assert.deepEqual(parseChallenges('Digest realm="a'), []);
  assert.deepEqual(parseChallenges('Digest nonce="a"'), []);
  assert.deepEqual(parseChallenges(undefined), []);
  assert.equal(parseChallenges(`Digest realm="a" nonce="b, ${MD5}`).length, 0);
  assert.equal(parseChallenges([`Digest realm="a`, MD5]).length, 1);
  assert.equal(chooseChallenge(parseChallenges('Digest realm="a",nonce="b",algorithm=AKAv1-MD5')), undefined);
  assert.equal(chooseChallenge(parseChallenges('Digest realm="a",nonce="b",qop="auth-int"')), undefined);
});

test('an answer is what its own parser reads, whatever the strings hold', () => {
  const random = createRandom(6);
  for (let i = 0; i < 1000; i++) {
    // Control characters never reach a header, so they are not part of the property.
    const text = () => `x${random.text(NASTY, 12)}`.replace(/[^\x20-\x7eé漢]/g, '').trim();
    const challenge = {
      ...{ realm: text(), nonce: text(), opaque: random.pick([undefined, text()]) },
      algorithm: random.pick(['MD5', 'SHA-256-sess'] as const),
      algorithmGiven: true,
      qop: random.pick([[], ['auth'], ['auth-int', 'auth']]),
      stale: false,
    };
    const input = { username: text(), password: text(), method: 'INVITE', uri: text(), cnonce: text(), nonceCount: 17 };
    const answer = answerChallenge(challenge, input);
    const [read, ...more] = parseCredentials(
      random.pick([
        answer,
        `Basic abc, ${answer}, Other x=y`,
        answer.replace(/, (?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*$)/g, ','),
      ]),
    );
    assert.deepEqual(more, []);
    assert.equal(read?.username, input.username);
    assert.equal(read.realm, challenge.realm);
    assert.equal(read.nonce, challenge.nonce);
    assert.equal(read.opaque, challenge.opaque);
    assert.equal(read.uri, input.uri);
    assert.equal(read.nc, challenge.qop.length === 0 ? undefined : '00000011');
    assert.equal(read.response, digestResponse({ ...read, algorithm: challenge.algorithm, ...input, nc: read.nc }));
  }
});

test('an answer echoes the algorithm only when it was given, and never answers what it cannot', () => {
  const [bare] = parseChallenges('Digest realm="sip.example",nonce="n",qop="auth"');
  assert.ok(bare);
  const input = { username: 'u', password: 'p', method: 'INVITE', uri: 'sip:a@b', cnonce: 'c', nonceCount: 1 };
  assert.doesNotMatch(answerChallenge(bare, input), /algorithm/);
  assert.throws(() => answerChallenge({ ...bare, algorithm: undefined }, input), /not supported/);
});
