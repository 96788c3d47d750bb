/**
 * Every order in which CANCEL, answers, refusals, BYEs, timers, media and shutdown can arrive: the machine is run against
 * a small model of the world that knows what may happen next, and all reachable worlds are visited.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INITIAL, step, type CallEffect, type CallEvent, type CallState } from '../../gateway/calls/machine.js';

const HOSTS = 2;

interface World {
  readonly state: CallState;
  /** `inviting`: no final response yet. `accepting`: our 200 is being sent. */
  readonly caller: 'inviting' | 'cancelled' | 'accepting' | 'accepting-cancelled' | 'up' | 'over';
  readonly calleeAttempt: number;
  /** `cancelling`: our CANCEL is out and a 200 may cross it; the adapter then hangs up, so no answer is told. */
  readonly callee: 'idle' | 'inviting' | 'up' | 'over';
  readonly rang: boolean;
  readonly media: 'idle' | 'opening' | 'open' | 'answering' | 'closed';
  readonly timers: readonly string[];
  readonly finished: number;
  readonly refusals: number;
  readonly rings: number;
  readonly mediaStarted: boolean;
}

const FIRST: World = {
  state: INITIAL,
  caller: 'inviting',
  calleeAttempt: -1,
  callee: 'idle',
  rang: false,
  media: 'idle',
  timers: [],
  finished: 0,
  refusals: 0,
  rings: 0,
  mediaStarted: false,
};

function apply(world: World, effect: CallEffect): World {
  switch (effect.kind) {
    case 'open-media':
      return { ...world, media: 'opening' };
    case 'answer-media':
      assert.equal(world.media, 'open', 'an answer needs an open session');
      return { ...world, media: 'answering' };
    case 'start-media':
      assert.equal(world.caller, 'up', 'no media before the 200');
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
    add({ kind: 'callee-refused', attempt, status: 486, reason: 'Busy' }, { callee: 'over' });
    add({ kind: 'callee-refused', attempt, status: 503, reason: 'Full' }, { callee: 'over' });
    add({ kind: 'callee-unreachable', attempt }, { callee: 'over' });
  }
  if (attempt > 0) add({ kind: 'callee-unreachable', attempt: attempt - 1 }); // late news of the host before
  if (world.callee === 'up') {
    add({ kind: 'callee-ended', end: peer }, { callee: 'over' });
    add({ kind: 'callee-ended', end: { by: 'lost', reason: undefined } }, { callee: 'over' });
  }
  if (world.timers.includes('attempt')) add({ kind: 'attempt-timeout' });
  if (world.timers.includes('answer')) add({ kind: 'answer-timeout' });
  if (world.finished === 0) add({ kind: 'shutdown' });
  return list;
}

function take(world: World, { event, change }: Move): World {
  const { state, effects } = step(HOSTS, world.state, event);
  return effects.reduce(apply, { ...world, ...change, state });
}

function visitAll(visit: (world: World, last: Move | undefined) => void): number {
  const begun = step(HOSTS, INITIAL, { kind: 'start' }).effects.reduce(apply, FIRST);
  const seen = new Set<string>();
  const queue: { world: World; last: Move | undefined }[] = [{ world: begun, last: undefined }];
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
    assert.notEqual(world.callee, 'inviting', `PBX left ringing: ${story}`);
    assert.notEqual(world.callee, 'up', `PBX leg left alone: ${story}`);
    assert.notEqual(world.caller, 'up', `WhatsApp leg left alone: ${story}`);
    assert.notEqual(world.caller, 'inviting', `WhatsApp left without a final response: ${story}`);
  });
  assert.ok(worlds > 100, `only ${worlds} worlds visited: the model is broken`);
});

test('from every world that is not over the call can still come to its end', () => {
  visitAll((world) => {
    if (world.finished === 0) assert.ok(moves(world).length > 0, JSON.stringify(world));
  });
});
