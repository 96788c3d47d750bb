import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopsOf } from '../../gateway/calls/attempts.js';
import type { Choice } from '../../gateway/pbx/index.js';
import { configuredPeer } from '../../gateway/pbx/peer.js';
import { trunkConfig } from './configs.js';

const PLAN = {
  destinations: [
    { trunk: trunkConfig('main'), extension: '10' },
    { trunk: trunkConfig('branch'), extension: '20' },
  ],
};

function choice(down: boolean, ...hosts: readonly string[]): Choice {
  return { down, peers: hosts.map((host) => configuredPeer({ host, transport: 'udp', weight: 1 })) };
}

function stops(main: Choice, branch: Choice): readonly string[] {
  return stopsOf(PLAN, (trunk) => (trunk === 'main' ? main : branch)).map(
    ({ destination, peer }) => peer.target(destination.extension).requestUri,
  );
}

test('every host of the first trunk, then those of the next', () => {
  assert.deepEqual(stops(choice(false, 'a', 'b'), choice(false, 'c')), ['sip:10@a', 'sip:10@b', 'sip:20@c']);
});

test('a trunk that is down is passed over while another is not', () => {
  assert.deepEqual(stops(choice(true, 'a', 'b'), choice(false, 'c')), ['sip:20@c']);
  assert.deepEqual(stops(choice(false, 'a'), choice(true, 'c')), ['sip:10@a']);
});

test('when all are down they are tried all the same', () => {
  assert.deepEqual(stops(choice(true, 'a'), choice(true, 'c')), ['sip:10@a', 'sip:20@c']);
  assert.deepEqual(stops(choice(true), choice(true)), []);
});
