import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { type AppMessage, SDP, sipMessage } from './fake-server.js';
import { CallRecorder } from './recorder.js';
import { OUTGOING, setUp, type Fixture } from './set-up.js';

const DIALOG = 'call-1;from-tag=from-1';
const response = (status: string, options: Parameters<typeof sipMessage>[2] = {}) =>
  sipMessage(`SIP/2.0 ${status}`, '1 INVITE', { toTag: 'pbx-1', ...options });

/** An INVITE that the server reports as sent, in transaction `t1`. */
async function calling(
  t: Parameters<typeof setUp>[0],
  version?: string,
): Promise<Fixture & { call: CallRecorder; cancel: () => void }> {
  const fixture = await setUp(t, {}, version);
  const call = new CallRecorder();
  const { cancel } = start(fixture, call);
  report(fixture, await fixture.fake.take('INVITE'));
  return { ...fixture, call, cancel };
}

function start(fixture: Fixture, call: CallRecorder): { cancel: () => void } {
  const outgoing = fixture.sip.invite(OUTGOING, call);
  return {
    cancel: () => {
      outgoing.cancel({ Reason: 'SIP;cause=487' });
    },
  };
}

/** The server adds the Call-ID and the From tag. */
function report({ fake }: Fixture, invite: AppMessage): void {
  fake.sent({ ...invite, sip: invite.sip.replace('\r\n', '\r\nCall-ID: call-1\r\n') }, { txn: 't1' });
}

test('called, ringing twice with early media, answered, ended by the peer', async (t) => {
  const fixture = await setUp(t);
  const { fake, sip } = fixture;
  const call = new CallRecorder();
  start(fixture, call);
  const invite = await fake.take('INVITE sip:100@pbx.example.com SIP/2.0');
  assert.equal(invite.tokens[3], OUTGOING.nextHop);
  assert.equal(invite.header('From'), OUTGOING.from);
  assert.equal(invite.header('To'), OUTGOING.to);
  assert.equal(invite.header('Contact'), OUTGOING.contact);
  assert.equal(invite.header('X-WA-Caller'), '+1219');
  assert.ok(invite.sip.endsWith(SDP));
  report(fixture, invite);

  fake.deliver({ txn: 't1' }, response('100 Trying'));
  for (const [i, status] of ['180 Ringing', '183 Session Progress', '183 Session Progress'].entries()) {
    const told = call.nextProvisional();
    fake.deliver({ txn: 't1' }, response(status, i === 0 ? {} : { body: SDP }));
    await told;
  }
  assert.deepEqual(call.provisionals, [
    { status: 180, sdp: undefined },
    { status: 183, sdp: SDP },
    { status: 183, sdp: SDP },
  ]);
  assert.equal(call.callId, 'call-1');
  assert.deepEqual(sip.open, { invites: 1, dialogs: 0 });

  fake.deliver({ txn: 't1', dialog: DIALOG }, response('200 OK', { body: SDP, headers: ['X-Extra: 1'] }));
  const ack = await fake.take('ACK');
  assert.equal(ack.tokens[2], DIALOG);
  const outcome = await call.outcome;
  assert.equal(outcome.kind, 'answered');
  assert.equal(outcome.sdp, SDP);
  assert.equal(outcome.header('x-extra'), '1');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 1 });

  const ended = call.dialog.nextEnd();
  fake.deliver({ txn: 't2', dialog: DIALOG }, sipMessage('BYE sip:gw SIP/2.0', '1 BYE', { toTag: 'x' }));
  assert.equal((await ended).by, 'peer');
  await fake.take('SIP/2.0 200');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
});

for (const status of [
  '486 Busy Here',
  '302 Moved Temporarily',
  '404 Not Found',
  '407 Proxy Authentication Required',
  '608 Rejected',
]) {
  test(`${status} is a refusal`, async (t) => {
    const { fake, call, sip } = await calling(t);
    fake.deliver({ txn: 't1' }, response(status, { headers: ['Reason: Q.850;cause=17'] }));
    const outcome = await call.outcome;
    assert.ok(outcome.kind === 'failed' && outcome.failure.kind === 'refused');
    assert.equal(`${outcome.failure.status} ${outcome.failure.reason}`, status);
    assert.equal(outcome.failure.header('reason'), 'Q.850;cause=17');
    assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
  });
}

test('408 and 503: made by the server for want of a response, or given by the PBX', async (t) => {
  const cases = [
    { version: 'v0.9.10-wa-trunk-embedded', status: '408 Request Timeout', toTag: false, kind: 'unreachable' },
    { version: 'v0.9.10-wa-trunk-embedded', status: '503 Connection refused', toTag: false, kind: 'unreachable' },
    { version: 'v0.9.10-wa-trunk-embedded', status: '503 Service Unavailable', toTag: true, kind: 'refused' },
    { version: 'v0.9.10', status: '503 Service Unavailable', toTag: true, kind: 'unreachable' },
    { version: 'v0.9.10', status: '503 Service Unavailable', toTag: true, headers: ['Server: PBX'], kind: 'refused' },
    { version: 'v0.9.10', status: '408 Request Timeout', toTag: true, headers: ['Retry-After: 5'], kind: 'refused' },
    { version: 'v0.9.10-wa-trunk-embedded', status: '408 x', toTag: false, earlier: '180 Ringing', kind: 'refused' },
    { version: 'v0.9.10', status: '480 Temporarily Unavailable', toTag: true, kind: 'refused' },
  ];
  for (const { version, status, toTag, headers = [], earlier, kind } of cases) {
    const { fake, call } = await calling(t, version);
    if (earlier !== undefined) fake.deliver({ txn: 't1' }, response(earlier));
    const bare = sipMessage(`SIP/2.0 ${status}`, '1 INVITE', { headers, ...(toTag ? { toTag: 'x' } : {}) });
    fake.deliver({ txn: 't1' }, bare.replace(/^Contact: .*\r\n/m, ''));
    const outcome = await call.outcome;
    assert.equal(outcome.kind === 'failed' && outcome.failure.kind, kind, `${version} ${status} ${headers.join()}`);
  }
});

test('what the server cannot send is unreachable', async (t) => {
  const fixture = await setUp(t);
  const call = new CallRecorder();
  start(fixture, call);
  fixture.fake.refuse(await fixture.fake.take('INVITE'), 'requested protocol/transport not available');
  assert.deepEqual(await call.outcome, {
    kind: 'failed',
    failure: { kind: 'unreachable', detail: 'requested protocol/transport not available' },
  });
  assert.equal(fixture.sip.open.invites, 0);
});

test('CANCEL after ringing', async (t) => {
  const { fake, call, cancel, sip } = await calling(t);
  const ringing = call.nextProvisional();
  fake.deliver({ txn: 't1' }, response('180 Ringing'));
  await ringing;
  cancel();
  cancel();
  const sent = await fake.take('CANCEL');
  assert.equal(sent.tokens[1], 't1');
  assert.equal(sent.header('Reason'), 'SIP;cause=487');
  fake.sent(sent, { txn: 'c1' });
  fake.deliver({ txn: 't1' }, response('180 Ringing'));
  assert.equal(sip.open.invites, 1);
  fake.deliver({ txn: 't1' }, response('487 Request Terminated'));
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
  assert.equal(call.provisionals.length, 1);
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
  assert.equal(fake.messages.length, 0);
});

test('CANCEL before the server has told that the INVITE was sent is held until then', async (t) => {
  const fixture = await setUp(t);
  const call = new CallRecorder();
  const { cancel } = start(fixture, call);
  cancel();
  const invite = await fixture.fake.take('INVITE');
  assert.equal(fixture.fake.messages.length, 0);
  report(fixture, invite);
  assert.equal((await fixture.fake.take('CANCEL')).tokens[1], 't1');
  fixture.fake.deliver({ txn: 't1' }, response('487 Request Terminated'));
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
});

test('CANCEL of an INVITE that could not be sent', async (t) => {
  const fixture = await setUp(t);
  const call = new CallRecorder();
  const { cancel } = start(fixture, call);
  cancel();
  fixture.fake.refuse(await fixture.fake.take('INVITE'), 'no');
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
});

test('CANCEL that crosses the 200: acknowledged, ended with BYE, told as cancelled once', async (t) => {
  const { fake, call, cancel, sip } = await calling(t);
  cancel();
  const sent = await fake.take('CANCEL');
  fake.deliver({ txn: 't1', dialog: DIALOG }, response('200 OK', { body: SDP }));
  fake.refuse(sent, 'unknown transaction');
  await fake.take('ACK');
  const bye = await fake.take('BYE');
  assert.equal(bye.tokens[2], DIALOG);
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
  assert.equal(sip.open.dialogs, 1);
  fake.sent(bye, { txn: 'b1' });
  const arriving = fixtureProbe(fake);
  fake.deliver({ txn: 'b1', dialog: DIALOG }, sipMessage('SIP/2.0 200 OK', '2 BYE', { toTag: 'x' }));
  await arriving();
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
  assert.equal(call.outcomes.length, 1);
});

test('cancel() after the answer does nothing', async (t) => {
  const { fake, call, cancel } = await calling(t);
  fake.deliver({ txn: 't1', dialog: DIALOG }, response('200 OK', { body: SDP }));
  assert.equal((await call.outcome).kind, 'answered');
  await fake.take('ACK');
  cancel();
  await fixtureProbe(fake)();
  assert.equal(fake.messages.length, 0);
});

test('an UPDATE before the answer is responded to', async (t) => {
  const { fake } = await calling(t);
  const update = (body: string) => sipMessage('UPDATE sip:gw SIP/2.0', '7 UPDATE', { toTag: 'from-1', body });
  fake.deliver({ txn: 'u1', dialog: DIALOG }, update(SDP));
  assert.equal((await fake.take('SIP/2.0 491')).tokens[1], 'u1');
  fake.deliver({ txn: 'u2', dialog: DIALOG }, update(''));
  assert.equal((await fake.take('SIP/2.0 200')).tokens[1], 'u2');
});

test('an observer that throws disturbs nobody', async (t) => {
  const { fake, sip, logged } = await setUp(t);
  const call = new CallRecorder();
  sip.invite(
    { ...OUTGOING },
    {
      ...call,
      provisional: () => assert.fail('in observer'),
      answered: () => assert.fail('in observer'),
      failed: () => undefined,
      dialog: call.dialog,
    },
  );
  fake.sent(await fake.take('INVITE'), { txn: 't1' });
  fake.deliver({ txn: 't1' }, response('180 Ringing'));
  fake.deliver({ txn: 't1', dialog: DIALOG }, response('200 OK', { body: SDP }));
  await fake.take('ACK');
  await fixtureProbe(fake)();
  assert.equal(logged.filter((message) => message === 'handler failed').length, 2);
  assert.equal(sip.open.dialogs, 1);
});

test('the link is lost in every state of an outgoing INVITE', async (t) => {
  const fixture = await setUp(t);
  const { fake, sip, events } = fixture;
  const [unsent, ringing, cancelled, answered, hangingUp] = Array.from({ length: 5 }, () => new CallRecorder());
  assert.ok(unsent && ringing && cancelled && answered && hangingUp);
  start(fixture, unsent);
  await fake.take('INVITE');
  start(fixture, ringing);
  fake.sent(await fake.take('INVITE'), { txn: 'r' });
  const { cancel } = start(fixture, cancelled);
  fake.sent(await fake.take('INVITE'), { txn: 'c' });
  cancel();
  await fake.take('CANCEL');
  for (const [txn, call] of [
    ['a', answered],
    ['h', hangingUp],
  ] as const) {
    // prettier-ignore
    start(fixture, call);
    fake.sent(await fake.take('INVITE'), { txn });
    fake.deliver({ txn, dialog: txn }, response('200 OK', { body: SDP }));
    await fake.take('ACK');
    await call.outcome;
  }
  const talking = await hangingUp.outcome;
  assert.ok(talking.kind === 'answered');
  const bye = talking.dialog.bye();
  await fake.take('BYE');
  assert.deepEqual(sip.open, { invites: 3, dialogs: 2 });

  const down = once(events, 'down');
  const ended = answered.dialog.nextEnd();
  fake.drop();
  await down;
  await bye;
  assert.equal((await ended).by, 'lost');
  for (const call of [unsent, ringing]) {
    const outcome = await call.outcome;
    assert.equal(outcome.kind === 'failed' && outcome.failure.kind, 'unreachable');
  }
  assert.deepEqual(await cancelled.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
  assert.deepEqual(hangingUp.dialog.told, []);
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });

  const late = new CallRecorder();
  start(fixture, late);
  assert.deepEqual(late.outcomes, []); // never told before invite() has returned
  assert.deepEqual(await late.outcome, {
    kind: 'failed',
    failure: { kind: 'unreachable', detail: 'no link to the SIP server' },
  });
});

test('a URI that would break out of its line is not sent', async (t) => {
  const { sip, fake } = await setUp(t);
  for (const spoilt of [
    { requestUri: 'sip:1@b SIP/2.0\r\nX-Forged: 1' },
    { requestUri: 'sip:1 2@b' },
    { nextHop: 'sip:1@b|x' },
    { nextHop: 'sip:1@b\r\nINVITE' },
  ]) {
    const call = new CallRecorder();
    sip.invite({ ...OUTGOING, ...spoilt }, call);
    const outcome = await call.outcome;
    assert.equal(outcome.kind === 'failed' && outcome.failure.kind, 'unreachable');
  }
  assert.equal(fake.messages.length, 0);
  assert.equal(sip.open.invites, 0);
});

/** Resolves when the app has dealt with everything delivered before the call. */
function fixtureProbe(fake: Fixture['fake']): () => Promise<unknown> {
  return () => {
    fake.deliver({ txn: 'probe' }, sipMessage('REGISTER sip:gw SIP/2.0', '1 REGISTER', { callId: 'probe' }));
    return fake.take('SIP/2.0 405');
  };
}
