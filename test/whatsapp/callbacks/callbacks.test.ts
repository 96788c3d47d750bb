import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { openStore, type Store } from '../../../gateway/store/index.js';
import {
  ATTEMPTS_MAX,
  createCallbacks,
  type Callbacks,
  type PlaceResult,
} from '../../../gateway/whatsapp/callbacks/index.js';
import { testLog } from '../../store/engines.js';
import { gate } from '../fake-graph.js';

const NUMBER = '+442071838750';
const OTHER = '+442071838751';
const USER = '+4915112345678';
const HOUR = 60 * 60_000;

let store: Store;
let now: number;
let placed: string[];
let result: () => Promise<PlaceResult>;
let callbacks: Callbacks;
let other: Callbacks;

beforeEach(async () => {
  now = 1_800_000_000_000;
  store = await openStore({ engine: 'memory' }, { log: testLog(), clock: () => now });
  placed = [];
  result = () => Promise.resolve('connected');
  const place = ({ number, user }: { number: string; user: string }): Promise<PlaceResult> => {
    placed.push(`${number}:${user}`);
    return result();
  };
  const deps = { store, place, log: testLog(), clock: () => now };
  callbacks = createCallbacks(deps);
  other = createCallbacks(deps);
});

afterEach(() => store.close());

const always = (): boolean => true;

test('one entry a user, with every reason once, and the later expiry', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered', expiresAtMs: now + 3 * HOUR });
  now += 1;
  await other.add({ number: NUMBER, user: USER, reason: 'outside-hours', expiresAtMs: now + HOUR });
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered' });
  await callbacks.add({ number: OTHER, user: USER, reason: 'agent' });
  const [entry, ...others] = await callbacks.list(NUMBER);
  assert.deepEqual([entry?.reasons, others], [['unanswered', 'outside-hours'], []]);
  assert.equal(entry?.addedAtMs, now - 1);
  assert.equal(entry.expiresAtMs, now + 7 * 24 * HOUR);
  assert.equal((await callbacks.list()).length, 2);
});

test('an entry expires with the permission', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered', expiresAtMs: now + HOUR });
  now += HOUR;
  assert.deepEqual(await callbacks.list(), []);
  assert.equal(await callbacks.place(NUMBER, USER), 'gone');
  assert.deepEqual(placed, []);
});

test('removed by hand', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'agent' });
  assert.equal(await callbacks.remove(NUMBER, USER), true);
  assert.equal(await callbacks.remove(NUMBER, USER), false);
});

test('two gateways, one call; a connected one is done', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered' });
  const ringing = gate<PlaceResult>();
  result = () => ringing.promise;
  const first = callbacks.place(NUMBER, USER);
  assert.equal(await other.place(NUMBER, USER), 'busy');
  assert.equal(await other.placeDue(always), 0);
  ringing.open('connected');
  assert.equal(await first, 'connected');
  assert.equal(await other.place(NUMBER, USER), 'gone');
  assert.deepEqual(placed, [`${NUMBER}:${USER}`]);
});

test('due: oldest first, only where it is open', async () => {
  await callbacks.add({ number: NUMBER, user: '+2', reason: 'unanswered' });
  now += 1;
  await callbacks.add({ number: NUMBER, user: '+1', reason: 'unanswered' });
  await callbacks.add({ number: OTHER, user: '+3', reason: 'unanswered' });
  assert.equal(await callbacks.placeDue((number) => number === NUMBER), 2);
  assert.deepEqual(placed, [`${NUMBER}:+2`, `${NUMBER}:+1`]);
  assert.equal((await callbacks.list()).length, 1);
});

test('not answered: an hour later again, then no more unless an agent or the user asks', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered' });
  result = () => Promise.resolve('unanswered');
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    await callbacks.placeDue(always);
    assert.equal(placed.length, attempt);
    now += HOUR - 1;
    await callbacks.placeDue(always);
    assert.equal(placed.length, attempt, 'not before the hour is over');
    now += 1;
  }
  await callbacks.placeDue(always);
  assert.equal(placed.length, ATTEMPTS_MAX);
  assert.equal(await callbacks.place(NUMBER, USER), 'unanswered', 'an agent may');
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered' });
  await callbacks.placeDue(always);
  assert.equal(placed.length, ATTEMPTS_MAX + 2);
});

test('a call that fails is tried again after five minutes, and costs no attempt', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered' });
  result = () => Promise.reject(new Error('PBX away'));
  assert.equal(await callbacks.place(NUMBER, USER), 'failed');
  assert.equal((await callbacks.list())[0]?.attempts, 0);
  assert.deepEqual(await callbacks.due(always), []);
  now += 5 * 60_000;
  assert.equal((await callbacks.due(always)).length, 1);
  assert.equal(await other.place(NUMBER, USER), 'failed', 'the lease was given back');
});

test('an entry removed during the call stays removed', async () => {
  await callbacks.add({ number: NUMBER, user: USER, reason: 'unanswered' });
  result = async () => {
    await callbacks.remove(NUMBER, USER);
    return 'unanswered';
  };
  await callbacks.place(NUMBER, USER);
  assert.deepEqual(await callbacks.list(), []);
});
