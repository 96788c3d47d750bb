import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { FAILURES, NORMAL } from '../../gateway/calls/failures.js';
import type { CallIdentity, CallObserver, CallRecord } from '../../gateway/calls/observer.js';
import { CallRecorder, combineObservers, createSink } from '../../gateway/telemetry/index.js';
import { MemoryStore } from './memory-store.js';

const CALL: CallIdentity = {
  id: 'c1',
  direction: 'business-initiated',
  number: '+15551234567',
  trunk: 'office',
  user: '+4915112345678',
};

const TALKED: CallRecord = {
  outcome: { by: 'callee', failure: NORMAL },
  dialledMs: 3.4,
  ringingMs: 200,
  answeredMs: 4000,
  endedMs: 64_000.4,
  media: { fromWhatsApp: { packets: 3000, bytes: 90_000, errors: 0 }, fromPbx: { packets: 2999, bytes: 1, errors: 1 } },
  wacid: 'wacid.ABC',
};

const MISSED: CallRecord = {
  outcome: { by: 'gateway', failure: FAILURES['no-answer'] },
  endedMs: 30_000,
  media: undefined,
};

function stage(options: { maxWaiting?: number; instance?: string; store?: MemoryStore } = {}) {
  const store = options.store ?? new MemoryStore();
  const sink = createSink();
  const clock = { now: 1_000_000 };
  const recorder = new CallRecorder({
    store,
    log: sink.log,
    instance: options.instance ?? 'one',
    now: () => clock.now,
    retryMs: 1,
    ...(options.maxWaiting === undefined ? {} : { maxWaiting: options.maxWaiting }),
  });
  return { store, rows: store.records.rows, clock, recorder, messages: () => sink.lines.map(({ message }) => message) };
}

async function until(met: () => boolean): Promise<void> {
  while (!met()) await turn();
}

test('a call has a row while it lasts, and the whole story afterwards', async () => {
  const { recorder, rows } = stage();
  recorder.started(CALL);
  await until(() => rows.has('c1'));
  assert.deepEqual(rows.get('c1'), {
    ...CALL,
    startedAtMs: 1_000_000,
    answered: false,
    details: { gateway: 'one' },
  });
  recorder.ended(CALL, TALKED);
  await recorder.close();
  assert.deepEqual(rows.get('c1'), {
    ...CALL,
    wacid: 'wacid.ABC',
    startedAtMs: 1_000_000,
    endedAtMs: 1_064_000,
    answered: true,
    outcome: 'answered',
    details: {
      ...{ gateway: 'one', by: 'callee', result: 'normal', status: 200, q850: 16, reason: 'NORMAL_CLEARING' },
      ...{ dialledMs: 3, ringingMs: 200, answeredMs: 4000, endedMs: 64_000 },
      media: {
        fromWhatsApp: { packets: 3000, bytes: 90_000, errors: 0 },
        fromPbx: { packets: 2999, bytes: 1, errors: 1 },
      },
    },
  });
});

test('a call that nobody answered says so, and one without a user or wacid has none', async () => {
  const { recorder, rows } = stage();
  const call = { id: 'c2', direction: 'user-initiated', number: '+15551234567', trunk: 'office', wacid: '' } as const;
  recorder.started(call);
  recorder.ended(call, MISSED);
  await recorder.close();
  const { answered, outcome, user, wacid } = rows.get('c2') ?? {};
  assert.deepEqual([answered, outcome, user, wacid], [false, 'no-answer', undefined, undefined]);
});

test('rows of one moment are written together, and a short call once', async () => {
  const { recorder, store, rows } = stage();
  for (let i = 0; i < 100; i++) recorder.started({ ...CALL, id: `c${i}` });
  for (let i = 0; i < 100; i++) recorder.ended({ ...CALL, id: `c${i}` }, TALKED);
  await recorder.close();
  assert.equal(rows.size, 100);
  assert.equal(store.records.puts.length, 100);
  assert.ok(store.records.mostAtOnce > 1 && store.records.mostAtOnce <= 32, String(store.records.mostAtOnce));
});

test('a beginning that is being written never comes after the end', async () => {
  const { recorder, store, rows } = stage();
  let open = (): void => undefined;
  store.records.gate = new Promise((resolve) => (open = resolve));
  recorder.started(CALL);
  await until(() => store.records.puts.length === 1);
  recorder.ended(CALL, TALKED);
  await turn();
  assert.equal(store.records.puts.length, 1, 'the end waits for the beginning');
  open();
  await recorder.close();
  assert.equal(rows.get('c1')?.outcome, 'answered');
});

test('rows wait while the store is down, and nothing is lost', async () => {
  const { recorder, store, rows, messages } = stage();
  store.records.failing = true;
  for (let i = 0; i < 50; i++) {
    recorder.started({ ...CALL, id: `c${i}` });
    recorder.ended({ ...CALL, id: `c${i}` }, TALKED);
  }
  await until(() => store.records.puts.length > 60);
  store.records.failing = false;
  await until(() => rows.size === 50 && recorder.waiting === 0);
  await recorder.close();
  assert.deepEqual(messages(), ['call records cannot be written, they wait', 'call records are written again']);
});

test('what the queue cannot hold is lost, and that is said once', async () => {
  const { recorder, store, rows, messages } = stage({ maxWaiting: 10 });
  let open = (): void => undefined;
  store.records.gate = new Promise((resolve) => (open = resolve));
  recorder.started({ ...CALL, id: 'first' });
  await until(() => store.records.puts.length === 1);
  for (let i = 0; i < 30; i++) {
    recorder.started({ ...CALL, id: `c${i}` });
    recorder.ended({ ...CALL, id: `c${i}` }, TALKED);
  }
  assert.equal(recorder.waiting, 10);
  open();
  await recorder.close();
  assert.equal(rows.size, 11);
  const lost = 'call records lost: the store does not take them; look at its log lines';
  assert.deepEqual(messages(), [lost]);
});

test('closing does not wait for ever for a store that is down', async () => {
  const { recorder, store, messages } = stage();
  store.records.gate = new Promise(() => undefined);
  recorder.started(CALL);
  await until(() => store.records.puts.length === 1);
  recorder.ended(CALL, TALKED);
  // The time is the test's; the recorder's own is 5 s.
  const timeout = AbortSignal.timeout(20_000);
  await Promise.race([recorder.close(), new Promise((_, reject) => timeout.addEventListener('abort', reject))]);
  assert.ok(messages().includes('call records lost: the store does not take them; look at its log lines'));
});

test('the rows of a process that died are finished by the next one, and by nobody while it lives', async () => {
  const store = new MemoryStore();
  const dead = stage({ store, instance: 'dead' });
  dead.recorder.started({ ...CALL, id: 'told' });
  await until(() => dead.rows.has('told'));
  dead.recorder.start();
  await until(() => store.documents.has('gateways/dead'));
  dead.clock.now += 2000;
  dead.recorder.started({ ...CALL, id: 'after the last beat' });
  dead.recorder.started({ ...CALL, id: 'over' });
  dead.recorder.ended({ ...CALL, id: 'over' }, MISSED);
  await until(() => dead.rows.size === 3 && dead.recorder.waiting === 0);
  const beat = structuredClone(store.documents.get('gateways/dead') ?? null);
  await dead.recorder.close(); // its timer; what it would tidy is put back
  store.documents.set('gateways/dead', beat);

  const next = stage({ store, instance: 'next' });
  next.recorder.started({ ...CALL, id: 'mine' });
  next.clock.now = 1_060_000;
  next.recorder.start();
  await until(() => store.documents.has('gateways/next'));
  for (let i = 0; i < 10; i++) await turn();
  assert.equal(next.rows.get('told')?.endedAtMs, undefined, 'a minute of silence is not yet death');
  await next.recorder.close();

  const later = stage({ store, instance: 'later' });
  later.clock.now = 1_060_001;
  later.recorder.start();
  await until(() => !store.documents.has('gateways/dead'));
  const { endedAtMs, outcome, answered } = later.rows.get('told') ?? {};
  assert.deepEqual([endedAtMs, outcome, answered], [1_000_000, 'gateway-died', false]);
  assert.equal(later.rows.get('after the last beat')?.outcome, 'gateway-died');
  assert.equal(later.rows.get('over')?.outcome, 'no-answer');
  assert.equal(later.rows.get('mine')?.outcome, undefined, 'not of the dead one');
  assert.deepEqual(later.messages(), ['records of calls finished whose gateway died']);
  await later.recorder.close();
  assert.equal(store.documents.size, 0);
});

test('combined observers are all told, and none can hurt a call', () => {
  const { log, lines } = createSink();
  const told: string[] = [];
  const recording = (name: string): CallObserver => ({
    refused: () => void told.push(`${name} refused`),
    started: () => void told.push(`${name} started`),
    ended: () => void told.push(`${name} ended`),
    trouble: () => void told.push(`${name} trouble`),
  });
  const broken = {
    ...recording('broken'),
    started: () => {
      throw new Error('broken');
    },
  };
  const all = combineObservers([recording('a'), broken, recording('b')], log);
  all.started(CALL);
  all.ended(CALL, TALKED);
  all.refused({ code: 'draining', detail: '', source: '', sipCallId: '' });
  all.trouble(CALL, { from: 'pbx', present: true } as Parameters<CallObserver['trouble']>[1]);
  assert.deepEqual(told, [
    ...['a started', 'b started', 'a ended', 'broken ended', 'b ended'],
    ...['a refused', 'broken refused', 'b refused', 'a trouble', 'broken trouble', 'b trouble'],
  ]);
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [['error', 'an observer of calls failed']],
  );
});
