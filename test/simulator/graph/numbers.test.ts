import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NumberOptions } from '../../../simulator/graph/index.js';
import { ACCOUNT, APP, assertRefused, NUMBER, OTHER_TOKEN, setCalling, withGraph, withServer } from './fixture.js';
import type { Fixture } from './fixture.js';

interface Entity {
  readonly entity_type: string;
  readonly can_receive_call_sip?: string;
  readonly errors?: readonly { readonly error_code: number; readonly possible_solution: string }[];
  readonly additional_info?: readonly string[];
}
interface Health {
  readonly can_send_message: string;
  readonly entities: readonly Entity[];
}
interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly paging?: {
    readonly cursors: { readonly before: string; readonly after: string };
    readonly next?: string;
    readonly previous?: string;
  };
}

async function health({ get }: Fixture, token?: string): Promise<Health> {
  const { body } = await get(`${NUMBER}?fields=health_status`, token);
  assert.deepEqual(Object.keys(body).sort(), ['health_status', 'id']);
  return body.health_status as Health;
}

const sipOf = ({ entities }: Health) =>
  entities.map(({ entity_type, can_receive_call_sip, errors }) => [
    entity_type,
    can_receive_call_sip,
    errors?.[0]?.error_code,
  ]);

test('a number tells what it is asked for, and its id', async () => {
  await withGraph(async ({ get }) => {
    const { body } = await get(`${NUMBER}?fields=display_phone_number,status,name_status,throughput`);
    assert.deepEqual(body, {
      display_phone_number: '+44 20 7183 8750',
      status: 'CONNECTED',
      name_status: 'APPROVED',
      throughput: { level: 'STANDARD' },
      id: NUMBER,
    });
    const { body: rest } = await get(NUMBER);
    assert.equal(rest.verified_name, 'Example Ltd');
    assert.equal(rest.quality_rating, 'GREEN');
    assert.equal(rest.status, undefined, 'not among the default fields');
    assertRefused(await get(`${NUMBER}?fields=id,colour`), 400, 100);
  });
});

test('health: SIP is judged for number and app alone, and may block the whole', async () => {
  await withGraph(async (fixture) => {
    const before = await health(fixture);
    assert.equal(before.can_send_message, 'BLOCKED');
    assert.deepEqual(sipOf(before), [
      ['PHONE_NUMBER', 'BLOCKED', 138024],
      ['WABA', undefined, undefined],
      ['BUSINESS', undefined, undefined],
      ['APP', 'BLOCKED', 138025],
    ]);
    fixture.sim.switches.healthCountsSip = false;
    assert.equal((await health(fixture)).can_send_message, 'AVAILABLE');
    fixture.sim.switches.healthCountsSip = true;

    await setCalling(fixture, { status: 'ENABLED', sip: withServer });
    const after = await health(fixture);
    assert.equal(after.can_send_message, 'AVAILABLE');
    assert.deepEqual(
      after.entities.map(({ can_receive_call_sip }) => can_receive_call_sip),
      ['AVAILABLE', undefined, undefined, 'AVAILABLE'],
    );
    assert.deepEqual(sipOf(await health(fixture, OTHER_TOKEN))[3], ['APP', 'BLOCKED', 138025]);
  });
});

test('health can be made worse', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { status: 'ENABLED', sip: withServer });
    const number = { can_receive_call_sip: 'LIMITED', additional_info: ['Low pick-up rate'] } as const;
    fixture.sim.overrideHealth(NUMBER, { number });
    const [entity] = (await health(fixture)).entities;
    assert.equal(entity?.can_receive_call_sip, 'LIMITED');
    assert.deepEqual(entity.additional_info, ['Low pick-up rate']);
    fixture.sim.overrideHealth(NUMBER, {});
    assert.equal((await health(fixture)).entities[0]?.can_receive_call_sip, 'AVAILABLE');
  });
});

const seven: readonly NumberOptions[] = Array.from({ length: 7 }, (_, n) => ({
  phoneNumberId: `1000${n}`,
  number: `+44207183875${n}`,
}));

test('the numbers of the account come in pages that link to each other', async () => {
  await withGraph(
    async ({ get, sim }) => {
      const ids: string[] = [];
      let page = (await get(`${ACCOUNT}/phone_numbers?limit=3&fields=id`)).body as unknown as Page;
      for (;;) {
        ids.push(...page.data.map(({ id }) => id));
        const { next, cursors } = page.paging ?? {};
        if (next === undefined) break;
        assert.ok(next.startsWith(`${sim.url}/v25.0/${ACCOUNT}/phone_numbers?`));
        const after = new URL(next).searchParams.get('after');
        assert.equal(after, cursors?.after);
        page = (await get(`${ACCOUNT}/phone_numbers?limit=3&fields=id&after=${after}`)).body as unknown as Page;
      }
      assert.deepEqual(
        ids,
        seven.map(({ phoneNumberId }) => phoneNumberId),
      );
      assert.ok(page.paging?.previous?.includes('before='));
      const back = await get(`${ACCOUNT}/phone_numbers?limit=3&before=${page.paging?.cursors.before}`);
      assert.deepEqual(
        (back.body as unknown as Page).data.map(({ id }) => id),
        ['10003', '10004', '10005'],
      );
      assertRefused(await get(`${ACCOUNT}/phone_numbers?limit=0`), 400, 100, /limit/);
      assertRefused(await get(`${ACCOUNT}/phone_numbers?after=x`), 400, 100, /after is no cursor/);
    },
    { numbers: seven },
  );
});

test('an account without numbers has an empty page', async () => {
  await withGraph(
    async ({ get }) => {
      assert.deepEqual((await get(`${ACCOUNT}/phone_numbers`)).body, { data: [] });
    },
    { numbers: [] },
  );
});

test('the app of the token is told', async () => {
  await withGraph(async ({ get }) => {
    assert.deepEqual((await get('app')).body, { id: APP, name: 'Trunk' });
  });
});
