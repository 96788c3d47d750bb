/** The port with the real drachtio-srf and the embedded SIP server between it and raw UDP peers. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { type Engine, startEngine } from '../../gateway/engine/index.js';
import { createSipPort } from '../../gateway/sip/drachtio.js';
import type { Dialog, IncomingInvite, OutgoingInvite, SipPort } from '../../gateway/sip/port.js';
import { SDP } from './fake-server.js';
import { CallRecorder, DialogRecorder } from './recorder.js';
import { tagOf, UdpPeer } from './udp-peer.js';

const OFFER = SDP.replace('4000', '4002');

interface Bench {
  readonly engine: Engine;
  readonly sip: SipPort;
  readonly events: EventEmitter;
  readonly peer: UdpPeer;
  readonly sipPort: number;
}

async function setUp(t: TestContext): Promise<Bench> {
  const engine = await startEngine({
    admin: { host: '127.0.0.1', port: 0, secret: 'secret' },
    listen: [
      { transport: 'udp', host: '127.0.0.1', port: 0 },
      { transport: 'tcp', host: '127.0.0.1', port: 0 },
    ],
    timers: { t1: 20, t2: 80, t4: 80 },
  });
  const sip = createSipPort({ host: '127.0.0.1', port: engine.adminPort, secret: 'secret' });
  const events = new EventEmitter();
  sip.onInvite((invite) => events.emit('invite', invite));
  sip.onOptions((request) => {
    request.respond({ status: 200 });
  });
  const farEnd = await sip.connect();
  assert.equal(farEnd.embedded, true);
  const sipPort = engine.addresses.find(({ transport }) => transport === 'udp')?.port ?? 0;
  const peer = await UdpPeer.open(sipPort);
  t.after(async () => {
    await sip.close();
    await peer.close();
    await engine.close();
  });
  return { engine, sip, events, peer, sipPort };
}

function outgoing(port: number, change: Partial<OutgoingInvite> = {}): OutgoingInvite {
  return {
    requestUri: `sip:100@127.0.0.1:${String(port)}`,
    from: '<sip:gw@127.0.0.1>',
    to: `<sip:100@127.0.0.1:${String(port)}>`,
    headers: {},
    sdp: SDP,
    ...change,
  };
}

async function arriving({ events }: Bench): Promise<IncomingInvite> {
  return ((await once(events, 'invite')) as [IncomingInvite])[0];
}

/** Both the port and the server have nothing left; responses in flight are given their time. */
async function assertNothingLeft({ engine, sip }: Bench): Promise<void> {
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
  const until = Date.now() + 10_000;
  while (engine.stats().dialogs > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(engine.stats().dialogs, 0);
}

test('a call comes in, is answered, asked for a REFER, and hung up by us', async (t) => {
  const bench = await setUp(t);
  const { peer, sip } = bench;
  const invited = arriving(bench);
  peer.request('INVITE', 'sip:gw@127.0.0.1', { id: 'outgoing:wacid.A==', cseq: 9989 }, SDP, [
    'X-WA-Meta-Wacid: wacid.A',
  ]);
  const invite = await invited;
  assert.equal(invite.callId, 'outgoing:wacid.A==');
  assert.equal(invite.header('x-wa-meta-wacid'), 'wacid.A');
  assert.equal(invite.body, SDP);
  assert.equal(invite.source.port, peer.port);
  assert.equal(invite.source.receivedOn, `127.0.0.1:${String(bench.sipPort)}`);
  invite.respond({ status: 180 });
  await peer.take('SIP/2.0 180 Ringing');
  const observer = new DialogRecorder();
  const contact = '<sip:+1214@gw.example.com:5061;transport=tls>';
  const accepting = invite.accept({ sdp: SDP, headers: { Contact: contact } }, observer);
  const ok = await peer.take('SIP/2.0 200 OK');
  assert.equal(ok.header('contact'), contact);
  assert.notEqual(tagOf(ok), '');
  assert.ok(ok.text.endsWith(SDP));
  const dialog = await accepting;
  const call = { id: 'outgoing:wacid.A==', toTag: tagOf(ok) };
  const acked = observer.nextAck();
  peer.request('ACK', contact.slice(1, -1), { ...call, cseq: 9989 });
  await acked;

  const requested = observer.nextRequest();
  peer.request('REFER', 'sip:gw@127.0.0.1', { ...call, cseq: 9990 }, '', ['Refer-To: <sip:x@y>']);
  const refer = await requested;
  assert.equal(refer.header('Refer-To'), '<sip:x@y>');
  refer.respond({ status: 202 });
  await peer.take('SIP/2.0 202 Accepted');

  const over = dialog.bye({ Reason: 'Q.850;cause=16;text="NORMAL_CLEARING"' });
  const bye = await peer.take('BYE');
  assert.equal(bye.header('reason'), 'Q.850;cause=16;text="NORMAL_CLEARING"');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 1 });
  peer.respond(bye, '200 OK');
  await over;
  await assertNothingLeft(bench);
});

test('a call goes out, rings, is answered and hung up by the peer', async (t) => {
  const bench = await setUp(t);
  const { peer, sip } = bench;
  const call = new CallRecorder();
  sip.invite(outgoing(peer.port, { headers: { 'X-WA-Name': 'é "x"' } }), call);
  const invite = await peer.take('INVITE');
  assert.equal(invite.header('X-WA-Name'), 'é "x"');
  assert.ok(invite.text.endsWith(SDP));
  for (const status of ['180 Ringing', '183 Session Progress']) {
    const told = call.nextProvisional();
    peer.respond(invite, status, status.startsWith('183') ? { body: SDP } : {});
    await told;
  }
  peer.respond(invite, '200 OK', { body: SDP });
  const ack = await peer.take('ACK');
  assert.equal(ack.header('call-id'), call.callId);
  const outcome = await call.outcome;
  assert.equal(outcome.kind, 'answered');
  const ended = call.dialog.nextEnd();
  peer.send('BYE sip:gw@127.0.0.1 SIP/2.0', [
    `Via: SIP/2.0/UDP 127.0.0.1:${String(peer.port)};branch=z9hG4bKbye;rport`,
    `From: ${ack.header('to') ?? ''}`,
    `To: ${ack.header('from') ?? ''}`,
    `Call-ID: ${ack.header('call-id') ?? ''}`,
    'CSeq: 1 BYE',
    'Reason: Q.850;cause=16',
  ]);
  assert.equal((await ended).reason, 'Q.850;cause=16');
  await peer.take('SIP/2.0 200');
  await assertNothingLeft(bench);
});

test('a late offer, a re-INVITE from either side and a NOTIFY: each SDP arrives where it belongs', async (t) => {
  const bench = await setUp(t);
  const { peer } = bench;
  const invited = arriving(bench);
  const call = { id: 'late', cseq: 1 };
  peer.request('INVITE', 'sip:gw@127.0.0.1', call);
  const observer = new DialogRecorder();
  const contact = '<sip:gw@gw.example.com>';
  const accepting = (await invited).accept({ sdp: SDP, headers: { Contact: contact } }, observer);
  const ok = await peer.take('SIP/2.0 200 OK');
  const toTag = tagOf(ok);
  const dialog = await accepting;
  let acked = observer.nextAck();
  peer.request('ACK', 'sip:gw@127.0.0.1', { ...call, toTag }, OFFER);
  await acked;

  const asked = observer.nextRequest();
  peer.request('INVITE', 'sip:gw@127.0.0.1', { ...call, cseq: 2, toTag });
  (await asked).respond({ status: 200, body: SDP });
  const again = await peer.take('SIP/2.0 200 OK');
  assert.equal(again.header('contact'), contact);
  acked = observer.nextAck();
  peer.request('ACK', 'sip:gw@127.0.0.1', { ...call, cseq: 2, toTag }, OFFER);
  await acked;
  assert.deepEqual(observer.acks, [OFFER, OFFER]);

  for (const method of ['NOTIFY', 'INVITE'] as const) {
    const answered = dialog.request({ method, ...(method === 'INVITE' ? { body: SDP } : {}) });
    const sent = await peer.take(method);
    assert.equal(sent.header('contact'), contact);
    peer.respond(sent, '200 OK', { body: OFFER });
    assert.equal((await answered)?.body, OFFER);
  }
  await peer.take('ACK');
  const ended = observer.nextEnd();
  peer.request('BYE', 'sip:gw@127.0.0.1', { ...call, cseq: 3, toTag });
  await ended;
  assert.equal(await dialog.request({ method: 'UPDATE' }), undefined);
  await assertNothingLeft(bench);
});

test('a BYE that nobody can be sent leaves no dialog', async (t) => {
  const bench = await setUp(t);
  const { peer, sip } = bench;
  const call = new CallRecorder();
  sip.invite(outgoing(peer.port), call);
  const invite = await peer.take('INVITE');
  peer.respond(invite, '200 OK', { body: SDP, headers: ['Record-Route: <sip:127.0.0.1;transport=ws;lr>'] });
  const outcome = await call.outcome;
  assert.ok(outcome.kind === 'answered');
  await outcome.dialog.bye();
  await assertNothingLeft(bench);
});

test('refused by the peer, or not reached at all', async (t) => {
  const bench = await setUp(t);
  const { peer, sip } = bench;
  peer.react = (message) => {
    if (message.startLine.startsWith('INVITE')) peer.respond(message, '503 Service Unavailable');
    return true;
  };
  const silent = await UdpPeer.open(bench.sipPort);
  t.after(() => silent.close());
  const cases: [OutgoingInvite, string][] = [
    [outgoing(peer.port), 'refused'],
    [outgoing(silent.port), 'unreachable'],
    [outgoing(1, { nextHop: 'sip:127.0.0.1:1;transport=tcp' }), 'unreachable'],
    [outgoing(1, { nextHop: 'sip:127.0.0.1:1;transport=tls' }), 'unreachable'],
    [outgoing(1, { nextHop: 'nonsense' }), 'unreachable'],
  ];
  for (const [invite, kind] of cases) {
    const call = new CallRecorder();
    sip.invite(invite, call);
    const outcome = await call.outcome;
    assert.equal(outcome.kind === 'failed' && outcome.failure.kind, kind, JSON.stringify(outcome));
  }
  await assertNothingLeft(bench);
});

test('a 200 that the peer never acknowledges ends the dialog on both sides', async (t) => {
  const bench = await setUp(t);
  const { peer } = bench;
  const invited = arriving(bench);
  peer.request('INVITE', 'sip:gw@127.0.0.1', { id: 'no-ack', cseq: 1 }, SDP);
  const observer = new DialogRecorder();
  const ended = observer.nextEnd();
  await (await invited).accept({ sdp: SDP }, observer);
  assert.equal((await ended).by, 'no-ack');
  peer.respond(await peer.take('BYE'), '200 OK');
  await assertNothingLeft(bench);
});

test('CANCEL and 200 from both sides at nearly the same time, a hundred times', async (t) => {
  const bench = await setUp(t);
  const { peer } = bench;
  const outcomes = { answered: 0, cancelled: 0 };
  for (let i = 0; i < 100; i++) {
    const call = { id: `race-${String(i)}`, cseq: 1 };
    const invited = arriving(bench);
    peer.request('INVITE', 'sip:gw@127.0.0.1', call, SDP);
    const invite = await invited;
    const observer = new DialogRecorder();
    let cancelled = false;
    invite.onCancel(() => (cancelled = true));
    peer.request('CANCEL', 'sip:gw@127.0.0.1', call);
    for (let turns = i % 10; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    const dialog: Dialog | undefined = await invite.accept({ sdp: SDP }, observer).catch(() => undefined);
    const invitation = await takeFinal(peer, call.id);
    const toTag = tagOf(invitation);
    if (dialog) {
      outcomes.answered++;
      assert.equal(cancelled, false);
      assert.match(invitation.startLine, / 200 /);
      const ended = observer.nextEnd();
      peer.request('ACK', 'sip:gw@127.0.0.1', { ...call, toTag });
      peer.request('BYE', 'sip:gw@127.0.0.1', { ...call, cseq: 2, toTag });
      assert.equal((await ended).by, 'peer');
    } else {
      outcomes.cancelled++;
      assert.match(invitation.startLine, / 487 /);
      peer.request('ACK', 'sip:gw@127.0.0.1', { ...call, toTag, branch: `z9hG4bK-${call.id}-1-INVITE` });
    }
  }
  assert.ok(outcomes.cancelled > 0, JSON.stringify(outcomes));
  await assertNothingLeft(bench);
});

test('our CANCEL and the 200 of the peer at nearly the same time, a hundred times', async (t) => {
  const bench = await setUp(t);
  const { peer, sip } = bench;
  const seen = new Set<string>();
  const byes = new Set<string>();
  peer.react = (message) => {
    const callId = message.header('call-id') ?? '';
    const [method] = message.startLine.split(' ', 1);
    if (method === 'INVITE' && !seen.has(callId)) {
      seen.add(callId);
      peer.respond(message, '180 Ringing');
      setTimeout(() => {
        peer.respond(message, '200 OK', { body: SDP });
      }, seen.size % 4);
    } else if (method === 'CANCEL') peer.respond(message, '200 OK');
    else if (method === 'BYE') {
      byes.add(callId);
      peer.respond(message, '200 OK');
    }
    return true;
  };
  let crossed = 0;
  for (let i = 0; i < 100; i++) {
    const call = new CallRecorder();
    const handle = sip.invite(outgoing(peer.port), call);
    if (i % 3 > 0) await call.nextProvisional();
    if (i % 3 > 1) await new Promise((resolve) => setTimeout(resolve, i % 5));
    handle.cancel();
    const outcome = await call.outcome;
    if (outcome.kind === 'answered') await outcome.dialog.bye();
    else {
      assert.equal(outcome.failure.kind, 'cancelled');
      crossed++;
    }
  }
  assert.ok(crossed > 0);
  await sleepUntil(() => sip.open.dialogs === 0);
  assert.equal(byes.size, 100);
  await assertNothingLeft(bench);
});

test('OPTIONS is answered, REGISTER refused, a stranger to every dialog told so', async (t) => {
  const { peer } = await setUp(t);
  peer.request('OPTIONS', 'sip:gw@127.0.0.1', { id: 'o', cseq: 1 });
  await peer.take('SIP/2.0 200', 'o');
  peer.request('REGISTER', 'sip:gw@127.0.0.1', { id: 'r', cseq: 1 });
  assert.match((await peer.take('SIP/2.0 405', 'r')).header('allow') ?? '', /INVITE/);
  peer.request('BYE', 'sip:gw@127.0.0.1', { id: 'b', cseq: 1, toTag: 'none' });
  await peer.take('SIP/2.0 481', 'b');
});

async function takeFinal(peer: UdpPeer, callId: string): Promise<Awaited<ReturnType<UdpPeer['take']>>> {
  for (;;) {
    const response = await peer.take('SIP/2.0', callId);
    if (!response.startLine.startsWith('SIP/2.0 1') && response.header('cseq')?.endsWith('INVITE')) return response;
  }
}

async function sleepUntil(condition: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!condition() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
}
