/** Challenges in orders that only a server under the test's hand can bring about. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { OutgoingInvite } from '../../gateway/sip/port.js';
import { challengeLine, PASSWORD, USER } from './challenger.js';
import { type AppMessage, SDP, sipMessage } from './fake-server.js';
import { CallRecorder } from './recorder.js';
import { OUTGOING, setUp, type Fixture } from './set-up.js';

const DIALOG = 'call-1;from-tag=from-1';
const MD5 = challengeLine({ algorithm: 'MD5', nonce: 'n', opaque: 'o' });
const challenge = sipMessage('SIP/2.0 407 Challenge', '7 INVITE', {
  toTag: 'pbx-0',
  headers: [`Proxy-Authenticate: ${MD5}`],
});
const ok = sipMessage('SIP/2.0 200 OK', '8 INVITE', { toTag: 'pbx-1', body: SDP });

/** Up to the second INVITE, which the server has not yet told to be sent. */
async function challenged(t: TestContext, change: Partial<OutgoingInvite> = {}, version?: string) {
  const fixture = await setUp(t, {}, version);
  const call = new CallRecorder();
  const credentials = { username: USER, password: PASSWORD };
  const handle = fixture.sip.invite({ ...OUTGOING, credentials, ...change }, call);
  const first = await fixture.fake.take('INVITE');
  assert.equal(first.header('CSeq'), undefined);
  report(fixture, first, 't1', '7');
  fixture.fake.deliver({ txn: 't1' }, challenge);
  const second = await fixture.fake.take('INVITE');
  return { ...fixture, call, handle, second };
}

function report({ fake }: Pick<Fixture, 'fake'>, invite: AppMessage, txn: string, cseq: string): void {
  const added = `\r\nCall-ID: call-1\r\nCSeq: ${cseq} INVITE\r\n`;
  const sip = invite.sip.replace(/^(From: .*)$/m, '$1;tag=from-1');
  fake.sent(
    { ...invite, sip: invite.header('Call-ID') === undefined ? sip.replace('\r\n', added) : invite.sip },
    { txn },
  );
}

test('the second INVITE has the Call-ID and the From tag of the first and the next CSeq', async (t) => {
  const { second, call, sip } = await challenged(t);
  assert.equal(second.header('Call-ID'), 'call-1');
  assert.equal(second.header('CSeq'), '8 INVITE');
  assert.equal(second.header('From'), `${OUTGOING.from};tag=from-1`);
  assert.equal(second.header('To'), OUTGOING.to);
  assert.equal(second.header('Contact'), OUTGOING.contact);
  assert.equal(second.header('X-WA-Caller'), '+1219');
  assert.equal(second.tokens[3], OUTGOING.nextHop);
  assert.ok(second.sip.endsWith(SDP));
  assert.match(second.header('Proxy-Authorization') ?? '', /uri="sip:100@pbx\.example\.com", .*opaque="o"/);
  assert.equal(call.callId, 'call-1');
  assert.deepEqual(sip.open, { invites: 1, dialogs: 0 });
});

test('cancel() while the second INVITE is not yet told to be sent cancels that one, once it is', async (t) => {
  const fixture = await challenged(t);
  const { fake, call, handle, second, sip } = fixture;
  handle.cancel({ Reason: 'SIP;cause=487' });
  report(fixture, second, 't2', '8');
  const cancel = await fake.take('CANCEL');
  assert.equal(cancel.tokens[1], 't2');
  assert.equal(cancel.header('Reason'), 'SIP;cause=487');
  fake.deliver({ txn: 't2' }, sipMessage('SIP/2.0 487 Request Terminated', '8 INVITE', { toTag: 'pbx-1' }));
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
});

test('cancel() while the second INVITE rings cancels that one', async (t) => {
  const fixture = await challenged(t);
  const { fake, call, handle, second } = fixture;
  report(fixture, second, 't2', '8');
  const ringing = call.nextProvisional();
  fake.deliver({ txn: 't2' }, sipMessage('SIP/2.0 180 Ringing', '8 INVITE', { toTag: 'pbx-1' }));
  await ringing;
  handle.cancel();
  assert.equal((await fake.take('CANCEL')).tokens[1], 't2');
  fake.deliver({ txn: 't2', dialog: DIALOG }, ok);
  assert.equal((await fake.take('BYE')).tokens[2], DIALOG);
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
});

test('a challenge that crosses our CANCEL of the first INVITE is not answered', async (t) => {
  const fixture = await setUp(t);
  const { fake, sip } = fixture;
  const call = new CallRecorder();
  const handle = sip.invite({ ...OUTGOING, credentials: { username: USER, password: PASSWORD } }, call);
  report(fixture, await fake.take('INVITE'), 't1', '7');
  handle.cancel();
  await fake.take('CANCEL');
  fake.deliver({ txn: 't1' }, challenge);
  assert.deepEqual(await call.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
  assert.equal(fake.messages.length, 0);
});

test('the second INVITE cannot be sent, is not answered, or the link is lost', async (t) => {
  const cases: [string, (fixture: Awaited<ReturnType<typeof challenged>>) => void][] = [
    ['no route', ({ fake, second }) => { fake.refuse(second, 'no route'); }],
    [
      '408 Request Timeout',
      (fixture) => {
        report(fixture, fixture.second, 't2', '8');
        fixture.fake.deliver({ txn: 't2' }, sipMessage('SIP/2.0 408 Request Timeout', '8 INVITE'));
      },
    ],
    ['the link to the SIP server was lost', ({ fake }) => { fake.drop(); }],
  ]; // prettier-ignore
  for (const [detail, happen] of cases) {
    const fixture = await challenged(t);
    happen(fixture);
    const outcome = await fixture.call.outcome;
    assert.deepEqual(outcome, { kind: 'failed', failure: { kind: 'unreachable', detail } });
    assert.deepEqual(fixture.sip.open, { invites: 0, dialogs: 0 });
  }
});

test('a drachtio-server: the INVITE goes back to the host that challenged, and the ACK is given its credentials', async (t) => {
  const nextHop = 'sip:edge.example.com;transport=udp';
  const fixture = await challenged(t, { nextHop }, 'v0.9.10');
  const { fake, second, call } = fixture;
  assert.equal(second.tokens[3], 'sip:127.0.0.1:5080;transport=udp');
  report(fixture, second, 't2', '8');
  fake.deliver({ txn: 't2', dialog: DIALOG }, ok);
  const ack = await fake.take('ACK');
  assert.equal(ack.header('Proxy-Authorization'), second.header('Proxy-Authorization'));
  assert.equal((await call.outcome).kind, 'answered');
});

test('the embedded server knows by itself: the next hop stays as given', async (t) => {
  const nextHop = 'sip:edge.example.com;transport=udp';
  const fixture = await challenged(t, { nextHop });
  assert.equal(fixture.second.tokens[3], nextHop);
  report(fixture, fixture.second, 't2', '8');
  fixture.fake.deliver({ txn: 't2', dialog: DIALOG }, ok);
  assert.equal((await fixture.fake.take('ACK')).header('Proxy-Authorization'), undefined);
});

test('a BYE is answered for once, over the URI that it was sent with', async (t) => {
  const fixture = await challenged(t);
  const { fake, second, call, sip } = fixture;
  report(fixture, second, 't2', '8');
  fake.deliver({ txn: 't2', dialog: DIALOG }, ok);
  await fake.take('ACK');
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  const over = outcome.dialog.bye({ Reason: 'Q.850;cause=16' });
  const bye = await fake.take('BYE sip:placeholder');
  const refusal = sipMessage('SIP/2.0 401 Challenge', '9 BYE', { toTag: 'x', headers: [`WWW-Authenticate: ${MD5}`] });
  fake.sent({ ...bye, sip: bye.sip.replace('sip:placeholder', 'sip:callee@10.0.0.1;ob') }, { txn: 'b1' });
  fake.deliver({ txn: 'b1', dialog: DIALOG }, refusal);
  const again = await fake.take('BYE sip:callee@10.0.0.1;ob');
  assert.equal(again.tokens[2], DIALOG);
  assert.equal(again.header('Reason'), 'Q.850;cause=16');
  assert.match(again.header('Authorization') ?? '', /uri="sip:callee@10\.0\.0\.1;ob"/);
  fake.sent(again, { txn: 'b2' });
  fake.deliver({ txn: 'b2', dialog: DIALOG }, refusal);
  await over;
  assert.equal(fake.messages.length, 0);
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
});
