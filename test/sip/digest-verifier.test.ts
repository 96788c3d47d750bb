import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import {
  createDigestVerifier,
  type DigestVerifier,
  type VerifierAlgorithm,
} from '../../gateway/sip/digest-verifier.js';

const REQUEST_URI = 'sip:+12145551869;tgrp=wacall@Meta-Voip.example.com;transport=tls';
const DIGEST_URI = 'sip:+12145551869@meta-voip.example.com';
const EXPECTED = { method: 'INVITE', requestUri: REQUEST_URI, username: '+12145551869', password: 'secret' };

function setUp(options: { nonceLifetimeMs?: number; algorithms?: readonly VerifierAlgorithm[] } = {}) {
  let now = 1_800_000_000_000;
  const make = (secret = 'key') =>
    createDigestVerifier({ realm: 'gw.example.com', secret, clock: () => now, ...options });
  return { verifier: make(), make, pass: (ms: number) => (now += ms) };
}

function challenge(verifier: DigestVerifier): string {
  const result = verifier.verify({ ...EXPECTED, authorization: undefined });
  assert.equal(result.kind, 'challenge');
  assert.equal(result.stale, false);
  return result.header;
}

/** Answers as Meta does: user without `+`, uri without the transport parameter. */
function answer(header: string, change: Partial<Parameters<typeof answerChallenge>[1]> = {}): string {
  const [parsed] = parseChallenges(header);
  assert.ok(parsed);
  const input = {
    username: '12145551869',
    password: 'secret',
    method: 'INVITE',
    uri: DIGEST_URI,
    cnonce: 'c',
    nonceCount: 1,
  };
  return answerChallenge(parsed, { ...input, ...change });
}

test('the challenge has the one form that Meta is known to answer', () => {
  const { verifier } = setUp();
  const header = challenge(verifier);
  assert.match(
    header,
    /^Digest realm="gw\.example\.com",nonce="[0-9a-f.]+",opaque="[0-9a-f]+",algorithm=MD5,qop="auth"$/,
  );
  assert.notEqual(header, challenge(verifier));
});

test('the right answer passes: with and without plus, whatever nonce count it starts with', () => {
  for (const change of [{}, { username: '+12145551869' }, { nonceCount: 2 }, { uri: REQUEST_URI }]) {
    const { verifier } = setUp();
    const authorization = answer(challenge(verifier), change);
    assert.deepEqual(verifier.verify({ ...EXPECTED, authorization }), { kind: 'ok' }, JSON.stringify(change));
  }
});

test('without algorithm echoed, and for an expected user without plus', () => {
  const { verifier } = setUp();
  const authorization = answer(challenge(verifier)).replace(' algorithm=MD5,', '');
  assert.deepEqual(verifier.verify({ ...EXPECTED, username: '12145551869', authorization }), { kind: 'ok' });
});

test('wrong answers are refused with the reason', () => {
  const cases: [string, Partial<Parameters<typeof answerChallenge>[1]>, (s: string) => string][] = [
    ['response', { password: 'wrong' }, (s) => s],
    ['response', { method: 'BYE' }, (s) => s],
    ['response', {}, (s) => s.replace(/response="\w+"/, 'response="00"')],
    ['username', { username: '12145551860' }, (s) => s],
    ['uri', { uri: 'sip:+12145551860@meta-voip.example.com' }, (s) => s],
    ['uri', { uri: 'sip:+12145551869@other.example.com' }, (s) => s],
    ['uri', { uri: 'nonsense' }, (s) => s],
    ['algorithm', {}, (s) => s.replace('algorithm=MD5', 'algorithm=SHA-256')],
    ['qop', {}, (s) => s.replace('qop=auth', 'qop=auth-int')],
    ['malformed', {}, (s) => s.replace('nc=00000001', 'nc=1')],
    ['malformed', {}, (s) => s.replace(', nc=00000001', '')],
    ['malformed', {}, (s) => s.replace(', qop=auth', '')],
    ['malformed', {}, (s) => `${s}, nonce="again"`],
    ['malformed', {}, () => 'Digest username="12145551869'],
  ];
  for (const [why, change, spoil] of cases) {
    const { verifier } = setUp();
    const authorization = spoil(answer(challenge(verifier), change));
    assert.deepEqual(verifier.verify({ ...EXPECTED, authorization }), { kind: 'refused', why }, authorization);
  }
});

test('an expired nonce is stale only for who knows the password', () => {
  const { verifier, pass } = setUp();
  const header = challenge(verifier);
  pass(29_999);
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: answer(header) }), { kind: 'ok' });
  pass(1);
  const late = verifier.verify({ ...EXPECTED, authorization: answer(header, { nonceCount: 2 }) });
  assert.equal(late.kind, 'challenge');
  assert.equal(late.stale, true);
  assert.match(late.header, /,stale=true$/);
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: answer(late.header) }), { kind: 'ok' });
  const wrong = answer(header, { password: 'wrong' });
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: wrong }), { kind: 'refused', why: 'response' });
});

test('a nonce count is good once, and only upwards', () => {
  const { verifier } = setUp();
  const header = challenge(verifier);
  const use = (nonceCount: number) => verifier.verify({ ...EXPECTED, authorization: answer(header, { nonceCount }) });
  assert.deepEqual(use(3), { kind: 'ok' });
  assert.deepEqual(use(3), { kind: 'refused', why: 'replay' });
  assert.deepEqual(use(2), { kind: 'refused', why: 'replay' });
  assert.deepEqual(use(4), { kind: 'ok' });
});

test('an answer without qop is good once', () => {
  const { verifier } = setUp();
  const authorization = answer(challenge(verifier).replace(',qop="auth"', ''));
  assert.doesNotMatch(authorization, /qop|nc=/);
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization }), { kind: 'ok' });
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization }), { kind: 'refused', why: 'replay' });
});

test('foreign nonces are challenged again, nonces of a node with the same secret accepted', () => {
  const { verifier, make } = setUp();
  const header = challenge(verifier);
  assert.deepEqual(make('key').verify({ ...EXPECTED, authorization: answer(header) }), { kind: 'ok' });
  for (const foreign of [
    answer(challenge(make('other'))),
    answer(header).replace(/opaque="\w+"/, 'opaque="00"'),
    answer(header.replace('gw.example.com', 'elsewhere')),
    'Basic abc',
    '',
  ]) {
    const result = verifier.verify({ ...EXPECTED, authorization: foreign });
    assert.equal(result.kind === 'challenge' && !result.stale, true, foreign);
  }
});

test('of several answers the one for this realm counts', () => {
  const { verifier } = setUp();
  const right = answer(challenge(verifier));
  const authorization = `Digest username="a", realm="b", nonce="c", uri="sip:d@e", response="f", ${right}`;
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization }), { kind: 'ok' });
});

test('two algorithms are two challenges, the strongest first, and either may be answered', () => {
  for (const algorithms of [['MD5', 'SHA-256'] as const, ['SHA-256', 'MD5'] as const]) {
    const { verifier, pass } = setUp({ algorithms });
    const result = verifier.verify({ ...EXPECTED, authorization: undefined });
    assert.ok(result.kind === 'challenge');
    assert.deepEqual(
      parseChallenges(result.headers).map((c) => c.algorithm),
      ['SHA-256', 'MD5'],
    );
    assert.equal(result.header, result.headers[0]);
    const nonces = parseChallenges(result.headers).map((c) => c.nonce);
    assert.notEqual(nonces[0], nonces[1]);
    for (const header of result.headers) {
      const wrong = answer(header, { password: 'wrong' });
      assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: wrong }), { kind: 'refused', why: 'response' });
      assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: answer(header) }), { kind: 'ok' });
    }
    pass(30_000);
    const late = verifier.verify({ ...EXPECTED, authorization: answer(result.header, { nonceCount: 2 }) });
    assert.ok(late.kind === 'challenge' && late.stale);
    assert.ok(late.headers.length === 2 && late.headers.every((header) => header.endsWith(',stale=true')));
  }
});

test('an answer of one algorithm does not pass as one of another', () => {
  const { verifier } = setUp({ algorithms: ['SHA-256'] });
  const header = challenge(verifier);
  const md5 = answer(header.replace('SHA-256', 'MD5'));
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: md5 }), { kind: 'refused', why: 'algorithm' });
  const relabelled = md5.replace('algorithm=MD5', 'algorithm=SHA-256');
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: relabelled }), { kind: 'refused', why: 'response' });
  assert.deepEqual(verifier.verify({ ...EXPECTED, authorization: answer(header) }), { kind: 'ok' });
  assert.throws(() => setUp({ algorithms: [] }), /no algorithm/);
});
