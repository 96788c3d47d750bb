import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import type { SeenRequest } from '../../../simulator/graph/index.js';
import { ACCOUNT, assertRefused, calling, NUMBER, setCalling, withGraph, withServer, type Fixture } from './fixture.js';

const settings = `${NUMBER}/settings`;
const isWrite = ({ method }: SeenRequest): boolean => method === 'POST';
const enable = ({ post }: Fixture) => post(settings, { calling: { status: 'ENABLED' } });
const status = ({ sim }: Fixture) => sim.state.number(NUMBER).calling.status;
const failed = (error: unknown): boolean => error instanceof TypeError; // fetch, without an answer

test('slow: the answer comes later, and so does the effect', async () => {
  await withGraph(async (fixture) => {
    const { sim, get } = fixture;
    sim.faults.slow(80, { when: isWrite, times: 1 });
    const order: string[] = [];
    await Promise.all([
      enable(fixture).then(() => order.push('slow')),
      get(settings).then(({ body }) => {
        order.push('at once');
        assert.equal((body.calling as { status: string }).status, 'DISABLED');
      }),
    ]);
    assert.deepEqual(order, ['at once', 'slow']);
    assert.equal(status(fixture), 'ENABLED');
  });
});

test('slow, once: the next request is not, and closing cuts the wait short', async () => {
  await withGraph(async ({ sim, get }) => {
    sim.faults.slow(3_600_000);
    const asked = assert.rejects(get(settings), failed);
    while (sim.requests.length === 0) await sleep(1);
    assert.equal((await get(settings)).status, 200);
    await sim.close();
    await asked;
    assert.equal(sim.requests[0]?.status, undefined);
  });
});

test('a given error: no effect, and the next request is well again', async () => {
  await withGraph(async (fixture) => {
    fixture.sim.faults.answer({ code: 131000, message: 'Something went wrong', status: 500, details: 'Try later' });
    assertRefused(await enable(fixture), 500, 131000, /Try later/);
    assert.equal(status(fixture), 'DISABLED');
    assert.equal((await enable(fixture)).status, 200);
    assert.deepEqual(
      fixture.sim.requests.map((request) => [request.status, request.errorCode]),
      [
        [500, 131000],
        [200, undefined],
      ],
    );
  });
});

test('rate limits: code, status, Retry-After and the business use case', async () => {
  await withGraph(async ({ sim, get }) => {
    sim.faults.rateLimit();
    sim.faults.rateLimit({ code: 613, status: 400, retryAfterS: 90 });
    const first = await get(settings);
    assertRefused(first, 429, 80007);
    assert.equal(first.headers.get('retry-after'), '1');
    const second = await get(settings);
    assertRefused(second, 400, 613);
    assert.equal(second.headers.get('retry-after'), '90');
    const usage = JSON.parse(second.headers.get('x-business-use-case-usage') ?? '{}') as Record<string, object[]>;
    assert.deepEqual(usage[ACCOUNT]?.[0], {
      type: 'whatsapp',
      call_count: 100,
      total_cputime: 25,
      total_time: 25,
      estimated_time_to_regain_access: 2,
    });
    assert.equal((await get(settings)).status, 200);
  });
});

test('a dropped connection: before the effect, or after it', async () => {
  await withGraph(async (fixture) => {
    const { sim } = fixture;
    sim.faults.drop('before', { when: isWrite });
    await assert.rejects(enable(fixture), failed);
    assert.equal(status(fixture), 'DISABLED');
    sim.faults.drop('after', { when: isWrite });
    await assert.rejects(enable(fixture), failed);
    assert.equal(status(fixture), 'ENABLED');
    assert.deepEqual(
      sim.requests.map((request) => [request.status, request.dropped]),
      [
        [undefined, 'before'],
        [undefined, 'after'],
      ],
    );
  });
});

test('faults are cleared, and are for whom they are meant', async () => {
  await withGraph(async ({ sim, get }) => {
    sim.faults.answer({ code: 1 }, { when: ({ path }) => path === 'app', times: Infinity });
    assert.equal((await get(settings)).status, 200);
    for (let n = 0; n < 3; n++) assertRefused(await get('app'), 400, 1);
    sim.faults.clear();
    assert.equal((await get('app')).status, 200);
  });
});

/** What the gateway does to bring a number into a state, in four requests. */
const STEPS: readonly ((fixture: Fixture) => Promise<unknown>)[] = [
  (fixture) => calling(fixture),
  (fixture) => setCalling(fixture, { status: 'ENABLED' }),
  (fixture) => setCalling(fixture, { sip: withServer }),
  (fixture) => setCalling(fixture, { srtp_key_exchange_protocol: 'SDES' }),
];

/** Which of the steps took effect, as seen in what Meta holds. */
function effects({ sim }: Fixture): readonly boolean[] {
  const { calling: held } = sim.state.number(NUMBER);
  return [held.status === 'ENABLED', held.sip !== undefined, held.srtp_key_exchange_protocol === 'SDES'];
}

for (const moment of ['before', 'after'] as const) {
  test(`interrupted after every single request, the first lost one dropped ${moment} its effect`, async () => {
    for (let count = 0; count <= STEPS.length; count++) {
      await withGraph(async (fixture) => {
        fixture.sim.faults.failAfter(count, moment);
        let answered = 0;
        for (const step of STEPS) {
          await step(fixture).then(() => (answered += 1), failed);
        }
        assert.equal(answered, count);
        const done = moment === 'after' ? count + 1 : count;
        assert.deepEqual(effects(fixture), [done > 1, done > 2, done > 3]);
        fixture.sim.faults.clear();
        for (const step of STEPS) await step(fixture);
        assert.deepEqual(effects(fixture), [true, true, true]);
      });
    }
  });
}

test('failAfter can count the writes alone', async () => {
  await withGraph(async (fixture) => {
    fixture.sim.faults.failAfter(1, 'before', isWrite);
    for (let n = 0; n < 3; n++) await calling(fixture);
    await setCalling(fixture, { status: 'ENABLED' });
    await assert.rejects(setCalling(fixture, { status: 'DISABLED' }), failed);
    await calling(fixture);
  });
});

test('a fault of the stand-in itself is seen', async () => {
  await withGraph(async ({ sim, get }) => {
    sim.faults.answer(
      { code: 1 },
      {
        when: () => {
          throw new Error('script went wrong');
        },
      },
    );
    const answer = await get('app');
    assert.equal(answer.status, 500);
    assert.match(JSON.stringify(answer.body), /script went wrong/);
  });
});
