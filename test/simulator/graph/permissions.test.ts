import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordedCall } from '../../../simulator/graph/index.js';
import { assertRefused, NUMBER, setCalling, START, USER, withGraph, type Fixture } from './fixture.js';

const HOUR = 3_600_000;

interface Permission {
  readonly permission: { readonly status: string; readonly expiration_time?: number; readonly expiration?: number };
  readonly actions: readonly {
    readonly action_name: string;
    readonly can_perform_action: boolean;
    readonly limits: readonly {
      readonly time_period: string;
      readonly max_allowed: number;
      readonly current_usage: number;
      readonly limit_expiration_time?: number;
    }[];
  }[];
}

async function permission({ get }: Fixture, query = `user_wa_id=${USER}`): Promise<Permission> {
  const { status, body } = await get(`${NUMBER}/call_permissions?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body as unknown as Permission;
}

const mayCall = async (fixture: Fixture) => (await permission(fixture)).actions[1]?.can_perform_action;

const call = (outcome: RecordedCall['outcome'], more: Partial<RecordedCall> = {}): RecordedCall => ({
  number: NUMBER,
  user: USER,
  direction: 'business-initiated',
  outcome,
  ...more,
});

test('nobody has permission at first, and everything can be asked', async () => {
  await withGraph(async (fixture) => {
    assert.deepEqual(await permission(fixture), {
      messaging_product: 'whatsapp',
      permission: { status: 'no_permission' },
      actions: [
        {
          action_name: 'send_call_permission_request',
          can_perform_action: true,
          limits: [
            { time_period: 'PT24H', max_allowed: 1, current_usage: 0 },
            { time_period: 'P7D', max_allowed: 2, current_usage: 0 },
          ],
        },
        {
          action_name: 'start_call',
          can_perform_action: false,
          limits: [{ time_period: 'PT24H', max_allowed: 100, current_usage: 0 }],
        },
      ],
    });
  });
});

test('a temporary permission lasts 168 h, by either spelling; a permanent one stays', async () => {
  await withGraph(async (fixture) => {
    const { sim, clock } = fixture;
    sim.permissions.grant('+442071838750', `+${USER}`, { kind: 'temporary' });
    const expiry = (START + 168 * HOUR) / 1000;
    assert.deepEqual((await permission(fixture)).permission, { status: 'temporary', expiration_time: expiry });
    sim.switches.expirationSpelling = 'expiration';
    assert.deepEqual((await permission(fixture)).permission, { status: 'temporary', expiration: expiry });
    assert.equal(await mayCall(fixture), true);
    clock.pass(168 * HOUR);
    assert.deepEqual((await permission(fixture)).permission, { status: 'no_permission' });

    sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
    clock.pass(1000 * HOUR);
    const { permission: held, actions } = await permission(fixture);
    assert.deepEqual(held, { status: 'permanent' });
    assert.equal(actions[0]?.can_perform_action, false, 'nothing to ask for');
    sim.permissions.revoke(NUMBER, USER);
    assert.deepEqual((await permission(fixture, `user_wa_id=%2B${USER}`)).permission, { status: 'no_permission' });
  });
});

test('users can be named by business-scoped id', async () => {
  await withGraph(async (fixture) => {
    const user = 'US.13491208655302741918';
    fixture.sim.permissions.grant(NUMBER, user, { kind: 'permanent' });
    assert.equal((await permission(fixture, `recipient=${user}`)).permission.status, 'permanent');
    assert.equal((await permission(fixture)).permission.status, 'no_permission');
  });
});

test('a question about nobody is refused', async () => {
  await withGraph(async ({ get }) => {
    for (const query of ['', '?user_wa_id=', '?user_wa_id=Bob', '?user_wa_id=0049', '?recipient=4915112345678']) {
      assertRefused(await get(`${NUMBER}/call_permissions${query}`), 400, 100, /user_wa_id|recipient/);
    }
  });
});

test('numbers of some countries can start no calls', async () => {
  await withGraph(
    async ({ get, sim }) => {
      const path = `${NUMBER}/call_permissions?user_wa_id=${USER}`;
      assertRefused(await get(path), 400, 138013, /of US/);
      sim.switches.noBusinessCalls = ['TR'];
      assert.equal((await get(path)).status, 200);
    },
    { numbers: [{ phoneNumberId: NUMBER, number: '+12195550714' }] },
  );
});

test('the 101st question of a second is 613', async () => {
  await withGraph(async ({ get, clock }) => {
    const ask = () => get(`${NUMBER}/call_permissions?user_wa_id=${USER}`);
    for (let n = 0; n < 100; n++) assert.equal((await ask()).status, 200);
    const refused = await ask();
    assertRefused(refused, 400, 613);
    assert.equal(refused.headers.get('retry-after'), '1');
    clock.pass(1000);
    assert.equal((await ask()).status, 200);
  });
});

for (const [mode, nudgeAfter, revokeAfter] of [
  ['production', 2, 4],
  ['sandbox', 5, 10],
] as const) {
  test(`${mode}: ${nudgeAfter} unanswered calls nudge the user, ${revokeAfter} revoke the permission`, async () => {
    await withGraph(
      async (fixture) => {
        const { sim } = fixture;
        sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
        const seen = Array.from({ length: revokeAfter }, (_, n) => {
          const { nudged, revoked } = sim.recordCall(call(n % 2 === 0 ? 'unanswered' : 'rejected'));
          return { nudged, revoked };
        });
        assert.deepEqual(
          seen.map(({ nudged }, n) => (nudged ? n + 1 : 0)).filter((n) => n > 0),
          [nudgeAfter],
        );
        assert.deepEqual(
          seen.map(({ revoked }, n) => (revoked ? n + 1 : 0)).filter((n) => n > 0),
          [revokeAfter],
        );
        assert.equal((await permission(fixture)).permission.status, 'no_permission');
        assert.equal(sim.state.pair(NUMBER, USER).unansweredInARow, revokeAfter);
      },
      { mode },
    );
  });
}

test('a connected call, from either side, starts the count anew', async () => {
  await withGraph(({ sim }) => {
    for (const direction of ['business-initiated', 'user-initiated'] as const) {
      sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
      for (let n = 0; n < 3; n++) sim.recordCall(call('unanswered'));
      assert.equal(sim.state.pair(NUMBER, USER).nudged, true);
      const { pair } = sim.recordCall(call('connected', { direction, wacid: 'wacid.1', durationMs: 1000 }));
      assert.deepEqual([pair.kind, pair.unansweredInARow, pair.nudged], ['permanent', 0, false]);
      const kept = call('connected', { direction, wacid: 'wacid.1', durationMs: 1000 });
      assert.deepEqual(sim.state.calls.at(-1), { ...kept, atMs: START });
    }
    sim.recordCall(call('unanswered', { direction: 'user-initiated' }));
    assert.equal(sim.state.pair(NUMBER, USER).unansweredInARow, 0, 'only calls of the business count');
  });
});

test('100 connected calls in 24 h, then the next one has to wait', async () => {
  await withGraph(async (fixture) => {
    const { sim, clock } = fixture;
    sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
    for (let n = 0; n < 99; n++) {
      sim.recordCall(call('connected'));
      clock.pass(1000);
    }
    sim.recordCall(call('connected', { direction: 'user-initiated' }));
    assert.equal(await mayCall(fixture), true, "the user's own calls do not count");
    sim.recordCall(call('connected'));
    const [, start] = (await permission(fixture)).actions;
    assert.equal(start?.can_perform_action, false);
    assert.deepEqual(start.limits, [
      { time_period: 'PT24H', max_allowed: 100, current_usage: 100, limit_expiration_time: START / 1000 + 86_400 },
    ]);
    sim.recordCall(call('connected')); // Meta let one more through: now two must become old
    const [, over] = (await permission(fixture)).actions;
    assert.deepEqual(over?.limits[0]?.limit_expiration_time, START / 1000 + 86_401);
    clock.nowMs = START + 24 * HOUR;
    assert.equal(await mayCall(fixture), false);
    clock.pass(1000);
    assert.equal(await mayCall(fixture), true);
    assert.equal((await permission(fixture)).actions[1]?.limits[0]?.limit_expiration_time, undefined);
  });
});

test('callback gives a temporary permission with a call of the user, answered or not', async () => {
  await withGraph(async (fixture) => {
    const { sim } = fixture;
    const missed = call('unanswered', { direction: 'user-initiated' });
    assert.equal(sim.recordCall(missed).granted, false);
    await setCalling(fixture, { callback_permission_status: 'ENABLED' });
    assert.equal(sim.recordCall(missed).granted, true);
    assert.equal((await permission(fixture)).permission.status, 'temporary');
    sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
    assert.equal(sim.recordCall(missed).granted, false);
    assert.equal(sim.state.pair(NUMBER, USER).kind, 'permanent', 'and takes no better one away');
  });
});

test('state is a copy', async () => {
  await withGraph(async (fixture) => {
    const { sim } = fixture;
    sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
    const before = sim.state.pair(NUMBER, USER);
    sim.recordCall(call('unanswered'));
    assert.equal(before.unansweredInARow, 0);
    assert.deepEqual(
      sim.state.pairs.map(({ user, phoneNumberId }) => [user, phoneNumberId]),
      [[USER, NUMBER]],
    );
    assert.throws(() => sim.state.number('+4930123456'), /no number \+4930123456/);
    assert.equal((await permission(fixture)).permission.status, 'permanent');
  });
});
