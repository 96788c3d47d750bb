import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphSimOptions } from '../../../simulator/graph/index.js';
import { assertRefused, NUMBER, USER, withGraph, type Fixture } from './fixture.js';

const HOUR = 3_600_000;

const base = { messaging_product: 'whatsapp', recipient_type: 'individual', to: USER };
const asking = {
  ...base,
  type: 'interactive',
  interactive: {
    type: 'call_permission_request',
    body: { text: 'May we call?' },
    action: { name: 'call_permission_request' },
  },
};
const template = (name = 'may_we_call', code = 'en') => ({
  ...base,
  type: 'template',
  template: { name, language: { code }, components: [{ type: 'body', parameters: [{ type: 'text', text: 'Pablo' }] }] },
});
const button = (parameters: unknown = { display_text: 'Call us', ttl_minutes: 60, payload: 'order-1' }) => ({
  ...base,
  type: 'interactive',
  interactive: { type: 'voice_call', body: { text: 'Call us' }, action: { name: 'voice_call', parameters } },
});

const enabled: Partial<GraphSimOptions> = {
  numbers: [{ phoneNumberId: NUMBER, number: '+442071838750', calling: { status: 'ENABLED' } }],
  templates: [
    { name: 'may_we_call', language: 'en', callPermissionRequest: true },
    { name: 'news', language: 'en', callPermissionRequest: false },
  ],
};

const send = ({ post }: Fixture, message: unknown) => post(`${NUMBER}/messages`, message);

async function sent(fixture: Fixture, message: unknown): Promise<string> {
  const { status, body } = await send(fixture, message);
  assert.equal(status, 200, JSON.stringify(body));
  const [{ id } = { id: '' }] = body.messages as readonly { readonly id: string }[];
  assert.match(id, /^wamid\.\S+$/);
  return id;
}

test('a request for permission is sent within the service window, answered, and seen', async () => {
  await withGraph(async (fixture) => {
    const { sim, clock } = fixture;
    assertRefused(await send(fixture, asking), 400, 131047, /template/);
    sim.openWindow(NUMBER, USER);
    clock.pass(24 * HOUR - 1);
    const { body } = await send(fixture, { ...asking, to: `+${USER}` });
    const { id } = (body.messages as readonly { readonly id: string }[])[0] ?? { id: '' };
    assert.deepEqual(body, {
      messaging_product: 'whatsapp',
      contacts: [{ input: `+${USER}`, wa_id: USER }],
      messages: [{ id }],
    });
    const [message] = sim.state.messages;
    assert.deepEqual(
      [message?.id, message?.kind, message?.user, message?.asksPermission],
      [id, 'call_permission_request', USER, true],
    );
    assert.equal(sim.state.pair(NUMBER, USER).pending?.messageId, id);

    const { messageId, reply } = sim.permissions.userReplies(NUMBER, USER, { response: 'accept' });
    const expiration_timestamp = Math.floor((clock.nowMs + 168 * HOUR) / 1000);
    assert.equal(messageId, id);
    assert.deepEqual(reply, {
      response: 'accept',
      is_permanent: false,
      expiration_timestamp,
      response_source: 'user_action',
    });
    assert.equal(sim.state.pair(NUMBER, USER).kind, 'temporary');
    assert.throws(
      () => sim.permissions.userReplies(NUMBER, USER, { response: 'accept' }),
      /no call permission request/,
    );
  }, enabled);
});

test('a rejected request can be accepted later, until it is a week old', async () => {
  await withGraph(async (fixture) => {
    const { sim, clock } = fixture;
    await sent(fixture, template());
    const { reply } = sim.permissions.userReplies(NUMBER, USER, { response: 'reject' });
    assert.deepEqual(reply, { response: 'reject', response_source: 'user_action' });
    assert.equal(sim.state.pair(NUMBER, USER).kind, 'none');
    sim.permissions.userReplies(NUMBER, USER, { response: 'accept', permanent: true });
    assert.equal(sim.state.pair(NUMBER, USER).kind, 'permanent');
    sim.permissions.revoke(NUMBER, USER);
    clock.pass(25 * HOUR);
    await sent(fixture, template());
    clock.pass(168 * HOUR);
    assert.throws(
      () => sim.permissions.userReplies(NUMBER, USER, { response: 'accept' }),
      /no call permission request/,
    );
  }, enabled);
});

test('production: one request a day and two a week, of either kind; a connected call forgets them', async () => {
  await withGraph(async (fixture) => {
    const { sim, clock } = fixture;
    const asked = () => send(fixture, template());
    await sent(fixture, template());
    sim.openWindow(NUMBER, USER);
    assertRefused(await send(fixture, asking), 400, 138009, /1 call permission requests in PT24H/);
    clock.pass(24 * HOUR);
    sim.openWindow(NUMBER, USER);
    await sent(fixture, asking);
    clock.pass(24 * HOUR);
    assertRefused(await asked(), 400, 138009, /2 call permission requests in P7D/);
    const { body } = await fixture.get(`${NUMBER}/call_permissions?user_wa_id=${USER}`);
    const [request] = body.actions as readonly { can_perform_action: boolean; limits: readonly object[] }[];
    assert.equal(request?.can_perform_action, false);
    assert.deepEqual(request.limits, [
      { time_period: 'PT24H', max_allowed: 1, current_usage: 0 },
      {
        time_period: 'P7D',
        max_allowed: 2,
        current_usage: 2,
        limit_expiration_time: (clock.nowMs + 120 * HOUR) / 1000,
      },
    ]);
    sim.recordCall({ number: NUMBER, user: USER, direction: 'user-initiated', outcome: 'connected' });
    assert.equal((await asked()).status, 200);
    clock.pass(169 * HOUR);
    assert.equal((await asked()).status, 200);
  }, enabled);
});

test('sandbox: 25 requests a day and 100 a week', async () => {
  await withGraph(
    async (fixture) => {
      for (let day = 0; day < 4; day++) {
        for (let n = 0; n < 25; n++) await sent(fixture, template());
        assertRefused(await send(fixture, template()), 400, 138009, day < 3 ? /25 .* in PT24H/ : /in PT24H|in P7D/);
        fixture.clock.pass(24 * HOUR);
      }
      assertRefused(await send(fixture, template()), 400, 138009, /100 .* in P7D/);
    },
    { ...enabled, mode: 'sandbox' },
  );
});

test('sandbox: only users of the list can be written to', async () => {
  await withGraph(
    async (fixture) => {
      await sent(fixture, template());
      assertRefused(await send(fixture, { ...template(), to: '4915199999999' }), 400, 131030);
    },
    { ...enabled, mode: 'sandbox', allowedRecipients: [`+${USER}`] },
  );
});

test('who has given permanent permission is not asked again', async () => {
  await withGraph(async (fixture) => {
    fixture.sim.permissions.grant(NUMBER, USER, { kind: 'permanent' });
    assertRefused(await send(fixture, template()), 400, 138017);
    fixture.sim.permissions.grant(NUMBER, USER, { kind: 'temporary' });
    await sent(fixture, template());
  }, enabled);
});

test('templates must exist; those without the component ask for nothing', async () => {
  await withGraph(async (fixture) => {
    assertRefused(await send(fixture, template('unknown')), 404, 132001, /unknown/);
    assertRefused(await send(fixture, template('may_we_call', 'de')), 404, 132001, /de/);
    await sent(fixture, template('news'));
    assert.equal(fixture.sim.state.messages[0]?.asksPermission, false);
    assert.deepEqual(fixture.sim.state.pair(NUMBER, USER).requestsAtMs, []);
  }, enabled);
});

test('nothing is sent while calling is off, or from a country that can start no calls', async () => {
  await withGraph(async (fixture) => {
    assertRefused(await send(fixture, asking), 400, 138000);
    assertRefused(await send(fixture, button()), 400, 138000);
  });
  await withGraph(async (fixture) => {
    fixture.sim.switches.noBusinessCalls = ['GB'];
    fixture.sim.openWindow(NUMBER, USER);
    assertRefused(await send(fixture, asking), 400, 138013);
    await sent(fixture, button());
  }, enabled);
});

test('the call button: its limits, and the service window', async () => {
  await withGraph(async (fixture) => {
    assertRefused(await send(fixture, button()), 400, 131047);
    fixture.sim.recordCall({ number: NUMBER, user: USER, direction: 'user-initiated', outcome: 'unanswered' });
    const limit = { display_text: 'é'.repeat(20), ttl_minutes: 43_200, payload: 'x'.repeat(512) };
    await sent(fixture, button(limit));
    await sent(fixture, button({ ttl_minutes: 1 }));
    await sent(fixture, { ...button(), to: undefined, recipient: 'US.13491208655302741918' }).then(
      () => assert.fail('no window with that user'),
      (error: unknown) => assert.match(String(error), /131047/),
    );
    const bad: readonly (readonly [unknown, RegExp])[] = [
      [{ display_text: 'x'.repeat(21) }, /display_text must have at most 20 characters/],
      [{ ttl_minutes: 0 }, /ttl_minutes must be 1 to 43200/],
      [{ ttl_minutes: 43_201 }, /ttl_minutes must be 1 to 43200/],
      [{ payload: 'x'.repeat(513) }, /payload must have at most 512 characters/],
    ];
    for (const [parameters, details] of bad) {
      assertRefused(await send(fixture, button(parameters)), 400, 131009, details);
    }
    assertRefused(await send(fixture, button({ ttl_minutes: '60' })), 400, 100, /ttl_minutes must be an integer/);
    assertRefused(await send(fixture, button({ url: 'x' })), 400, 100, /parameters\.url is not a known field/);
  }, enabled);
});

test('messages of a wrong shape are refused, and none is sent', async () => {
  const bad: readonly (readonly [unknown, number, RegExp])[] = [
    [{ ...asking, messaging_product: 'sms' }, 131009, /messaging_product must be one of whatsapp/],
    [{ ...asking, to: undefined }, 100, /body\.to is required/],
    [{ ...asking, to: 'Bob' }, 131009, /to must be a phone number/],
    [{ ...asking, interactive: undefined }, 100, /body\.interactive is required/],
    [{ ...asking, preview: true }, 100, /preview is not a known field/],
    [{ ...base, type: 'text', text: { body: 'x' } }, 131009, /type must be one of|text/],
    [{ ...base, type: 'interactive', interactive: { type: 'list' } }, 131009, /call_permission_request or voice_call/],
    [
      { ...base, type: 'interactive', interactive: { type: 'call_permission_request' } },
      100,
      /interactive\.action is required/,
    ],
    [{ ...base, type: 'template' }, 100, /body\.template is required/],
    [
      { ...base, type: 'template', template: { name: 'may_we_call', language: 'en' } },
      100,
      /language must be an object/,
    ],
  ];
  await withGraph(async (fixture) => {
    fixture.sim.openWindow(NUMBER, USER);
    for (const [message, code, details] of bad) assertRefused(await send(fixture, message), 400, code, details);
    assert.deepEqual(fixture.sim.state.messages, []);
  }, enabled);
});
