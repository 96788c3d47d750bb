import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import type { PermissionGate } from '../../../gateway/calls/business-calls.js';
import { metaFailure } from '../../../gateway/calls/meta-refusals.js';
import type { Failure } from '../../../gateway/calls/failures.js';
import type { PermissionsConfig } from '../../../gateway/config/types-control.js';
import { openStore, type Store } from '../../../gateway/store/index.js';
import {
  createPermissions,
  readPermission,
  timeOf,
  type PermissionReply,
  type Permissions,
  type PermissionsDeps,
  type UnansweredWarning,
} from '../../../gateway/whatsapp/permissions/index.js';
import { numberConfig } from '../../calls/configs.js';
import { testLog, type TestLog } from '../../store/engines.js';
import { FakeGraph, gate, graphError, until } from '../fake-graph.js';

const NUMBER = numberConfig({ number: '+442071838750', phoneNumberId: '106540352242922' });
const USER = '+4915112345678';
const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

let store: Store;
let graph: FakeGraph;
let log: TestLog;
let now: number;
let warned: UnansweredWarning[];
let replied: PermissionReply[];

beforeEach(async () => {
  now = 1_800_000_000_000;
  log = testLog();
  store = await openStore({ engine: 'memory' }, { log, clock: () => now });
  graph = new FakeGraph();
  warned = [];
  replied = [];
});
afterEach(() => store.close());

const SETTINGS: PermissionsConfig = {
  check: true,
  timeoutMs: 300,
  cacheMs: 10_000,
  rules: { preset: 'production' },
  requestText: 'May we call you?',
};

function open(
  settings: Partial<PermissionsConfig> = {},
  more: Partial<PermissionsDeps<Failure>> = {},
): Permissions<Failure> & PermissionGate {
  return createPermissions({
    graph,
    store,
    settings: { ...SETTINGS, ...settings },
    failure: metaFailure,
    log,
    clock: () => now,
    warned: (warning) => warned.push(warning),
    replied: (reply) => replied.push(reply),
    ...more,
  });
}

const granted = { permission: { status: 'permanent' } };
const none = (request?: object) => ({
  permission: { status: 'no_permission' },
  actions: [{ action_name: 'send_call_permission_request', can_perform_action: true, ...request }],
});

async function verdict(permissions: PermissionGate, user = USER, number = NUMBER): Promise<string> {
  const told = await permissions.ask({ number, user });
  return told.kind === 'deny' ? told.failure.code : told.kind;
}

/** Answers call_permissions with `permission`, messages with an id. */
function answer(permission: Record<string, unknown>): void {
  graph.reply = ({ method }) => (method === 'GET' ? permission : { messages: [{ id: 'wamid.1' }] });
}
const posts = () => graph.asked.filter(({ method }) => method === 'POST').map(({ body }) => body);

test('what Meta may answer, and what it means for a call', async () => {
  const seconds = Math.floor(now / 1000);
  const full = { time_period: 'PT24H', max_allowed: 100, current_usage: 100, limit_expiration_time: seconds + 60 };
  const call = (allowed: unknown, limits: unknown = []) => [
    { action_name: 'start_call', can_perform_action: allowed, limits },
  ];
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ permission: { status: 'permanent' } }, 'allow'],
    [{ permission: { status: 'temporary', expiration_time: seconds + 1 } }, 'allow'],
    [{ permission: { status: 'temporary', expiration: seconds + 1 } }, 'allow'],
    [{ permission: { status: 'temporary', expiration_time: new Date(now + 1).toISOString() } }, 'allow'],
    [{ permission: { status: 'temporary', expiration_time: seconds } }, 'no-permission'],
    [{ permission: { status: 'temporary', expiration: String(seconds) } }, 'no-permission'],
    [{ permission: { status: 'TEMPORARY' } }, 'allow'],
    [{ permission: { status: 'no_permission' }, actions: call(true) }, 'no-permission'],
    [{ permission: { status: 'permanent' }, actions: call(false, [full]) }, 'daily-limit'],
    [{ permission: { status: 'permanent' }, actions: call(true, [full]) }, 'allow'],
    [{ permission: { status: 'new_kind' }, actions: call(true) }, 'allow'],
    [{ permission: { status: 'new_kind' }, actions: call(false) }, 'no-permission'],
    [{ permission: { status: 'new_kind' }, actions: call(false, [full]) }, 'daily-limit'],
    [{ permission: { status: 'new_kind' } }, 'unknown'],
    [{}, 'unknown'],
    [{ permission: 5, actions: { a: 1 } }, 'unknown'],
    [
      { permission: null, actions: [null, 'x', { action_name: 'start_call', limits: [null, { max_allowed: 'x' }] }] },
      'unknown',
    ],
  ];
  for (const [i, [text, expected]] of cases.entries()) {
    answer(text);
    assert.equal(await verdict(open(), `+49151000000${i}`), expected, JSON.stringify(text));
  }
  assert.deepEqual(
    [timeOf(0), timeOf(null), timeOf('soon'), timeOf(1_800_000_000_000)],
    [undefined, undefined, undefined, 1_800_000_000_000],
  );
  assert.deepEqual(readPermission({ permission: { status: 'permanent', expiration_time: 5 } }).expiresAtMs, undefined);
});

test('a phone number and a business-scoped user id are asked for by their own names', async () => {
  answer(granted);
  await verdict(open());
  await verdict(open(), 'US.13491208655302741918');
  assert.deepEqual(
    graph.asked.map(({ path, query }) => [path, query]),
    [
      ['106540352242922/call_permissions', { user_wa_id: '4915112345678' }],
      ['106540352242922/call_permissions', { recipient: 'US.13491208655302741918' }],
    ],
  );
});

test('parallel calls ask once; the answer stands for the time of the cache, also at another gateway', async () => {
  const held = gate<Record<string, unknown>>();
  graph.reply = () => held.promise;
  const permissions = open({ timeoutMs: 10_000 });
  const asks = Array.from({ length: 20 }, () => verdict(permissions));
  held.open(granted);
  assert.deepEqual(new Set(await Promise.all(asks)), new Set(['allow']));
  assert.equal(await verdict(open()), 'allow');
  assert.equal(graph.asked.length, 1);
  now += 10_000;
  await verdict(permissions);
  assert.equal(graph.asked.length, 2);
});

test('a cached permission is no longer good than it lasts', async () => {
  const permissions = open();
  answer({ permission: { status: 'temporary', expiration_time: now + 5000 } });
  assert.equal(await verdict(permissions), 'allow');
  answer(none());
  now += 5000;
  assert.equal(await verdict(permissions), 'no-permission');
});

test('Graph slow: unknown when the time is over; the late answer serves the next call', async () => {
  const held = gate<Record<string, unknown>>();
  graph.reply = () => held.promise;
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const permissions = open();
    const asked = verdict(permissions);
    await until(() => graph.asked.length === 1);
    mock.timers.tick(300);
    assert.equal(await asked, 'unknown');
    held.open(none());
    assert.equal(await verdict(permissions), 'no-permission');
    assert.equal(graph.asked.length, 1);
  } finally {
    mock.timers.reset();
  }
});

test('Graph down: unknown; store down: Meta is asked all the same', async () => {
  graph.reply = () => {
    throw graphError();
  };
  assert.equal(await verdict(open()), 'unknown');
  assert.equal(log.lines[0]?.message, 'call permission is unknown: the call goes out, Meta decides');
  await store.close();
  answer(none());
  assert.equal(await verdict(open()), 'no-permission');
});

test('business numbers of some countries cannot call: nobody is asked', async () => {
  const of = (number: string) => numberConfig({ number, phoneNumberId: '1' });
  for (const number of ['+12145551869', '+14165550123', '+201001234567', '+84912345678', '+2348012345678']) {
    assert.equal(await verdict(open(), USER, of(number)), 'country', number);
  }
  assert.equal(graph.asked.length, 0);
  answer(granted);
  assert.equal(await verdict(open(), USER, of('+18765550123')), 'allow', 'Jamaica shares +1');
  const rules = { preset: 'production', unavailableCountries: ['GB'] } as const;
  assert.equal(await verdict(open({ rules })), 'country');
  graph.reply = () => {
    throw graphError({ kind: 'refused', code: 138013 });
  };
  assert.equal(await verdict(open(), '+4915100000000'), 'country', 'Meta says so');
});

test('without check, Graph or an id: unknown, nobody is asked', async () => {
  const { phoneNumberId: _, ...anonymous } = NUMBER;
  assert.equal(await verdict(open({ check: false })), 'unknown');
  assert.equal(await verdict(open(), USER, anonymous), 'unknown');
  assert.equal(graph.asked.length, 0);
});

test('connected calls are counted for a day; a full day is a daily limit', async () => {
  answer(granted);
  const permissions = open({ rules: { preset: 'production', connectedCallsPerDay: 2 } });
  for (let i = 0; i < 2; i++) await permissions.connected(NUMBER.number, USER);
  assert.equal(await verdict(permissions), 'daily-limit');
  now += DAY;
  assert.equal(await verdict(permissions), 'allow');
});

for (const [preset, last] of [
  ['production', 3],
  ['sandbox', 9],
] as const) {
  test(`${preset}: warned once before Meta revokes; a connected call starts anew`, async () => {
    const permissions = open({ rules: { preset } });
    const miss = async (times: number) => {
      for (let i = 0; i < times; i++) await permissions.unanswered(NUMBER.number, USER);
    };
    await miss(last - 1);
    await permissions.connected(NUMBER.number, USER);
    await miss(last - 1);
    assert.deepEqual(warned, []);
    await miss(1);
    assert.deepEqual(warned, [{ number: NUMBER.number, user: USER, unanswered: last, revokeAfter: last + 1 }]);
    await miss(1);
    assert.equal(warned.length, 1);
    assert.equal((await open().counts(NUMBER.number, USER)).unanswered, last + 1, 'another gateway counts on');
  });
}

test('a revoked permission is not taken from the cache', async () => {
  answer(granted);
  const permissions = open();
  await verdict(permissions);
  answer(none());
  for (let i = 0; i < 4; i++) await permissions.unanswered(NUMBER.number, USER);
  assert.equal(await verdict(permissions), 'no-permission');
});

test('request: a template outside the service window, free-form within', async () => {
  answer(none());
  const template = { name: 'may_we_call', language: 'en' };
  const permissions = open({ requestTemplate: template });
  assert.deepEqual(await permissions.request(NUMBER, USER), {
    kind: 'sent',
    message: 'template',
    messageId: 'wamid.1',
  });
  await permissions.contacted(NUMBER.number, '+2', now - DAY + 1);
  assert.equal((await permissions.request(NUMBER, '+2')).kind, 'sent');
  await permissions.contacted(NUMBER.number, '+3', now - DAY);
  await permissions.request(NUMBER, '+3');
  await permissions.request(NUMBER, 'US.134', { text: 'Please' });
  const interactive = (text: string) => ({
    type: 'call_permission_request',
    action: { name: 'call_permission_request' },
    body: { text },
  });
  const base = { messaging_product: 'whatsapp', recipient_type: 'individual' };
  const templated = { type: 'template', template: { name: 'may_we_call', language: { code: 'en' } } };
  assert.deepEqual(posts(), [
    { ...base, to: '4915112345678', ...templated },
    { ...base, to: '2', type: 'interactive', interactive: interactive('May we call you?') },
    { ...base, to: '3', ...templated },
    { ...base, recipient: 'US.134', type: 'interactive', interactive: interactive('Please') },
  ]);
});

test('request: the window was closed after all: the template goes out', async () => {
  graph.reply = ({ method, body }) => {
    if (method === 'GET') return none();
    if (body?.type === 'interactive') throw graphError({ kind: 'refused', code: 131047 });
    return {};
  };
  const permissions = open({ requestTemplate: { name: 'may_we_call', language: 'en' } });
  await permissions.contacted(NUMBER.number, USER, now);
  assert.deepEqual(await permissions.request(NUMBER, USER), { kind: 'sent', message: 'template' });
});

test("request: Meta's limits are checked first, and the error says when the next is possible", async () => {
  const seconds = Math.floor(now / 1000);
  const limits = [
    { time_period: 'PT24H', max_allowed: 1, current_usage: 1, limit_expiration_time: seconds + 60 },
    { time_period: 'P7D', max_allowed: 2, current_usage: 2, limit_expiration_time: seconds + 3600 },
  ];
  answer(none({ can_perform_action: false, limits }));
  const outcome = await open().request(NUMBER, USER);
  assert.deepEqual(outcome, {
    kind: 'limited',
    text: `${USER} was asked as often as Meta allows; next possible at ${new Date(now + HOUR).toISOString()}`,
    nextAtMs: now + HOUR,
  });
  answer({ ...none(), permission: { status: 'permanent' } });
  assert.deepEqual(await open().request(NUMBER, USER), { kind: 'not-needed' });
  assert.deepEqual(posts(), []);
});

test('request: while Meta says nothing, our own log counts; a connected call starts it anew', async () => {
  graph.reply = ({ method }) => {
    if (method === 'GET') throw graphError();
    return {};
  };
  const permissions = open();
  const first = now;
  assert.equal((await permissions.request(NUMBER, USER)).kind, 'sent');
  const limited = await permissions.request(NUMBER, USER);
  assert.deepEqual(limited.kind === 'limited' && limited.nextAtMs, first + DAY);
  now = first + DAY;
  assert.equal((await permissions.request(NUMBER, USER)).kind, 'sent');
  now = first + 3 * DAY;
  const weekly = await permissions.request(NUMBER, USER);
  assert.deepEqual(weekly.kind === 'limited' && weekly.nextAtMs, first + 7 * DAY);
  await permissions.connected(NUMBER.number, USER);
  assert.equal((await permissions.request(NUMBER, USER)).kind, 'sent');
});

test('request: many at once, of several gateways, are one, even if Meta counts late', async () => {
  answer(none());
  const [one, other] = [open(), open()];
  const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).request(NUMBER, USER)));
  assert.equal(outcomes.filter(({ kind }) => kind === 'sent').length, 1);
  await open().request(NUMBER, USER);
  assert.equal(posts().length, 1);
});

test('request: one that Meta refused does not count, one that may have arrived does', async () => {
  let kind: 'refused' | 'timeout' = 'refused';
  graph.reply = ({ method }) => {
    if (method === 'GET') throw graphError();
    throw graphError({ kind, message: 'not sent', remedy: 'do that' });
  };
  assert.deepEqual(await open().request(NUMBER, USER), { kind: 'failed', text: 'not sent; do that' });
  kind = 'timeout';
  assert.equal((await open().request(NUMBER, USER)).kind, 'failed');
  assert.equal((await open().request(NUMBER, USER)).kind, 'limited');
});

test('a denied call asks the user where the number says so, once', async () => {
  answer(none());
  const permissions = open();
  await verdict(permissions);
  assert.deepEqual(posts(), []);
  const asking = { ...NUMBER, requestPermission: true };
  for (let i = 0; i < 3; i++) assert.equal(await verdict(permissions, USER, asking), 'no-permission');
  await until(() => log.lines.filter(({ message }) => /the user is (not )?asked/.test(message)).length === 3);
  assert.equal(posts().length, 1);
});

test('a reply counts at once, is told, and an older one does not undo it', async () => {
  answer(none());
  const permissions = open();
  assert.equal(await verdict(permissions), 'no-permission');
  const yes = { number: NUMBER.number, user: USER, accepted: true, permanent: false, atMs: now };
  assert.equal(await permissions.reply(yes), true);
  assert.equal(await permissions.reply({ ...yes, accepted: false, atMs: now - 1 }), false);
  assert.equal(await permissions.reply(yes), false, 'twice');
  assert.deepEqual(replied, [yes]);
  assert.equal(await verdict(permissions), 'allow');
  assert.equal(await verdict(open()), 'allow', 'another gateway knows');
  await permissions.reply({ ...yes, accepted: false, atMs: now + 1 });
  assert.equal(await verdict(permissions), 'no-permission');
  assert.equal(graph.asked.length, 1);
});
