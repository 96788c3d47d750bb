import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brakedChallenger } from '../../gateway/calls/braked-challenger.js';
import type { ChallengeResult } from '../../gateway/calls/user-calls.js';
import { createGuessBrake } from '../../gateway/sip/guess-brake.js';
import { numberConfig } from './configs.js';
import { FakeInvite } from './fakes.js';

test("guessing a number's password ends in refusals without a look; another number goes on", () => {
  let [now, looks, started] = [0, 0, 0];
  let verdict: ChallengeResult = { kind: 'refused', why: 'response' };
  const brake = createGuessBrake(
    {
      ...{ failures: 2, failuresOfUser: 100, windowMs: 60_000, firstMs: 5000, longestMs: 60_000 },
      now: () => now,
      observer: { wrong: () => undefined, braked: () => undefined, started: () => started++ },
    },
    true,
  );
  const challenger = brakedChallenger({ check: () => (looks++, verdict) }, brake);
  const answer = () => new FakeInvite('offer', { 'proxy-authorization': 'Digest …' });
  const [one, other] = [numberConfig(), numberConfig({ number: '+15550001001' })];
  for (let i = 0; i < 5; i++) assert.equal(challenger.check(answer(), one).kind, 'refused');
  assert.deepEqual([looks, started], [2, 1]);
  verdict = { kind: 'challenge', header: 'Digest …' };
  assert.equal(challenger.check(new FakeInvite(), one).kind, 'challenge');
  verdict = { kind: 'ok' };
  assert.equal(challenger.check(answer(), other).kind, 'ok');
  now = 5000;
  assert.equal(challenger.check(answer(), one).kind, 'ok');
  // What is wrong with the form says nothing about the password.
  verdict = { kind: 'refused', why: 'uri' };
  for (let i = 0; i < 5; i++) challenger.check(answer(), one);
  assert.equal(started, 1);
});
