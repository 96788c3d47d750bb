/**
 * Every order in which CANCEL, answers, refusals, BYEs, timers, media and shutdown can arrive: the machine is run against
 * a small model of the world that knows what may happen next, and all reachable worlds are visited.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from '../../gateway/calls/failures.js';
import { INITIAL, step } from '../../gateway/calls/machine.js';
import type { CallEffect, CallEvent, CallRules, CallState } from '../../gateway/calls/machine-types.js';

const UNREACHABLE = FAILURES.unreachable;
const DIRECTIONS: readonly CallRules[] = [
  { callee: 'pbx', attempts: 2, unreachable: UNREACHABLE },
  { callee: 'whatsapp', attempts: 2, unreachable: UNREACHABLE },
];
const BUSY = { code: 'refused', status: 486, reason: 'Busy', q850: 17 };

interface World {
  readonly rules: CallRules;
  readonly state: CallState;
  /** `inviting`: no final response yet. `accepting`: our 200 is being sent. */
  readonly caller: 'inviting' | 'cancelled' | 'accepting' | 'accepting-cancelled' | 'up' | 'over';
  readonly calleeAttempt: number;
  /** `cancelling`: our CANCEL is out and a 200 may cross it; the adapter then hangs up, so no answer is told. */
  readonly callee: 'idle' | 'inviting' | 'up' | 'over';
  readonly rang: boolean;
  /** Late news of the attempt before has come. */
  readonly lateNews: boolean;
  readonly permission: 'unasked' | 'asking' | 'told';
  readonly media: 'idle' | 'opening' | 'open' | 'answering' | 'closed';
  readonly timers: readonly string[];
  readonly finished: number;
  readonly refusals: number;
  readonly rings: number;
  readonly mediaStarted: boolean;
}

const FIRST: Omit<World, 'rules'> = {
  state: INITIAL,
  caller: 'inviting',
  calleeAttempt: -1,
  callee: 'idle',
  rang: false,
  lateNews: false,
  permission: 'unasked',
  media: 'idle',
  timers: [],
  finished: 0,
  refusals: 0,
  rings: 0,
  mediaStarted: false,
};

function apply(world: World, effect: CallEffect): World {
  switch (effect.kind) {
    case 'ask-permission':
      return { ...world, permission: 'asking' };
    case 'open-media':
      return { ...world, media: 'opening' };
    case 'answer-media':
      assert.equal(world.media, 'open', 'an answer needs an open session');
      return { ...world, media: 'answering' };
    case 'start-media':
      if (world.rules.callee === 'pbx') assert.equal(world.caller, 'up', 'no media before the 200');
      else assert.equal(world.callee, 'up', 'no media before the 200');
      return { ...world, mediaStarted: true };
    case 'close-media':
      return { ...world, media: 'closed' };
    case 'dial':
      assert.ok(world.callee === 'idle' || world.callee === 'over', 'one host rings at a time');
      return { ...world, callee: 'inviting', calleeAttempt: effect.attempt, rang: false };
    case 'cancel-callee':
      return { ...world, callee: world.callee === 'inviting' ? 'over' : world.callee };
    case 'bye-callee':
      return { ...world, callee: world.callee === 'up' ? 'over' : world.callee };
    case 'ring-caller':
      assert.equal(world.caller, 'inviting', '180 after a final response');
      return { ...world, rings: world.rings + 1 };
    case 'accept-caller':
      assert.equal(world.caller, 'inviting', '200 after a final response');
      return { ...world, caller: 'accepting' };
    case 'refuse-caller':
      assert.equal(world.caller, 'inviting', 'refusal after a final response');
      return { ...world, caller: 'over', refusals: world.refusals + 1 };
    case 'bye-caller':
      return { ...world, caller: world.caller === 'up' ? 'over' : world.caller };
    case 'start-timer':
      return { ...world, timers: [...world.timers.filter((t) => t !== effect.timer), effect.timer].sort() };
    case 'stop-timer':
      return { ...world, timers: world.timers.filter((t) => t !== effect.timer) };
    case 'finish':
      return { ...world, finished: world.finished + 1, timers: [] };
  }
}

interface Move {
  readonly event: CallEvent;
  readonly change: Partial<World>;
}

/** What the world may do next. */
function moves(world: World): Move[] {
  const list: Move[] = [];
  const attempt = world.calleeAttempt;
  const peer = { by: 'peer', reason: undefined } as const;
  const add = (event: CallEvent, change: Partial<World> = {}): number => list.push({ event, change });
  if (world.caller === 'inviting') add({ kind: 'caller-cancelled' }, { caller: 'cancelled' });
  if (world.caller === 'accepting') {
    add({ kind: 'caller-cancelled' }, { caller: 'accepting-cancelled' });
    add({ kind: 'accepted' }, { caller: 'up' });
    add({ kind: 'accept-failed' }, { caller: 'over' });
  }
  if (world.caller === 'accepting-cancelled') {
    add({ kind: 'accepted' }, { caller: 'up' }); // the 200 won
    add({ kind: 'accept-failed' }, { caller: 'over' });
  }
  if (world.caller === 'up') {
    add({ kind: 'caller-ended', end: peer }, { caller: 'over' });
    add({ kind: 'caller-ended', end: { by: 'no-ack', reason: undefined } }, { caller: 'over' });
  }
  if (world.permission === 'asking') {
    add({ kind: 'permitted' }, { permission: 'told' });
    add({ kind: 'denied', failure: BUSY }, { permission: 'told' });
  }
  if (world.media === 'opening') {
    add({ kind: 'media-opened' }, { media: 'open' });
    add({ kind: 'media-failed', code: 'sdp' }, { media: 'closed' });
  }
  if (world.media === 'answering') {
    add({ kind: 'media-answered', sdp: 'answer' }, { media: 'open' });
    add({ kind: 'media-failed', code: 'pbx-answer' });
  }
  if (world.media !== 'idle' && world.media !== 'closed') add({ kind: 'media-lost' });
  if (world.callee === 'inviting') {
    if (!world.rang) add({ kind: 'callee-provisional', attempt, status: 180 }, { rang: true });
    add({ kind: 'callee-answered', attempt, sdp: 'pbx' }, { callee: 'up' });
    add({ kind: 'callee-refused', attempt, failure: BUSY, tryNext: false }, { callee: 'over' });
    add({ kind: 'callee-refused', attempt, failure: BUSY, tryNext: true }, { callee: 'over' });
    add({ kind: 'callee-unreachable', attempt }, { callee: 'over' });
  }
  if (attempt > 0 && !world.lateNews) add({ kind: 'callee-unreachable', attempt: attempt - 1 }, { lateNews: true });
  if (world.callee === 'up') {
    add({ kind: 'callee-ended', end: peer }, { callee: 'over' });
    add({ kind: 'callee-ended', end: { by: 'lost', reason: undefined } }, { callee: 'over' });
  }
  if (world.timers.includes('attempt')) add({ kind: 'attempt-timeout' });
  if (world.timers.includes('answer')) add({ kind: 'answer-timeout' });
  if (world.timers.includes('duration')) add({ kind: 'duration-timeout' });
  const pbxIsUp = world.rules.callee === 'pbx' ? world.callee === 'up' : world.caller === 'up';
  if (pbxIsUp) add({ kind: 'session-expired' });
  if (pbxIsUp && world.caller === 'up') add({ kind: 'media-failed', code: 'pbx-answer' });
  if (world.finished === 0) add({ kind: 'shutdown' });
  return list;
}

function take(world: World, { event, change }: Move): World {
  const { state, effects } = step(world.rules, world.state, event);
  return effects.reduce(apply, { ...world, ...change, state });
}

function begin(rules: CallRules): World {
  const { state, effects } = step(rules, INITIAL, { kind: 'start' });
  return effects.reduce(apply, { ...FIRST, rules, state });
}

function visitAll(visit: (world: World, last: Move | undefined) => void): number {
  const seen = new Set<string>();
  const queue: { world: World; last: Move | undefined }[] = DIRECTIONS.map((rules) => ({
    world: begin(rules),
    last: undefined,
  }));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const key = JSON.stringify(next.world);
    if (seen.has(key)) continue;
    seen.add(key);
    visit(next.world, next.last);
    for (const move of moves(next.world)) queue.push({ world: take(next.world, move), last: move });
  }
  return seen.size;
}

test('no order of events leaves a leg, a timer or a media session behind', () => {
  const worlds = visitAll((world, last) => {
    const story = JSON.stringify({ world, last });
    assert.ok(world.finished <= 1, `finished twice: ${story}`);
    assert.ok(world.refusals <= 1, `refused twice: ${story}`);
    assert.ok(world.rings <= 1, `rang twice: ${story}`);
    assert.equal(world.state.kind === 'ended', world.finished === 1, `ended and finished go together: ${story}`);
    if (world.finished === 0) return;
    assert.deepEqual(world.timers, [], `timer left: ${story}`);
    assert.ok(world.media === 'closed' || world.media === 'idle', `media left: ${story}`);
    assert.notEqual(world.callee, 'inviting', `callee left ringing: ${story}`);
    assert.notEqual(world.callee, 'up', `callee's leg left alone: ${story}`);
    assert.notEqual(world.caller, 'up', `caller's leg left alone: ${story}`);
    assert.notEqual(world.caller, 'inviting', `caller left without a final response: ${story}`);
  });
  assert.ok(worlds > 100, `only ${worlds} worlds visited: the model is broken`);
});

test('from every world that is not over the call can still come to its end', () => {
  visitAll((world) => {
    if (world.finished === 0) assert.ok(moves(world).length > 0, JSON.stringify(world));
  });
});

/** A small generator of pseudo-random numbers (mulberry32), so that a failure can be repeated by its seed. */
function randomFrom(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('10,000 random lives of a call each come to one end, with nothing left', (t) => {
  const seed = Number(process.env.WA_TRUNK_TEST_SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`seed ${seed} (WA_TRUNK_TEST_SEED repeats it)`);
  const random = randomFrom(seed);
  for (let life = 0; life < 10_000; life++) {
    let world = begin(DIRECTIONS[life % 2]!);
    const story: string[] = [];
    for (let next = moves(world); next.length > 0; next = moves(world)) {
      const move = next[Math.floor(random() * next.length)]!;
      story.push(move.event.kind);
      world = take(world, move);
      assert.ok(story.length < 60, `no end: seed ${seed}, ${story.join(' ')}`);
    }
    const told = `seed ${seed}, life ${life}: ${story.join(' ')}`;
    assert.equal(world.finished, 1, told);
    assert.ok(world.caller !== 'up' && world.callee !== 'up' && world.callee !== 'inviting', told);
    assert.deepEqual(world.timers, [], told);
  }
});
