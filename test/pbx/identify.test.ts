import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import type { TrunkConfig } from '../../gateway/config/types.js';
import { createIdentify, type Attempt, type Identity, type Verdict } from '../../gateway/pbx/identify.js';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import { trunkConfig } from '../calls/configs.js';
import { challengeVerifier, REALM, request } from './requests.js';

function withAuth(name: string, more: Partial<TrunkConfig> = {}): TrunkConfig {
  return trunkConfig(name, { networks: [], auth: { username: name, password: secret(`${name}-password`) }, ...more });
}

const TRUNKS = [
  withAuth('roaming'),
  trunkConfig('office', { networks: ['10.0.0.0/24'] }),
  withAuth('both', { networks: ['10.1.0.0/16'] }),
];

function setUp(trunks = TRUNKS) {
  const attempts: Attempt[] = [];
  const verify = challengeVerifier();
  const identify = createIdentify({
    trunks,
    realm: REALM,
    verify: (attempt) => {
      attempts.push(attempt);
      return verify(attempt);
    },
  });
  /** As an INVITE: without an answer first, then with one. */
  const call = (address: string, username?: string, password = `${username ?? ''}-password`): Identity => {
    const first = identify(request('INVITE', { source: { address, port: 5060, transport: 'udp' } }));
    if (username === undefined || first.kind !== 'challenge') return first;
    const header = first.response.headers?.['WWW-Authenticate'];
    const [challenge] = parseChallenges(header);
    assert.ok(challenge);
    const uri = 'sip:+12195550714@gateway.example.com';
    const input = { username, password, method: 'INVITE', uri, cnonce: 'c', nonceCount: 1 };
    const authorization = answerChallenge(challenge, input);
    return identify(
      request('INVITE', { source: { address, port: 5060, transport: 'udp' }, headers: { authorization } }),
    );
  };
  return { attempts, call };
}

function trunkOf(identity: Identity): string {
  return identity.kind === 'trunk' ? identity.trunks.map(({ name }) => name).join() : identity.kind;
}

test('a trunk without a password is known by its network alone', () => {
  const { attempts, call } = setUp();
  assert.equal(trunkOf(call('10.0.0.7')), 'office');
  assert.equal(attempts.length, 0);
});

test('anybody else is asked for a digest, where a trunk may call from anywhere', () => {
  const { call } = setUp();
  const identity = call('192.0.2.1');
  assert.ok(identity.kind === 'challenge');
  assert.equal(identity.response.status, 401);
  assert.equal(trunkOf(call('192.0.2.1', 'roaming')), 'roaming');
});

test('networks and password are both needed where a trunk has both', () => {
  const { call } = setUp();
  assert.equal(trunkOf(call('10.1.2.3', 'both')), 'both');
  assert.equal(trunkOf(call('10.1.2.3')), 'challenge');
  assert.equal(trunkOf(call('192.0.2.1', 'both')), 'refused');
});

test('a wrong password, an unknown user and the user of another network get one and the same answer', () => {
  const { call } = setUp();
  const refusals = [
    call('192.0.2.1', 'roaming', 'wrong'),
    call('192.0.2.1', 'nobody', 'wrong'),
    call('192.0.2.1', 'both'),
  ];
  for (const identity of refusals) {
    assert.ok(identity.kind === 'refused');
    assert.deepEqual(identity.response, { status: 403, reason: 'Forbidden' });
  }
  assert.deepEqual(
    refusals.map((identity) => identity.kind === 'refused' && identity.why),
    ['trunk roaming: digest response', 'user "nobody" is of no trunk', 'user "both" is of no trunk'],
  );
});

test('the unknown user goes the way of the known one through the verifier', () => {
  const { attempts, call } = setUp();
  call('192.0.2.1', 'nobody', 'wrong');
  const unknown = attempts.at(-1);
  assert.equal(unknown?.username, 'nobody');
  assert.ok(unknown.password.length >= 32, 'against a password that nobody can guess');
});

test('a verifier that says yes to an unknown user does not let him in', () => {
  const yes = (): Verdict => ({ kind: 'ok' });
  const identify = createIdentify({ trunks: TRUNKS, realm: REALM, verify: yes });
  assert.equal(trunkOf(identify(request('INVITE'))), 'refused');
});

test('who is in no network is refused unasked, where no trunk may call from anywhere', () => {
  const { attempts, call } = setUp(TRUNKS.slice(1));
  const identity = call('192.0.2.1');
  assert.ok(identity.kind === 'refused');
  assert.deepEqual(identity.response, { status: 403, reason: 'Forbidden' });
  assert.equal(attempts.length, 0);
});

test('each algorithm has a challenge line of its own', () => {
  const lines = ['Digest realm="a",nonce="1",algorithm=SHA-256', 'Digest realm="a",nonce="2",algorithm=MD5'];
  const identify = createIdentify({
    trunks: TRUNKS,
    realm: REALM,
    verify: () => ({ kind: 'challenge', headers: lines }),
  });
  const identity = identify(request('INVITE'));
  assert.ok(identity.kind === 'challenge');
  assert.deepEqual(identity.response.headers, { 'WWW-Authenticate': lines });
});
