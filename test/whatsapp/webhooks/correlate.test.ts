import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { compare, Correlator, type Disagreement, type OwnCall } from '../../../gateway/whatsapp/webhooks/correlate.js';
import type { CallTerminated } from '../../../gateway/whatsapp/webhooks/events.js';
import { readWebhook } from '../../../gateway/whatsapp/webhooks/read.js';
import { AT, payload, terminate } from './payloads.js';

const NONE = { start_time: undefined, end_time: undefined, duration: undefined };

/** Connected for a minute, unless `more` says otherwise. */
function meta(more: object = {}, wacid = 'wacid.1'): CallTerminated {
  const [event] = readWebhook(payload(terminate(wacid, more)), 0);
  assert.ok(event?.kind === 'call-terminated');
  return event;
}

function own(seconds: number): OwnCall {
  return { answered: true, answeredAtMs: AT * 1000, endedAtMs: (AT + seconds) * 1000, outcome: 'answered' };
}
const UNANSWERED: OwnCall = { answered: false, endedAtMs: AT * 1000, outcome: 'no-answer' };

test('what agrees and what does not', () => {
  const kindOf = (more: object, ours: OwnCall | undefined) => compare(meta(more), ours)?.kind;
  assert.equal(kindOf({}, own(60)), undefined);
  assert.equal(kindOf({}, own(65)), undefined);
  assert.equal(kindOf({}, own(66)), 'duration');
  assert.equal(kindOf({}, own(54)), 'duration');
  assert.equal(kindOf({ duration: undefined }, own(66)), 'duration', 'from its times');
  assert.equal(kindOf(NONE, own(60)), undefined, 'Meta told no duration');
  assert.equal(kindOf({}, { answered: true }), undefined, 'we know none');
  assert.equal(kindOf({ status: 'FAILED' }, own(60)), 'failed-at-meta');
  assert.equal(kindOf({ ...NONE, status: 'FAILED' }, UNANSWERED), undefined);
  assert.equal(kindOf({}, UNANSWERED), 'unanswered-here');
  assert.equal(kindOf(NONE, UNANSWERED), undefined, 'COMPLETED alone says of no pick-up');
  assert.equal(kindOf({}, undefined), 'unseen');
  assert.equal(compare(meta(), own(70))?.ownDurationMs, 70_000);
});

interface Setup {
  readonly correlator: Correlator;
  readonly reported: Disagreement[];
  readonly counted: string[];
  readonly asked: string[];
}

function start(ownCall: (asked: number) => OwnCall | undefined, retryMs: readonly number[] = [5, 5]): Setup {
  const [reported, counted, asked]: [Disagreement[], string[], string[]] = [[], [], []];
  const correlator = new Correlator({
    ownCall: (wacid) => {
      asked.push(wacid);
      return ownCall(asked.length);
    },
    disagree: (disagreement) => reported.push(disagreement),
    observe: {
      agreed: () => counted.push('agreed'),
      disagreed: (kind) => counted.push(kind),
      skipped: () => counted.push('skipped'),
    },
    log: { warn: (_, text) => counted.push(text) },
    retryMs,
  });
  return { correlator, reported, counted, asked };
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await delay(5);
}

test('a call that is not known or not over yet is asked for again, and reported once', async () => {
  const views = [undefined, { answered: true }, own(90)];
  const { correlator, reported, counted, asked } = start((times) => views[times - 1]);
  await correlator.terminated(meta());
  assert.deepEqual([asked.length, reported.length], [1, 0]);
  await correlator.terminated(meta());
  await until(() => counted.length === 1);
  await correlator.terminated(meta());
  assert.deepEqual(counted, ['duration']);
  assert.deepEqual(reported, [{ kind: 'duration', meta: meta(), own: own(90), ownDurationMs: 90_000 }]);
  assert.equal(asked.length, 3);
});

test('a call that stays unknown never reached us', async () => {
  const { correlator, reported, asked } = start(() => undefined);
  await correlator.terminated(meta());
  await until(() => reported.length === 1);
  assert.deepEqual(reported, [{ kind: 'unseen', meta: meta() }]);
  assert.equal(asked.length, 3);
});

test('records that cannot be read: the first time the event is told again, later ones are skipped', async () => {
  const { correlator, counted } = start((times) => {
    if (times === 2) return undefined;
    throw new Error('store down');
  });
  await assert.rejects(correlator.terminated(meta()), /store down/);
  await correlator.terminated(meta());
  await until(() => counted.length === 2);
  assert.deepEqual(counted, ['a call could not be compared with what Meta says of it', 'skipped']);
});

test('closing forgets what waits; calls that wait are bounded', async () => {
  const { correlator, counted, asked } = start(() => undefined, [50]);
  for (let n = 0; n < 1001; n++) await correlator.terminated(meta({}, `wacid.${n}`));
  assert.deepEqual(counted, ['skipped']);
  correlator.close();
  await delay(100);
  assert.equal(asked.length, 1001);
});
