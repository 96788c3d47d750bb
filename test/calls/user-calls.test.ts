/** A user's call on its way over several trunks: what each is told, and who counts it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Calls } from '../../gateway/calls/calls.js';
import { createAdmission } from '../../gateway/calls/limits.js';
import type { CallIdentity, CallRecord } from '../../gateway/calls/observer.js';
import { Router } from '../../gateway/calls/routing.js';
import { UserCalls, type UserCallsDeps } from '../../gateway/calls/user-calls.js';
import type { Config, RouteConfig, TrunkConfig } from '../../gateway/config/types.js';
import type { SipPort } from '../../gateway/sip/port.js';
import { configuredPeer } from '../../gateway/pbx/peer.js';
import { numberConfig, trunkConfig } from './configs.js';
import { FakeInvite, FakeMedia, FakeRequest, FakeSip, refusal, settled } from './fakes.js';
import { createMemoryLedger } from './memory-ledger.js';

const BSUID = { from: '<sip:US.13491208655302741918@wa.meta.vc>;tag=1', contact: '<sip:meta>' };

function host(name: string): TrunkConfig['hosts'] {
  return [{ host: name, transport: 'udp', weight: 1 }];
}

const MAIN = trunkConfig('main', {
  ...{ hosts: host('main'), callerAlias: 'whatsapp-main', answerTimeoutMs: 10_000, connectTimeoutMs: 1000 },
  fallback: { trunk: 'branch', extension: '70' },
});
const BRANCH = trunkConfig('branch', {
  ...{ hosts: host('branch'), callerAlias: 'whatsapp-branch', answerTimeoutMs: 40_000, connectTimeoutMs: 3000 },
});

function setUp(trunks: readonly TrunkConfig[], routes: readonly RouteConfig[] = []) {
  const number = numberConfig();
  const config = {
    ...{ numbers: [number], trunks, routes, whatsapp: { challenge: false } },
    gateway: { hostname: 'gateway.example.com', maxCalls: 100, drainTimeoutMs: 0 },
  } as unknown as Config;
  const [sip, media] = [new FakeSip(), new FakeMedia()];
  const told = {
    refused: [] as string[],
    started: [] as CallIdentity[],
    ended: [] as CallIdentity[],
    logs: [] as object[],
  };
  const records: CallRecord[] = [];
  const admission = createAdmission({ gateway: config.gateway, ledger: createMemoryLedger(), now: () => 0 });
  const calls = new Calls({
    sip: sip as unknown as SipPort,
    overload: { admit: () => true, close: () => undefined },
    observer: {
      refused: ({ code, detail }) => told.refused.push(`${code}: ${detail}`),
      started: (call) => told.started.push(call),
      trouble: () => undefined,
      ended: (call, record) => {
        told.ended.push(call);
        records.push(record);
      },
    },
    logFor: (fields) => {
      told.logs.push(fields);
      return { debug: () => undefined, info: () => undefined, warn: () => undefined };
    },
    now: () => 0,
  });
  const users = new UserCalls({
    ...{ config, calls, admission, contactPort: 5061, newId: () => 'id' },
    media: { openUserCall: () => Promise.resolve(media) } as unknown as UserCallsDeps['media'],
    router: new Router(config),
    challenger: { check: () => ({ kind: 'ok' }) },
    trunks: {
      choose: (name) => ({
        down: false,
        peers: (trunks.find((trunk) => trunk.name === name)?.hosts ?? []).map(configuredPeer),
      }),
      report: () => undefined,
    },
  });
  const place = async (): Promise<FakeInvite> => {
    const invite = new FakeInvite('offer', BSUID);
    Object.assign(invite, { requestUri: `sip:${number.number}@gateway.example.com` });
    users.handle(invite);
    await settled();
    return invite;
  };
  const figureOf = (trunk: string) =>
    admission.figures({ numbers: [], trunks }).calls.find(({ name }) => name === trunk);
  const countOf = (trunk: string): number | undefined => figureOf(trunk)?.calls;
  return { sip, calls, told, records, place, figureOf, countOf, number };
}

test('each trunk is told its own alias, its own name and its own extension', async () => {
  const { sip, calls, place } = setUp([MAIN, BRANCH]);
  await place();
  const first = sip.last;
  first.observer.failed({ kind: 'unreachable', detail: 'refused' });
  await settled();
  const second = sip.last;
  assert.deepEqual(
    [first, second].map(({ invite }) => [
      invite.requestUri,
      /sip:[\w-]+@/.exec(invite.from)?.[0],
      invite.headers['X-WA-Trunk'],
    ]),
    [
      ['sip:+12145551869@main', 'sip:whatsapp-main@', 'main'],
      ['sip:70@branch', 'sip:whatsapp-branch@', 'branch'],
    ],
  );
  await calls.close();
});

test('each trunk may ring for its own time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { sip, records, place } = setUp([MAIN, BRANCH]);
  await place();
  t.mock.timers.tick(1000); // main has said nothing for its connectTimeout
  await settled();
  sip.last.observer.provisional(180, 'Ringing', undefined);
  t.mock.timers.tick(39_999);
  await settled();
  assert.equal(records.length, 0);
  t.mock.timers.tick(1);
  await settled();
  assert.equal(records[0]?.outcome.failure.code, 'no-answer');
});

test('the trunk that answered names the call in the log and in metrics, and counts it', async () => {
  const { sip, calls, told, place, countOf } = setUp([MAIN, BRANCH]);
  await place();
  assert.deepEqual([countOf('main'), countOf('branch')], [1, 0]);
  sip.last.observer.failed(refusal(503, 'Service Unavailable'));
  await settled();
  assert.deepEqual([countOf('main'), countOf('branch')], [0, 1]);
  const { observer, dialog } = sip.last;
  observer.answered(dialog, 'answer of branch', () => undefined);
  await settled();
  assert.equal(told.started[0]?.trunk, 'main');
  assert.deepEqual(told.logs.at(-1), {
    ...{ call: 'id', direction: 'user-initiated', number: '+12145551869', trunk: 'branch', wacid: 'a-call' },
    user: 'US.13491208655302741918',
  });
  await calls.close();
  assert.equal(told.ended[0]?.trunk, 'branch');
  assert.deepEqual([countOf('main'), countOf('branch')], [0, 0]);
});

test('the last trunk that was tried names a call that nobody took', async () => {
  const { sip, told, place } = setUp([MAIN, BRANCH]);
  const invite = await place();
  for (let i = 0; i < 2; i++) {
    sip.last.observer.failed({ kind: 'unreachable', detail: 'refused' });
    await settled();
  }
  assert.equal(told.ended[0]?.trunk, 'branch');
  assert.equal(invite.last?.status, 503);
});

test('REFER dials the extension at the trunk that has the call', async () => {
  const { sip, calls, place } = setUp([MAIN, BRANCH]);
  await place();
  sip.last.observer.failed({ kind: 'unreachable', detail: 'refused' });
  await settled();
  const { observer, dialog } = sip.last;
  observer.answered(dialog, 'answer of branch', () => undefined);
  await settled();
  observer.dialog.request(new FakeRequest('REFER', '', { 'refer-to': '<sip:71@gateway.example.com>' }));
  const { invite } = sip.last;
  assert.equal(invite.requestUri, 'sip:71@branch');
  assert.match(invite.from, /sip:whatsapp-branch@/);
  assert.equal(invite.headers['X-WA-Trunk'], 'branch');
  await calls.close();
});

test('a trunk that is full is passed over', async () => {
  const { sip, calls, told, place, figureOf, countOf } = setUp([{ ...MAIN, maxCalls: 1 }, BRANCH]);
  await place();
  await place();
  assert.deepEqual(
    sip.sent.map(({ invite }) => invite.requestUri),
    ['sip:+12145551869@main', 'sip:70@branch'],
  );
  assert.deepEqual(
    told.started.map(({ trunk }) => trunk),
    ['main', 'branch'],
  );
  assert.deepEqual([countOf('main'), countOf('branch')], [1, 1]);
  assert.equal(figureOf('main')?.hits, 1);
  await calls.close();
});

test('one that has filled up in the meantime is passed over too, and the last one is the end', async () => {
  const third = trunkConfig('third', { hosts: host('third') });
  const { sip, calls, told, records, place } = setUp([
    MAIN,
    { ...BRANCH, maxCalls: 1, hosts: [...host('branch'), ...host('branch-2')], fallback: { trunk: 'third' } },
    { ...third, maxCalls: 1 },
  ]);
  const unreachable = { kind: 'unreachable', detail: 'refused' } as const;
  await place();
  const [first] = sip.sent;
  await place();
  await place();
  sip.sent[1]?.observer.failed(unreachable); // goes to branch, which is full then
  await settled();
  assert.equal(sip.last.invite.requestUri, 'sip:70@branch');
  sip.sent[2]?.observer.failed(unreachable); // passes over both hosts of branch
  await settled();
  assert.equal(sip.last.invite.requestUri, 'sip:70@third');
  first?.observer.failed(unreachable);
  await settled();
  assert.equal(sip.sent.length, 5);
  assert.deepEqual([records[0]?.outcome.by, records[0]?.outcome.failure.code], ['gateway', 'too-many-calls']);
  assert.equal(told.ended[0]?.trunk, 'main');
  await calls.close();
});

test('when all are full the caller gets the status of the route', async () => {
  const fallback = { trunk: 'branch', status: 486 };
  const { calls, told, place } = setUp(
    [
      { ...MAIN, maxCalls: 1 },
      { ...BRANCH, maxCalls: 1 },
    ],
    [{ match: {}, extension: '10', fallback }],
  );
  await place();
  await place();
  const third = await place();
  assert.equal(third.last?.status, 486);
  assert.deepEqual(told.refused, ['too-many-calls: maxCalls of trunk main is 1, maxCalls of trunk branch is 1']);
  await calls.close();
});

test('the status of the route is for who gets through to nobody, not for who is refused', async () => {
  const { sip, place } = setUp([MAIN], [{ match: {}, extension: '10', fallback: { status: 480 } }]);
  for (const [said, told] of [
    [503, 480],
    [408, 480],
    [486, 486],
  ] as const) {
    const invite = await place();
    sip.last.observer.failed(refusal(said, 'as the PBX says'));
    await settled();
    assert.equal(invite.last?.status, told, String(said));
  }
});
