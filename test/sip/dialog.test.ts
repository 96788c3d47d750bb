/** ACK bodies, re-INVITEs and requests of ours inside a dialog, against a server under the test's hand. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Dialog } from '../../gateway/sip/port.js';
import { type FakeServer, SDP, sipMessage } from './fake-server.js';
import { DialogRecorder } from './recorder.js';
import { INVITE, setUp, type Fixture } from './set-up.js';

const DIALOG = 'call-1;from-tag=from-1';
const CONTACT = '<sip:+1214@gw.example.com:5061;transport=tls>';
const OFFER = SDP.replace('4000', '4002');

interface Talking extends Fixture {
  readonly dialog: Dialog;
  readonly observer: DialogRecorder;
}

/** An INVITE that was answered, and not yet acknowledged. */
async function talking(t: TestContext): Promise<Talking> {
  const fixture = await setUp(t);
  const { fake } = fixture;
  const arriving = fixture.nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const observer = new DialogRecorder();
  const accepting = (await arriving).accept({ sdp: SDP, headers: { Contact: CONTACT } }, observer);
  const answer = await fake.take('SIP/2.0 200');
  fake.sent({ ...answer, sip: answer.sip.replace(/^to: .*$/im, '$&;tag=to-1') }, { txn: 't1', dialog: DIALOG });
  return { ...fixture, observer, dialog: await accepting };
}

const inDialog = (method: string, cseq: number, body = '') =>
  sipMessage(`${method} sip:+1214@gw.example.com SIP/2.0`, `${String(cseq)} ${method}`, {
    toTag: 'to-1',
    body,
    headers: body === '' ? [] : ['Content-Type: application/sdp'],
  });
const answer = (status: string, cseq: string, options: { body?: string; headers?: string[] } = {}) =>
  sipMessage(`SIP/2.0 ${status}`, cseq, { toTag: 'to-1', ...options });

test('the ACK of a late offer brings its SDP, once, and so does that of a re-INVITE', async (t) => {
  const { fake, observer } = await talking(t);
  const first = observer.nextAck();
  for (let i = 0; i < 2; i++) fake.deliver({ txn: 'a1', dialog: DIALOG }, inDialog('ACK', 1, OFFER));
  await first;

  const asked = observer.nextRequest();
  fake.deliver({ txn: 't2', dialog: DIALOG }, inDialog('INVITE', 2));
  const invite = await asked;
  assert.equal(invite.body, '');
  invite.respond({ status: 200, body: SDP });
  const ok = await fake.take('SIP/2.0 200');
  assert.equal(ok.header('Contact'), CONTACT);
  assert.ok(ok.sip.endsWith(SDP));
  fake.sent(ok, { txn: 't2', dialog: DIALOG });
  const second = observer.nextAck();
  fake.deliver({ txn: 'a2', dialog: DIALOG }, inDialog('ACK', 2, SDP));
  await second;
  const again = observer.nextRequest();
  fake.deliver({ txn: 't3', dialog: DIALOG }, inDialog('INVITE', 3, OFFER));
  (await again).respond({ status: 200, body: SDP, headers: { Contact: '<sip:other@x>' } });
  assert.equal((await fake.take('SIP/2.0 200')).header('Contact'), '<sip:other@x>');
  const third = observer.nextAck();
  fake.deliver({ txn: 'a3', dialog: DIALOG }, inDialog('ACK', 3));
  await third;
  assert.deepEqual(observer.acks, [OFFER, SDP, undefined]);
});

test('a re-INVITE that is cancelled, or answered too late, is told, and a later response goes nowhere', async (t) => {
  const { fake, observer, sip } = await talking(t);
  fake.deliver({ txn: 'a1', dialog: DIALOG }, inDialog('ACK', 1));
  let asked = observer.nextRequest();
  fake.deliver({ txn: 't2', dialog: DIALOG }, inDialog('INVITE', 2, OFFER));
  let invite = await asked;
  let cancelled = observer.nextCancelled();
  fake.deliver({ txn: 't2', dialog: DIALOG }, inDialog('CANCEL', 2));
  await cancelled;
  invite.respond({ status: 200, body: SDP });

  asked = observer.nextRequest();
  fake.deliver({ txn: 't3', dialog: DIALOG }, inDialog('INVITE', 3, OFFER));
  invite = await asked;
  invite.respond({ status: 200, body: SDP });
  cancelled = observer.nextCancelled();
  fake.refuse(await fake.take('SIP/2.0 200'), 'transaction has its final response');
  await cancelled;
  await assertNothing(fake);
  assert.deepEqual(observer.told, ['acked', 'INVITE', 'cancelled INVITE', 'INVITE', 'cancelled INVITE']);
  assert.equal(sip.open.dialogs, 1);
});

test('NOTIFY, UPDATE and a re-INVITE of ours, each with its response', async (t) => {
  const { fake, dialog } = await talking(t);
  const notified = dialog.request({
    method: 'NOTIFY',
    headers: { Event: 'refer', 'Subscription-State': 'active', 'Content-Type': 'message/sipfrag' },
    body: 'SIP/2.0 100 Trying',
  });
  const notify = await fake.take('NOTIFY');
  assert.equal(notify.tokens[2], DIALOG);
  assert.equal(notify.header('Contact'), CONTACT);
  assert.equal(notify.header('Event'), 'refer');
  assert.ok(notify.sip.endsWith('SIP/2.0 100 Trying'));
  fake.sent(notify, { txn: 'n1' });
  fake.deliver({ txn: 'n1', dialog: DIALOG }, answer('481 Gone', '1 NOTIFY', { headers: ['X-Why: because'] }));
  const response = await notified;
  assert.deepEqual([response?.status, response?.reason, response?.header('x-why')], [481, 'Gone', 'because']);

  const updated = dialog.request({ method: 'UPDATE' });
  fake.sent(await fake.take('UPDATE'), { txn: 'u1' });
  fake.deliver({ txn: 'u1', dialog: DIALOG }, answer('200 OK', '2 UPDATE'));
  assert.equal((await updated)?.status, 200);

  const invited = dialog.request({ method: 'INVITE', body: OFFER });
  const invite = await fake.take('INVITE');
  assert.equal(invite.header('Contact'), CONTACT);
  fake.sent(invite, { txn: 'i1' });
  fake.deliver({ txn: 'i1', dialog: DIALOG }, answer('180 Ringing', '3 INVITE'));
  fake.deliver({ txn: 'i1', dialog: DIALOG }, answer('200 OK', '3 INVITE', { body: SDP }));
  assert.equal((await fake.take('ACK')).tokens[2], DIALOG);
  assert.equal((await invited)?.body, SDP);

  const refused = dialog.request({ method: 'INVITE', body: OFFER });
  fake.sent(await fake.take('INVITE'), { txn: 'i2' });
  fake.deliver({ txn: 'i2', dialog: DIALOG }, answer('491 Request Pending', '4 INVITE'));
  assert.equal((await refused)?.status, 491);
  await assertNothing(fake);
});

test('an UPDATE of the peer while a request of ours waits reaches the observer', async (t) => {
  const { fake, dialog, observer } = await talking(t);
  fake.deliver({ txn: 'a1', dialog: DIALOG }, inDialog('ACK', 1));
  void dialog.request({ method: 'NOTIFY' });
  fake.sent(withCallId(await fake.take('NOTIFY')), { txn: 'n1' });
  const asked = observer.nextRequest();
  fake.deliver({ txn: 'u1', dialog: DIALOG }, inDialog('UPDATE', 2, OFFER));
  (await asked).respond({ status: 200, body: SDP });
  assert.equal((await fake.take('SIP/2.0 200')).header('Contact'), CONTACT);
  fake.deliver({ txn: 'n1', dialog: DIALOG }, answer('200 OK', '1 NOTIFY'));

  void dialog.request({ method: 'INVITE', body: OFFER });
  fake.sent(withCallId(await fake.take('INVITE')), { txn: 'i1' });
  fake.deliver({ txn: 'u2', dialog: DIALOG }, inDialog('UPDATE', 3, OFFER));
  assert.equal((await fake.take('SIP/2.0 491')).tokens[1], 'u2');
});

test('a request never rejects: refused by the server, dialog over, link lost, nothing said', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { fake, dialog, sip } = await talking(t);
  fake.deliver({ txn: 'a1', dialog: DIALOG }, inDialog('ACK', 1));
  const refused = dialog.request({ method: 'NOTIFY' });
  fake.refuse(await fake.take('NOTIFY'), 'unable to find dialog');
  assert.equal(await refused, undefined);

  const silent = dialog.request({ method: 'INVITE', body: OFFER });
  fake.sent(await fake.take('INVITE'), { txn: 'i1' });
  await assertNothing(fake);
  t.mock.timers.tick(40_000);
  assert.equal(await silent, undefined);
  assert.equal((await fake.take('CANCEL')).tokens[1], 'i1');
  // A 200 all the same is acknowledged, or the peer would end the dialog.
  fake.deliver({ txn: 'i1', dialog: DIALOG }, answer('200 OK', '3 INVITE', { body: SDP }));
  await fake.take('ACK');

  const open = dialog.request({ method: 'UPDATE' });
  fake.sent(await fake.take('UPDATE'), { txn: 'u1' });
  fake.deliver({ txn: 'b1', dialog: DIALOG }, inDialog('BYE', 2));
  assert.equal(await open, undefined);
  await fake.take('SIP/2.0 200');
  assert.equal(await dialog.request({ method: 'UPDATE' }), undefined);
  assert.equal(sip.open.dialogs, 0);

  const other = await talking(t);
  const lost = other.dialog.request({ method: 'NOTIFY' });
  await other.fake.take('NOTIFY');
  other.fake.drop();
  assert.equal(await lost, undefined);
});

/** drachtio-srf finds a request of ours for an UPDATE by the Call-ID, which the server puts in. */
function withCallId<T extends { sip: string }>(message: T): T {
  return { ...message, sip: message.sip.replace('\r\n', '\r\nCall-ID: call-1\r\n') };
}

async function assertNothing(fake: FakeServer): Promise<void> {
  fake.deliver({ txn: 'probe' }, sipMessage('MESSAGE sip:gw SIP/2.0', '1 MESSAGE', { callId: 'probe' }));
  await fake.take('SIP/2.0 405');
  assert.deepEqual(fake.messages.map(({ startLine }) => startLine), []); // prettier-ignore
}
