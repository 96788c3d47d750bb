import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import type { TrunkConfig } from '../../gateway/config/types.js';
import { createIdentify, type Attempt, type Identity, type Verdict } from '../../gateway/pbx/identify.js';
import { createGuessBrake, type StartedBrake } from '../../gateway/sip/guess-brake.js';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import { trunkConfig } from '../calls/configs.js';
import { challengeVerifier, noBrake, REALM, request } from './requests.js';

function withAuth(name: string, more: Partial<TrunkConfig> = {}): TrunkConfig {
  return trunkConfig(name, { networks: [], auth: { username: name, password: secret(`${name}-password`) }, ...more });
}

const TRUNKS = [
  withAuth('roaming'),
  trunkConfig('office', { networks: ['10.0.0.0/24'] }),
  withAuth('both', { networks: ['10.1.0.0/16'] }),
];

function setUp(trunks = TRUNKS, brake = noBrake()) {
  const attempts: Attempt[] = [];
  const verify = challengeVerifier();
  const identify = createIdentify({
    trunks,
    realm: REALM,
    brake,
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
  return { attempts, call, identify };
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

function brakeAfter(failures: number) {
  const clock = { now: 0 };
  const told = { wrong: 0, braked: 0, started: [] as StartedBrake[] };
  const brake = createGuessBrake({
    ...{ failures, failuresOfUser: 1000, windowMs: 600_000, firstMs: 30_000, longestMs: 3_600_000 },
    now: () => clock.now,
    observer: {
      wrong: () => told.wrong++,
      braked: () => told.braked++,
      started: (started) => told.started.push(started),
    },
  });
  return { brake, clock, told };
}

test('who guesses is refused without a look, with the same answer; the right password is let in from elsewhere', () => {
  const { brake, clock, told } = brakeAfter(3);
  const { attempts, call } = setUp(TRUNKS, brake);
  const refusals = ['roaming', 'nobody', 'roaming'].map((user) => call('192.0.2.1', user, 'guess'));
  const looked = attempts.length;
  const braked = call('192.0.2.1', 'roaming');
  assert.equal(attempts.length, looked + 1, 'only its first request, which has no answer');
  assert.ok(braked.kind === 'refused' && braked.braked);
  for (const identity of refusals) {
    assert.ok(identity.kind === 'refused' && !identity.braked);
    assert.deepEqual(identity.response, braked.response);
  }
  assert.deepEqual(told, { wrong: 3, braked: 1, started: [{ source: '192.0.2.1', user: 'roaming', forMs: 30_000 }] });
  assert.equal(trunkOf(call('192.0.2.2', 'roaming')), 'roaming');
  clock.now = 30_000;
  assert.equal(trunkOf(call('192.0.2.1', 'roaming')), 'roaming');
});

test('forged senders lock nobody out: a wrong answer counts only from where its challenge went', () => {
  const { brake, told } = brakeAfter(3);
  const { call, identify } = setUp(TRUNKS, brake);
  // The attacker gets a challenge for himself, and answers it in the name of the PBX, over and over.
  const source = (address: string) => ({ address, port: 5060, transport: 'udp' }) as const;
  const first = identify(request('INVITE', { source: source('203.0.113.9') }));
  assert.ok(first.kind === 'challenge');
  const [challenge] = parseChallenges(first.response.headers?.['WWW-Authenticate']);
  assert.ok(challenge);
  const uri = 'sip:+12195550714@gateway.example.com';
  const guess = { username: 'both', password: 'guess', method: 'INVITE', uri, cnonce: 'c', nonceCount: 1 };
  const headers = { authorization: answerChallenge(challenge, guess) };
  for (let i = 0; i < 20; i++) {
    assert.equal(trunkOf(identify(request('INVITE', { source: source('10.1.2.3'), headers }))), 'challenge');
  }
  assert.equal(told.wrong, 0);
  assert.equal(trunkOf(call('10.1.2.3', 'both')), 'both');
  // And a trunk that is known by its network alone is asked for no password, whatever else comes from there.
  assert.equal(trunkOf(call('10.0.0.7')), 'office');
});

test('a request that cannot be a guess is none: another algorithm, an answer given twice', () => {
  const { brake, told } = brakeAfter(1);
  const { identify } = setUp(TRUNKS, brake);
  const first = identify(request('INVITE'));
  assert.ok(first.kind === 'challenge');
  const [challenge] = parseChallenges(first.response.headers?.['WWW-Authenticate']);
  assert.ok(challenge);
  const uri = 'sip:+12195550714@gateway.example.com';
  const input = { username: 'roaming', method: 'INVITE', uri, cnonce: 'c', nonceCount: 1 };
  const headers = { authorization: answerChallenge(challenge, { ...input, password: 'roaming-password' }) };
  assert.equal(trunkOf(identify(request('INVITE', { headers }))), 'roaming');
  assert.equal(trunkOf(identify(request('INVITE', { headers }))), 'refused');
  const other = { authorization: headers.authorization.replace('algorithm=MD5', 'algorithm=SHA-512-256') };
  assert.equal(trunkOf(identify(request('INVITE', { headers: other }))), 'refused');
  assert.equal(told.wrong, 0);
});

test('a verifier that says yes to an unknown user does not let him in', () => {
  const yes = (): Verdict => ({ kind: 'ok' });
  const identify = createIdentify({ trunks: TRUNKS, realm: REALM, verify: yes, brake: noBrake() });
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
    brake: noBrake(),
    verify: () => ({ kind: 'challenge', headers: lines }),
  });
  const identity = identify(request('INVITE'));
  assert.ok(identity.kind === 'challenge');
  assert.deepEqual(identity.response.headers, { 'WWW-Authenticate': lines });
});
