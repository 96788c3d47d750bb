import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { InviteGone } from '../../gateway/sip/port.js';
import { SDP, sipMessage, type AppMessage, type FakeServer } from './fake-server.js';
import { DialogRecorder } from './recorder.js';
import { INVITE, setUp } from './set-up.js';

const DIALOG = 'call-1;from-tag=from-1';
const CANCEL = sipMessage('CANCEL sip:+1214@gw.example.com SIP/2.0', '1 CANCEL', {
  headers: ['Reason: SIP;cause=200'],
});
const inDialog = (method: string, cseq = 2, body = '') =>
  sipMessage(`${method} sip:gw@127.0.0.1 SIP/2.0`, `${cseq} ${method}`, {
    toTag: 'to-1',
    body,
    headers: ['Reason: Q.850;cause=16'],
  });

/** The server sends the 200 and reports what it sent, with its own To tag. */
function confirm(fake: FakeServer, ok: AppMessage, txn: string): void {
  fake.sent({ ...ok, sip: ok.sip.replace(/^(to: [^\r]*)/im, '$1;tag=to-1') }, { txn, dialog: DIALOG });
}

test('an INVITE is seen with its source, headers and body', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const invite = await arriving;
  assert.equal(invite.method, 'INVITE');
  assert.equal(invite.requestUri, 'sip:+1214@gw.example.com');
  assert.equal(invite.callId, 'call-1');
  assert.deepEqual(invite.source, { address: '127.0.0.1', port: 5080, transport: 'udp', receivedOn: '127.0.0.1:5060' });
  assert.equal(invite.header('x-wa-meta-WACID'), 'wacid.A');
  assert.equal(invite.header('X-WA-Meta-CTA-Payload'), 'one, two');
  assert.equal(invite.header('X-None'), undefined);
  assert.equal(invite.body, SDP);
  assert.equal(sip.open.invites, 1);

  invite.respond({ status: 180 });
  invite.respond({ status: 486, headers: { Reason: 'Q.850;cause=17\r\nX-Forged: yes' } });
  invite.respond({ status: 200 });
  const ringing = await fake.take('SIP/2.0 180 Ringing');
  assert.equal(ringing.tokens[1], 't1');
  const busy = await fake.take('SIP/2.0 486 Busy Here');
  assert.equal(busy.header('Reason'), 'Q.850;cause=17 X-Forged: yes');
  assert.equal(sip.open.invites, 0);
  assert.equal(fake.messages.length, 0);
});

test('status codes that drachtio-srf does not know are sent all the same', async (t) => {
  const { fake, nextInvite } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  (await arriving).respond({ status: 607 });
  assert.equal((await fake.take('SIP/2.0 607')).startLine, 'SIP/2.0 607 Unwanted');
});

test('accepted, acknowledged, ended by the peer', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const invite = await arriving;
  const observer = new DialogRecorder();
  const contact = '<sip:+1214@gw.example.com:5061;transport=tls>';
  const accepting = invite.accept({ sdp: SDP, headers: { Contact: contact } }, observer);
  const ok = await fake.take('SIP/2.0 200 OK');
  assert.equal(ok.header('Contact'), contact);
  assert.equal(ok.header('Content-Type'), 'application/sdp');
  assert.ok(ok.sip.endsWith(SDP));
  confirm(fake, ok, 't1');
  const dialog = await accepting;
  assert.equal(dialog.callId, 'call-1');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 1 });

  const acked = observer.nextAck();
  fake.deliver({ txn: 't1', dialog: DIALOG }, inDialog('ACK', 1));
  await acked;
  fake.deliver({ txn: 't1', dialog: DIALOG }, inDialog('ACK', 1));

  const ended = observer.nextEnd();
  fake.deliver({ txn: 't2', dialog: DIALOG }, inDialog('BYE'));
  const end = await ended;
  assert.equal(end.by, 'peer');
  assert.equal(end.reason, 'Q.850;cause=16');
  await fake.take('SIP/2.0 200 OK');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
  await dialog.bye();
  assert.deepEqual(observer.told, ['acked', 'ended by peer']);
  assert.equal(fake.messages.length, 0);
});

for (const method of ['REFER', 'INVITE', 'UPDATE', 'INFO', 'NOTIFY', 'OPTIONS', 'MESSAGE']) {
  test(`${method} in a dialog is never answered unasked`, async (t) => {
    const { fake, nextInvite } = await setUp(t);
    const arriving = nextInvite();
    fake.deliver({ txn: 't1' }, INVITE);
    const observer = new DialogRecorder();
    const accepting = (await arriving).accept({ sdp: SDP }, observer);
    confirm(fake, await fake.take('SIP/2.0 200 OK'), 't1');
    await accepting;
    const requested = observer.nextRequest();
    fake.deliver({ txn: 't3', dialog: DIALOG }, inDialog(method, 3, 'x'));
    const request = await requested;
    assert.equal(request.method, method);
    assert.equal(fake.messages.length, 0);
    request.respond({ status: 488, headers: { Warning: '399 gw "no"' } });
    const response = await fake.take('SIP/2.0 488');
    assert.equal(response.tokens[1], 't3');
    assert.equal(response.header('Warning'), '399 gw "no"');
  });
}

test('CANCEL before the answer', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const invite = await arriving;
  const cancelled = new Promise<unknown[]>((resolve) => invite.onCancel((...told) => resolve(told)));
  fake.deliver({ txn: 't1' }, CANCEL);
  assert.deepEqual(await cancelled, ['SIP;cause=200', 'cancelled']);
  assert.equal(sip.open.invites, 0);
  await assert.rejects(invite.accept({ sdp: SDP }, new DialogRecorder()), { name: 'InviteGone', why: 'cancelled' });
  invite.respond({ status: 486 });
  assert.equal(fake.messages.length, 0);
});

test('CANCEL that overtakes the 200: the server refuses the 200', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const invite = await arriving;
  const told: string[] = [];
  invite.onCancel((_reason, why) => told.push(why));
  const accepting = invite.accept({ sdp: SDP }, new DialogRecorder());
  const ok = await fake.take('SIP/2.0 200');
  fake.deliver({ txn: 't1' }, CANCEL);
  fake.refuse(ok, 'Response not sent due to unknown transaction');
  await assert.rejects(accepting, (error) => error instanceof InviteGone && error.why === 'cancelled');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
  assert.deepEqual(told, []);
});

test('the 200 that overtakes a CANCEL makes a dialog like any other', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const observer = new DialogRecorder();
  const accepting = (await arriving).accept({ sdp: SDP }, observer);
  confirm(fake, await fake.take('SIP/2.0 200'), 't1');
  fake.deliver({ txn: 't1' }, CANCEL);
  await accepting;
  assert.equal(sip.open.dialogs, 1);
  const ended = observer.nextEnd();
  fake.deliver({ txn: 't2', dialog: DIALOG }, inDialog('BYE'));
  assert.equal((await ended).by, 'peer');
});

test('our BYE waits for the ACK and carries its headers', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const observer = new DialogRecorder();
  const accepting = (await arriving).accept({ sdp: SDP }, observer);
  confirm(fake, await fake.take('SIP/2.0 200'), 't1');
  const dialog = await accepting;
  let over = false;
  const bye = dialog.bye({ Reason: 'Q.850;cause=16' }).then(() => (over = true));
  assert.equal(dialog.bye(), dialog.bye());
  await assertNothing(fake);
  fake.deliver({ txn: 't1', dialog: DIALOG }, inDialog('ACK', 1));
  const sent = await fake.take('BYE sip:placeholder');
  assert.equal(sent.tokens[2], DIALOG);
  assert.equal(sent.header('Reason'), 'Q.850;cause=16');
  assert.equal(over, false);
  fake.sent(sent, { txn: 'b1' });
  fake.deliver({ txn: 'b1', dialog: DIALOG }, sipMessage('SIP/2.0 200 OK', '1 BYE', { toTag: 'to-1' }));
  await bye;
  assert.equal(sip.open.dialogs, 0);
  assert.deepEqual(observer.told, []);
});

test('both sides hang up at once', async (t) => {
  const { fake, nextInvite, sip } = await setUp(t);
  const arriving = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const observer = new DialogRecorder();
  const accepting = (await arriving).accept({ sdp: SDP }, observer);
  confirm(fake, await fake.take('SIP/2.0 200'), 't1');
  const dialog = await accepting;
  fake.deliver({ txn: 't1', dialog: DIALOG }, inDialog('ACK', 1));
  const bye = dialog.bye();
  const sent = await fake.take('BYE');
  fake.deliver({ txn: 't2', dialog: DIALOG }, inDialog('BYE'));
  await fake.take('SIP/2.0 200');
  await bye;
  fake.refuse(sent, 'unable to find dialog');
  await assertNothing(fake);
  assert.equal(sip.open.dialogs, 0);
  assert.equal(observer.told.filter((what) => what.startsWith('ended')).length, 0);
});

test('a 200 that is never acknowledged ends the dialog, and a BYE that waits', async (t) => {
  for (const hangUp of [false, true]) {
    const { fake, nextInvite, sip } = await setUp(t);
    const arriving = nextInvite();
    fake.deliver({ txn: 't1' }, INVITE);
    const observer = new DialogRecorder();
    const accepting = (await arriving).accept({ sdp: SDP }, observer);
    confirm(fake, await fake.take('SIP/2.0 200'), 't1');
    const dialog = await accepting;
    const over = hangUp ? dialog.bye() : observer.nextEnd();
    fake.deliverOwn(DIALOG, inDialog('BYE'));
    const end = await over;
    assert.equal(end?.by, hangUp ? undefined : 'no-ack');
    assert.equal(sip.open.dialogs, 0);
    await assertNothing(fake); // an unsolicited BYE has no response
  }
});

test('requests outside a dialog', async (t) => {
  const { fake, nextOptions } = await setUp(t);
  const arriving = nextOptions();
  fake.deliver({ txn: 'o1' }, sipMessage('OPTIONS sip:gw@127.0.0.1 SIP/2.0', '1 OPTIONS'));
  (await arriving).respond({ status: 503, headers: { 'Retry-After': '10' } });
  assert.equal((await fake.take('SIP/2.0 503')).header('Retry-After'), '10');

  for (const method of ['REGISTER', 'MESSAGE', 'REFER', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'INFO', 'PUBLISH']) {
    fake.deliver(
      { txn: `m-${method}` },
      sipMessage(`${method} sip:gw@127.0.0.1 SIP/2.0`, `1 ${method}`, { callId: method }),
    );
    const refused = await fake.take('SIP/2.0 405 Method Not Allowed');
    assert.equal(refused.tokens[1], `m-${method}`);
    assert.match(refused.header('Allow') ?? '', /INVITE, ACK, CANCEL, BYE, OPTIONS/);
  }
  fake.deliver({ txn: 'x', dialog: 'gone' }, inDialog('INFO'));
  assert.equal((await fake.take('SIP/2.0 481')).tokens[1], 'x');
});

test('a handler that throws costs its own call a 500 and nothing else', async (t) => {
  const { fake, events, nextInvite } = await setUp(t);
  events.once('invite', () => {
    throw new Error('handler');
  });
  fake.deliver({ txn: 't1' }, INVITE);
  await fake.take('SIP/2.0 500');
  const arriving = nextInvite();
  fake.deliver({ txn: 't2' }, INVITE);
  await arriving;
});

test('the link is lost in every state of an INVITE', async (t) => {
  const { fake, nextInvite, sip, events } = await setUp(t);
  const open = nextInvite();
  fake.deliver({ txn: 't1' }, INVITE);
  const waiting = await open;
  const cancelled = new Promise((resolve) => waiting.onCancel((_reason, why) => resolve(why)));

  const second = nextInvite();
  fake.deliver({ txn: 't2' }, INVITE.replace('call-1', 'call-2'));
  const accepting = (await second).accept({ sdp: SDP }, new DialogRecorder());
  const rejected = assert.rejects(accepting, { name: 'InviteGone', why: 'lost' });
  await fake.take('SIP/2.0 200');

  const third = nextInvite();
  fake.deliver({ txn: 't3' }, INVITE.replace('call-1', 'call-3'));
  const observer = new DialogRecorder();
  const answered = (await third).accept({ sdp: SDP }, observer);
  confirm(fake, await fake.take('SIP/2.0 200'), 't3');
  const dialog = await answered;
  const ended = observer.nextEnd();

  assert.deepEqual(sip.open, { invites: 2, dialogs: 1 });
  const down = once(events, 'down');
  fake.drop();
  assert.equal(await cancelled, 'lost');
  await rejected;
  assert.equal((await ended).by, 'lost');
  await down;
  await dialog.bye();
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
});

/** Everything sent so far has been answered: the server has seen all the app had to say when the ping comes back. */
async function assertNothing(fake: FakeServer): Promise<void> {
  fake.deliver({ txn: 'probe' }, sipMessage('REGISTER sip:gw SIP/2.0', '1 REGISTER', { callId: 'probe' }));
  await fake.take('SIP/2.0 405');
  assert.deepEqual(fake.messages.map(({ startLine }) => startLine), []); // prettier-ignore
}
