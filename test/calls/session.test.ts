import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from '../../gateway/calls/failures.js';
import { begin, connected, FakeInvite, FakeRequest, OTHER_CALL, refusal, settled, type Stage } from './fakes.js';

const PEER = { by: 'peer', reason: undefined, header: () => undefined } as const;

async function asks(stage: Stage, request: FakeRequest): Promise<FakeRequest> {
  stage.invite.observer?.request(request);
  await settled();
  return request;
}

test('a PBX that calls hears ringing, then the answer; media starts before its 200', async () => {
  const stage = begin(new FakeInvite());
  await settled();
  assert.equal(stage.sip.last.invite.sdp, 'our offer');
  stage.sip.last.observer.provisional(180, 'Ringing', undefined);
  await settled();
  assert.equal(stage.invite.last?.status, 180);
  stage.sip.last.observer.answered(stage.sip.last.dialog, "Meta's answer", () => undefined);
  await settled();
  assert.deepEqual(stage.media.did, ["answer Meta's answer", 'start']);
  assert.equal(stage.invite.accepted?.sdp, "answer to Meta's answer");
  stage.session.shutdown();
  await stage.session.done;
});

test('where the trunk wants a ringing tone it comes with a 183', async () => {
  const stage = begin(new FakeInvite(), { ringback: 'rtpengine' });
  await settled();
  stage.sip.last.observer.provisional(180, 'Ringing', undefined);
  await settled();
  assert.deepEqual(
    stage.invite.responses.map(({ status, body }) => [status, body]),
    [[183, 'ringing tone']],
  );
  stage.session.shutdown();
  await stage.session.done;
});

test('a denial is all the PBX hears, and no INVITE leaves', async () => {
  const failure = { code: 'no-permission', status: 403, reason: 'No call permission', q850: 57 };
  const stage = begin(new FakeInvite(), { permission: () => Promise.resolve({ kind: 'deny', failure }) });
  await stage.session.done;
  assert.equal(stage.sip.sent.length, 0);
  assert.equal(stage.invite.last?.status, 403);
});

test('where nobody can tell about permission, or asking fails, the call goes out', async () => {
  for (const permission of [
    () => Promise.resolve({ kind: 'unknown' } as const),
    () => Promise.reject(new Error('x')),
  ]) {
    const stage = begin(new FakeInvite(), { permission });
    await settled();
    assert.equal(stage.sip.sent.length, 1);
    stage.session.shutdown();
    await stage.session.done;
  }
});

test('a PBX that hangs up while permission is being asked for leaves nothing', async () => {
  let answer: (verdict: { kind: 'allow' }) => void = () => undefined;
  const stage = begin(new FakeInvite(), { permission: () => new Promise((resolve) => (answer = resolve)) });
  stage.invite.cancel?.(undefined, 'cancelled');
  answer({ kind: 'allow' });
  await stage.session.done;
  assert.equal(stage.sip.sent.length, 0);
});

test('another password leads to a second INVITE, the same one to a refusal', async () => {
  const renew = [true, false];
  const stage = begin(new FakeInvite(), {
    classify: ({ status, reason }) => ({
      failure: { code: 'unknown', status, reason, q850: 21 },
      tryNext: renew.shift() ?? false,
    }),
  });
  await settled();
  stage.sip.last.observer.failed(refusal(403, 'Invalid digest response'));
  await settled();
  assert.equal(stage.sip.sent.length, 2);
  stage.sip.last.observer.failed(refusal(403, 'Invalid digest response'));
  await stage.session.done;
  assert.equal(stage.invite.last?.status, 403);
});

test('an INVITE without SDP is answered with our offer, and the ACK brings the answer', async () => {
  const stage = await connected(new FakeInvite(''));
  stage.invite.observer?.acked?.('late answer');
  await settled();
  assert.ok(stage.media.did.includes('answered late answer'));
  stage.session.shutdown();
  await stage.session.done;
});

test('an ACK without the answer it owes ends both legs', async () => {
  const stage = await connected(new FakeInvite(''));
  stage.invite.observer?.acked?.(undefined);
  await stage.session.done;
  assert.equal(stage.records[0]?.outcome.failure.code, 'pbx-answer');
  assert.equal(stage.sip.last.dialog.byes.length, 1);
  assert.equal(stage.invite.dialog.byes.length, 1);
});

test('hold, resume and refresh are answered on the PBX side alone', async () => {
  const stage = await connected();
  const hold = await asks(stage, new FakeRequest('INVITE', 'hold'));
  assert.deepEqual([hold.last?.status, hold.last?.body], [200, 'answer to hold']);
  const update = await asks(stage, new FakeRequest('UPDATE', ''));
  assert.deepEqual([update.last?.status, update.last?.body], [200, undefined]);
  const late = await asks(stage, new FakeRequest('INVITE', ''));
  assert.equal(late.last?.body, 'what is agreed');
  stage.invite.observer?.acked?.('the answer');
  await settled();
  assert.ok(stage.media.did.includes('answered the answer'));
  assert.deepEqual(stage.sip.last.dialog.requests, []);
  stage.session.shutdown();
  await stage.session.done;
});

test('an offer that cannot be served is refused, and the call goes on', async () => {
  const stage = await connected();
  stage.media.refuses = true;
  assert.equal((await asks(stage, new FakeRequest('INVITE', 'video only'))).last?.status, 488);
  assert.equal(stage.records.length, 0);
  stage.session.shutdown();
  await stage.session.done;
});

test('two offers at once: the second one is told to wait', async () => {
  const stage = await connected();
  const [first, second] = [new FakeRequest('INVITE', 'one'), new FakeRequest('UPDATE', 'two')];
  stage.invite.observer?.request(first);
  stage.invite.observer?.request(second);
  await settled();
  assert.deepEqual([first.last?.status, second.last?.status], [200, 491]);
  stage.session.shutdown();
  await stage.session.done;
});

test('keys by INFO reach media; an INFO of another kind is refused', async () => {
  const stage = await connected();
  const type = { 'content-type': 'application/dtmf-relay' };
  assert.equal((await asks(stage, new FakeRequest('INFO', 'Signal=5\r\nDuration=200', type))).last?.status, 200);
  assert.ok(stage.media.did.includes('key 5 200'));
  assert.equal((await asks(stage, new FakeRequest('INFO', 'x', { 'content-type': 'text/plain' }))).last?.status, 415);
  stage.session.shutdown();
  await stage.session.done;
});

test('a session timer below the minimum gets 422', async () => {
  const stage = await connected();
  const short = await asks(stage, new FakeRequest('UPDATE', '', { 'session-expires': '30' }));
  assert.deepEqual([short.last?.status, short.last?.headers?.['Min-SE']], [422, '90']);
  stage.session.shutdown();
  await stage.session.done;
});

test('REFER: the trunk dials the extension, which takes over; the user stays', async () => {
  const stage = await connected();
  const [meta] = stage.sip.sent;
  const refer = await asks(stage, new FakeRequest('REFER', '', { 'refer-to': '<sip:1002@gateway.example.com>' }));
  assert.equal(refer.last?.status, 202);
  const next = stage.sip.last;
  assert.deepEqual([next.invite.requestUri, next.invite.sdp], ['sip:1002@pbx', 'what is agreed']);
  next.observer.answered(next.dialog, 'answer of 1002', () => undefined);
  await settled();
  assert.ok(stage.media.did.includes('answered answer of 1002'));
  const told = stage.invite.dialog.requests.map((r) => r.body?.trim());
  assert.deepEqual(told, ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK']);
  assert.equal(stage.invite.dialog.byes.length, 1);
  stage.invite.observer?.ended(PEER); // the old leg's good-bye is nobody's any more
  await settled();
  assert.equal(stage.records.length, 0);
  next.observer.dialog.ended(PEER);
  await stage.session.done;
  assert.equal(meta?.dialog.byes.length, 1);
});

test('REFER: a PBX that hangs up at once does not end the call, but a transfer that fails then does', async () => {
  const stage = await connected();
  await asks(stage, new FakeRequest('REFER', '', { 'refer-to': 'sip:1002@gateway.example.com' }));
  stage.invite.observer?.ended(PEER);
  await settled();
  assert.equal(stage.records.length, 0);
  stage.sip.last.observer.failed(refusal(486, 'Busy Here'));
  await stage.session.done;
  assert.equal(stage.records[0]?.outcome.failure.code, 'normal');
});

test('REFER: while the PBX stays, a transfer that fails leaves the call as it was', async () => {
  const stage = await connected();
  await asks(stage, new FakeRequest('REFER', '', { 'refer-to': 'sip:1002@gateway.example.com' }));
  stage.sip.last.observer.failed(refusal(486, 'Busy Here'));
  await settled();
  assert.equal(stage.invite.dialog.requests.at(-1)?.body?.trim(), 'SIP/2.0 486 Busy Here');
  assert.equal(stage.records.length, 0);
  stage.session.shutdown();
  await stage.session.done;
});

test('REFER: a leg that ends while it takes over ends the call', async () => {
  const stage = await connected();
  await asks(stage, new FakeRequest('REFER', '', { 'refer-to': 'sip:1002@gateway.example.com' }));
  const next = stage.sip.last;
  next.observer.answered(next.dialog, 'answer of 1002', () => undefined);
  next.observer.dialog.ended(PEER);
  await stage.session.done;
  assert.equal(stage.sip.sent[0]?.dialog.byes.length, 1);
});

test('REFER: a target without extension, a Replaces that cannot be read, and another call of ours are refused', async () => {
  const stage = await connected();
  for (const [target, status] of [
    ['<sip:pbx.example.com>', 400],
    ['<sip:1002@pbx?Replaces=abc%3Bto-tag%3D1>', 400],
    ['<sip:1002@pbx?Replaces=abc%0D%0AX%3A1%3Bto-tag%3D1%3Bfrom-tag%3D2>', 400],
    ['<sip:1002@pbx?Replaces=%FF%3Bto-tag%3D1%3Bfrom-tag%3D2>', 400],
    [`<sip:1002@pbx?Replaces=${encodeURIComponent(OTHER_CALL)}%3Bto-tag%3D1%3Bfrom-tag%3D2>`, 603],
  ] as const) {
    const refer = await asks(stage, new FakeRequest('REFER', '', { 'refer-to': target }));
    assert.equal(refer.last?.status, status, target);
  }
  assert.equal(stage.sip.sent.length, 1);
  stage.session.shutdown();
  await stage.session.done;
});

test('REFER: an attended transfer dials the extension with the call it is to replace', async () => {
  const stage = await connected();
  const target = '<sip:1002@10.0.0.7:5062?X-Other=1&Replaces=abc%40pbx%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>';
  const refer = await asks(stage, new FakeRequest('REFER', '', { 'refer-to': target }));
  assert.equal(refer.last?.status, 202);
  const { invite, dialog, observer } = stage.sip.last;
  assert.deepEqual(
    [invite.requestUri, invite.headers],
    ['sip:1002@pbx', { Replaces: 'abc@pbx;to-tag=1;from-tag=2', Require: 'replaces' }],
  );
  observer.answered(dialog, 'answer of 1002', () => undefined);
  await settled();
  assert.ok(stage.media.did.includes('answered answer of 1002'));
  assert.equal(stage.invite.dialog.byes.length, 1);
  stage.session.shutdown();
  await stage.session.done;
});

test('REFER: a phone that has no such call, or knows no Replaces, leaves the call as it was', async () => {
  const stage = await connected();
  for (const [status, reason] of [
    [481, 'Call/Transaction Does Not Exist'],
    [420, 'Bad Extension'],
  ] as const) {
    const target = '<sip:1002@pbx?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>';
    await asks(stage, new FakeRequest('REFER', '', { 'refer-to': target }));
    stage.sip.last.observer.failed(refusal(status, reason));
    await settled();
    assert.equal(stage.invite.dialog.requests.at(-1)?.body?.trim(), `SIP/2.0 ${status} ${reason}`);
  }
  assert.deepEqual([stage.records.length, stage.invite.dialog.byes.length], [0, 0]);
  stage.session.shutdown();
  await stage.session.done;
});

test('a call that lasts too long is ended on both legs', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stage = await connected(new FakeInvite(), { maxDurationMs: 60_000 });
  t.mock.timers.tick(60_000);
  await stage.session.done;
  assert.equal(stage.records[0]?.outcome.failure, FAILURES['max-duration']);
  assert.equal(stage.invite.dialog.byes.length + stage.sip.last.dialog.byes.length, 2);
  assert.equal(stage.talked.length, 1);
});

test('a call of a WhatsApp user: what Meta asks inside it is never taken to the PBX', async () => {
  const stage = await connected(new FakeInvite(), { callee: 'pbx' });
  for (const [method, status] of [
    ['INVITE', 488],
    ['UPDATE', 488],
    ['OPTIONS', 200],
    ['REFER', 405],
  ] as const) {
    assert.equal((await asks(stage, new FakeRequest(method, 'x'))).last?.status, status);
  }
  assert.deepEqual(stage.sip.last.dialog.requests, []);
  stage.session.shutdown();
  await stage.session.done;
});
