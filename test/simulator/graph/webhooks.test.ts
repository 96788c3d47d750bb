import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphSim, Webhooks } from '../../../simulator/graph/index.js';
import { ACCOUNT, NUMBER, SECRET, setCalling, START, USER, withGraph, withServer, type Fixture } from './fixture.js';
import { Receiver } from './webhook-receiver.js';

const BUSINESS = '442071838750';
const USER_CALL = { number: NUMBER, user: USER, wacid: 'wacid.1', direction: 'user-initiated' } as const;
const BUSINESS_CALL = { ...USER_CALL, direction: 'business-initiated' } as const;
const metadata = { display_phone_number: BUSINESS, phone_number_id: NUMBER };

interface WithReceiver extends Fixture {
  readonly receiver: Receiver;
  readonly webhooks: Webhooks;
}

async function withReceiver(body: (fixture: WithReceiver) => Promise<void>): Promise<void> {
  const receiver = await Receiver.start(SECRET);
  try {
    await withGraph(async (fixture) => {
      const { webhooks } = fixture.sim;
      webhooks.target = receiver.target;
      webhooks.retry.firstMs = 1;
      await body({ ...fixture, receiver, webhooks });
    });
  } finally {
    await receiver.close();
  }
}

const statuses = (delivery: { readonly attempts: readonly { readonly status?: number }[] }) =>
  delivery.attempts.map(({ status }) => status);

test('the handshake: the challenge comes back, or it is not verified', async () => {
  await withReceiver(async ({ webhooks }) => {
    assert.deepEqual(await webhooks.verify(), { status: 200, verified: true });
    assert.deepEqual(await webhooks.verify('another'), { status: 403, verified: false });
  });
});

test('without a target nothing can be sent', async () => {
  await withGraph(async ({ sim }) => {
    await assert.rejects(sim.webhooks.send(sim.webhooks.events.callCreated(USER_CALL)), /set target/);
  });
});

const VALUES: readonly (readonly [string, (sim: GraphSim) => unknown, unknown])[] = [
  [
    'a call of a user begins',
    ({ webhooks: { events } }) => events.callCreated(USER_CALL),
    {
      field: 'calls',
      value: {
        messaging_product: 'whatsapp',
        metadata,
        calls: [
          {
            id: 'wacid.1',
            from: USER,
            to: BUSINESS,
            direction: 'USER_INITIATED',
            timestamp: String(START / 1000),
            event: 'call_created',
          },
        ],
      },
    },
  ],
  [
    'a call of the business ends',
    ({ webhooks: { events } }) =>
      events.terminate({ ...BUSINESS_CALL, status: 'COMPLETED', startedAtMs: START - 90_500, atMs: START - 500 }),
    {
      field: 'calls',
      value: {
        messaging_product: 'whatsapp',
        metadata,
        calls: [
          {
            id: 'wacid.1',
            from: BUSINESS,
            to: USER,
            direction: 'BUSINESS_INITIATED',
            timestamp: String(START / 1000 - 1),
            event: 'terminate',
            status: 'COMPLETED',
            start_time: String(START / 1000 - 91),
            end_time: String(START / 1000 - 1),
            duration: 90,
          },
        ],
      },
    },
  ],
  [
    'a user does something about permission in the profile',
    ({ webhooks: { events } }) => {
      const reply = { response: 'accept', is_permanent: true, response_source: 'automatic' } as const;
      const { field, value } = events.permissionReply({ number: NUMBER, user: `+${USER}`, reply });
      const [message] = value.messages as [{ from: string; context?: unknown; interactive: unknown }];
      return { field, from: message.from, context: message.context, interactive: message.interactive };
    },
    {
      field: 'messages',
      from: USER,
      context: undefined,
      interactive: {
        type: 'call_permission_reply',
        call_permission_reply: { response: 'accept', is_permanent: true, response_source: 'automatic' },
      },
    },
  ],
  [
    'voicemail',
    ({ webhooks: { events } }) => {
      const { value } = events.voicemail({ number: NUMBER, user: USER, mediaId: '99', wacid: 'wacid.HBg' });
      const [{ type, audio }] = value.messages as [{ type: string; audio: { id: string; voice: boolean } }];
      return [type, audio.id, audio.voice];
    },
    ['audio', '99', true],
  ],
  [
    'the account is restricted',
    ({ webhooks: { events } }) =>
      events.accountUpdate({
        event: 'ACCOUNT_RESTRICTION',
        number: NUMBER,
        violationType: 'LOW_PICK_UP',
        restrictions: [{ type: 'RESTRICTED_BUSINESS_INITIATED_CALLING', expiresAtMs: START }],
      }),
    {
      field: 'account_update',
      value: {
        event: 'ACCOUNT_RESTRICTION',
        phone_number: BUSINESS,
        violation_info: { violation_type: 'LOW_PICK_UP' },
        restriction_info: [{ restriction_type: 'RESTRICTED_BUSINESS_INITIATED_CALLING', expiration: START / 1000 }],
      },
    },
  ],
];

for (const [what, build, expected] of VALUES) {
  test(`what Meta tells: ${what}`, async () => {
    await withGraph(({ sim }) => assert.deepEqual(build(sim), expected));
  });
}

test('errors of a call stand beside it or in it', async () => {
  await withGraph(({ sim }) => {
    const errors = [{ code: 138021, message: 'No media', details: 'not receiving any media for a long time' }];
    const shown = [{ code: 138021, message: 'No media', error_data: { details: errors[0]?.details } }];
    const build = () => sim.webhooks.events.terminate({ ...USER_CALL, status: 'FAILED', errors }).value;
    assert.deepEqual(build().errors, shown);
    sim.switches.callErrorsIn = 'call';
    const { calls, errors: beside } = build();
    assert.equal(beside, undefined);
    const [call] = calls as [{ errors: unknown; start_time?: unknown }];
    assert.deepEqual(call.errors, shown);
    assert.equal(call.start_time, undefined);
  });
});

test('a settings update tells the settings, and never the password', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { status: 'ENABLED', sip: withServer });
    const { field, value } = fixture.sim.webhooks.events.settingsUpdate(NUMBER);
    assert.equal(field, 'account_settings_update');
    assert.equal(value.type, 'phone_number_settings');
    const settings = value.phone_number_settings as { phone_number_id: string; calling: { status: string } };
    assert.deepEqual([settings.phone_number_id, settings.calling.status], [NUMBER, 'ENABLED']);
    assert.ok(!JSON.stringify(value).includes(fixture.sim.passwordOf(NUMBER) ?? assert.fail('no password')));
  });
});

test('several events are one body with an entry each, signed as it is on the wire', async () => {
  await withReceiver(async ({ webhooks, receiver, sim }) => {
    const name = sim.webhooks.events.callCreated({ ...USER_CALL, wacid: 'wacid.é' });
    const other = webhooks.events.accountUpdate({ event: 'ACCOUNT_VIOLATION' });
    assert.deepEqual(statuses(await webhooks.send([name, other])), [200]);
    const [{ body, headers }] = receiver.taken as [(typeof receiver.taken)[number]];
    assert.equal(headers['content-type'], 'application/json');
    assert.deepEqual(body, {
      object: 'whatsapp_business_account',
      entry: [
        { id: ACCOUNT, changes: [name] },
        { id: ACCOUNT, time: START / 1000, changes: [other] },
      ],
    });
  });
});

test('what is false is refused, and does not come again', async () => {
  await withReceiver(async ({ webhooks, receiver }) => {
    const event = webhooks.events.callCreated(USER_CALL);
    for (const [options, status] of [
      [{ corrupt: 'signature' }, 401],
      [{ corrupt: 'body' }, 401],
      [{ corrupt: 'unsigned' }, 401],
      [{ corrupt: 'truncated' }, 400],
      [{ signWith: 'another secret' }, 401],
    ] as const) {
      const delivery = await webhooks.send(event, options);
      assert.deepEqual([statuses(delivery), delivery.delivered], [[status], false], JSON.stringify(options));
    }
    assert.deepEqual(receiver.taken, []);
    assert.deepEqual(statuses(await webhooks.send(event, { signWith: SECRET, corrupt: 'none' })), [200]);
  });
});

test('without a 200 it comes again, so many times', async () => {
  await withReceiver(async ({ webhooks, receiver }) => {
    const event = webhooks.events.callCreated(USER_CALL);
    receiver.answers.push(500, 202);
    const late = await webhooks.send(event);
    assert.deepEqual([statuses(late), late.delivered], [[500, 202, 200], true]);
    assert.equal(receiver.taken.length, 1);
    receiver.answers.push(500, 500, 500, 500, 500);
    const never = await webhooks.send(event);
    assert.deepEqual([statuses(never), never.delivered], [[500, 500, 500, 500], false]);
    receiver.answers.length = 0;
    receiver.answers.push(503);
    assert.deepEqual(statuses(await webhooks.send(event, { retry: false })), [503]);
  });
});

test('a receiver that is not there is an error, not an exception', async () => {
  await withReceiver(async ({ webhooks, receiver }) => {
    await receiver.close();
    const { delivered, attempts } = await webhooks.send(webhooks.events.callCreated(USER_CALL));
    assert.equal(delivered, false);
    assert.equal(attempts.length, 4);
    assert.match(attempts[0]?.error ?? '', /ECONNREFUSED/);
  });
});

test('late, and more than once', async () => {
  await withReceiver(async ({ webhooks, receiver }) => {
    const first = webhooks.events.callCreated(USER_CALL);
    const second = webhooks.events.terminate({ ...USER_CALL, status: 'COMPLETED' });
    const late = webhooks.send(first, { late: 150, times: 2 });
    await webhooks.send(second);
    assert.equal(receiver.taken.length, 1, 'the second one overtakes');
    await late;
    const events = receiver.taken.map(({ body }) => /call_created|terminate/.exec(JSON.stringify(body))?.[0]);
    assert.deepEqual(events, ['terminate', 'call_created', 'call_created']);
    assert.deepEqual(receiver.taken[1]?.raw, receiver.taken[2]?.raw);
  });
});

test('closing ends what waits', async () => {
  await withReceiver(async ({ webhooks, sim }) => {
    const waits = assert.rejects(webhooks.send(webhooks.events.callCreated(USER_CALL), { late: 3_600_000 }));
    await sim.close();
    await waits;
  });
});

test('shuffled: each true one arrives, copies with it, no false one is taken, and a seed is an order', async () => {
  const orderOf = async (seed: number): Promise<readonly string[]> => {
    let order: readonly string[] = [];
    await withReceiver(async ({ webhooks, receiver }) => {
      const events = Array.from({ length: 200 }, (_, n) =>
        webhooks.events.callCreated({ ...USER_CALL, wacid: `wacid.${n}` }),
      );
      const report = await webhooks.sendShuffled(events, {
        seed,
        duplicates: 30,
        forged: 50,
        forge: (_event, n) => webhooks.events.callCreated({ ...USER_CALL, wacid: `wacid.false.${n}` }),
        concurrency: 1,
      });
      assert.equal(report.sent, 280);
      assert.deepEqual(report.genuine, { 200: 230 });
      assert.deepEqual(report.forged, {
        signature: { 401: 10 },
        body: { 401: 10 },
        unsigned: { 401: 10 },
        truncated: { 400: 10 },
        stranger: { 401: 10 },
      });
      assert.equal(receiver.connections.size, 1, 'the connection stays');
      order = receiver.taken.map(({ raw }) => /wacid\.[^"]*/.exec(raw.toString())?.[0] ?? '');
      assert.equal(order.length, 230);
      assert.equal(new Set(order).size, 200);
      assert.ok(!order.some((id) => id.includes('false')));
    });
    return order;
  };
  const [once, again, other] = [await orderOf(1), await orderOf(1), await orderOf(2)];
  assert.deepEqual(once, again);
  assert.notDeepEqual(once, other);
  assert.notDeepEqual(
    once.slice(0, 200),
    Array.from({ length: 200 }, (_, n) => `wacid.${n}`),
  );
});

test('shuffled: at several at once, each worker keeps its connection', async () => {
  await withReceiver(async ({ webhooks, receiver }) => {
    const events = Array.from({ length: 300 }, (_, n) =>
      webhooks.events.callCreated({ ...USER_CALL, wacid: `wacid.${n}` }),
    );
    const { genuine } = await webhooks.sendShuffled(events, { seed: 7, concurrency: 8 });
    assert.deepEqual(genuine, { 200: 300 });
    assert.ok(receiver.connections.size <= 8, `${receiver.connections.size} connections`);
    await assert.rejects(webhooks.sendShuffled([], { seed: 1, duplicates: 1 }), /there is no event/);
  });
});
