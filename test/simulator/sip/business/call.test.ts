import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaLess } from '../../../../simulator/index.js';
import { FakeMedia, rules } from '../harness.js';
import { HOSTNAME } from '../scripted-gateway.js';
import { BUSINESS, desk, OFFER, TO_URI, USER } from './scripted-caller.js';

const media = (): ReturnType<typeof mediaLess> => mediaLess({ keying: 'sdes' });

test('a call is challenged, rings, is answered, and hung up by the business, with nothing to complain of', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: media(), afterMs: 20 }));
    const next = edge.nextBusinessCall(USER);
    const ok = await caller.talk();
    const call = await next;
    assert.deepEqual(
      [call.from, call.to, call.number?.number, call.id.callId],
      [BUSINESS, USER, BUSINESS, caller.callId],
    );
    assert.equal(await call.ringing, 180);
    assert.equal((await call.answered)?.sdp, ok.body);
    caller.inDialog('BYE', ok, undefined, ['Reason: Q.850;cause=16']);
    assert.deepEqual(await call.ended, { by: 'business', cause: 'hangup', reason: 'Q.850;cause=16' });
    await caller.response(200, 'BYE');
    assert.deepEqual(edge.violations, []);
    assert.equal(edge.activeCalls, 0);
    assert.deepEqual(
      call.ladder().map(({ direction, raw }) => `${direction} ${raw.split(' ')[direction === 'in' ? 0 : 1] ?? ''}`),
      ['in INVITE', 'out 407', 'in ACK', 'in INVITE', 'out 100', 'out 180', 'out 200', 'in ACK', 'in BYE', 'out 200'],
    );
    const { invite = 9e9, authorizedInvite = 9e9, ringing = 9e9, answer = 9e9, ack = 9e9, end = 0 } = call.times;
    assert.ok(invite <= authorizedInvite && authorizedInvite <= ringing && ringing <= answer && answer <= ack);
    assert.ok(ack <= end);
  });
});

test("the 200 has Meta's shape, and the caller's Record-Route after Meta's", async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: media() }));
    await caller.call(['Record-Route: <sip:sbc.example.com;lr>']);
    const [trying, ringing, ok] = [await caller.response(100), await caller.response(180), await caller.response(200)];
    assert.doesNotMatch(trying.values('To')[0] ?? '', /tag=/);
    assert.deepEqual(ok.values('To'), ringing.values('To'));
    assert.equal(ringing.body, '');
    assert.deepEqual(ok.values('Record-Route'), [
      '<sip:onevc-sip-proxy.fbinfra.net:8191;transport=tls;lr>',
      '<sip:wa.meta.vc;transport=tls;lr>',
      '<sip:sbc.example.com;lr>',
    ]);
    assert.deepEqual(ok.values('Contact'), [
      `<sip:${USER}@wa.meta.vc;transport=tls;ob;X-FB-Sip-Smc-Tier=collaboration.sip_gateway.sip.prod>;isfocus`,
    ]);
    assert.deepEqual(ok.values('X-FB-External-Domain'), ['wa.meta.vc']);
    assert.deepEqual(ok.values('Supported'), ['timer']);
    assert.deepEqual(ok.values('Allow'), ['INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS']);
    assert.match(ok.values('Via')[0] ?? '', /;rport=\d+;received=127\.0\.0\.1$/);
    assert.match(ok.body, /^m=audio \d+ RTP\/SAVP 107 101\r$/m);
  });
});

test('the user hangs up: BYE goes to the Contact over Meta’s own link, with its headers', async () => {
  await desk(async ({ edge, caller, gateway }) => {
    const fake = Object.assign(new FakeMedia(), { answerSdp: () => 'v=0\r\n' });
    edge.onBusinessCall(() => ({ kind: 'answer', media: fake }));
    const next = edge.nextBusinessCall();
    await caller.call(['Record-Route: <sip:sbc.example.com;lr>']);
    const ok = await caller.response(200);
    const call = await next;
    const ended = call.hangup(); // before the ACK: has to wait for it
    assert.equal(gateway.seen.length, 0);
    caller.inDialog('ACK', ok, (raw) => raw.replace('Route: <sip:sbc.example.com;lr>\r\n', ''));
    assert.deepEqual(await ended, { by: 'user', cause: 'hangup', status: 200 });
    const bye = await gateway.message('BYE');
    assert.equal(bye.start, `BYE sip:${BUSINESS}@${HOSTNAME}:5061;transport=tls SIP/2.0`);
    assert.deepEqual(bye.values('Route'), ['<sip:sbc.example.com;lr>']);
    assert.deepEqual(bye.values('From'), ok.values('To'));
    assert.deepEqual(bye.values('To'), ok.values('From'));
    assert.deepEqual(bye.values('x-wa-meta-wacid'), [call.id.wacid]);
    assert.deepEqual(bye.values('x-wa-meta-call-duration'), ['0']);
    assert.equal(bye.values('Via').length, 3);
    assert.deepEqual(fake.log, ['ack', 'end', 'close']);
    assert.deepEqual(edge.violations, []);
  });
});

test('CANCEL before the answer: 200 and 487, and the media is released', async () => {
  await desk(async ({ edge, caller }) => {
    const fake = Object.assign(new FakeMedia(), { answerSdp: () => 'v=0\r\n' });
    edge.onBusinessCall(() => ({ kind: 'answer', media: fake, afterMs: 60_000 }));
    const next = edge.nextBusinessCall();
    await caller.call();
    await caller.response(180);
    caller.cancel((raw) => raw.replace('Max-Forwards', 'Reason: SIP;cause=487\r\nMax-Forwards'));
    await caller.response(200, 'CANCEL');
    caller.ack(await caller.response(487));
    const ended = { by: 'business', cause: 'cancelled', status: 487, reason: 'SIP;cause=487' };
    const call = await next;
    assert.deepEqual(await call.ended, ended);
    assert.equal(await call.answered, undefined);
    assert.deepEqual(fake.log, ['close']);
    assert.deepEqual(edge.violations, []);
  });
});

test('CANCEL crossing the 200 has no effect: the call is up and has to be ended with BYE', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: media(), crossesCancel: true }));
    const next = edge.nextBusinessCall();
    await caller.call();
    await caller.response(180);
    caller.cancel();
    await caller.response(200, 'CANCEL');
    const order = caller.responses.map(({ status, cseq }) => `${status} ${cseq.split(' ')[1] ?? ''}`);
    assert.deepEqual(order.slice(-2), ['200 INVITE', '200 CANCEL']);
    const ok = await caller.response(200);
    caller.inDialog('ACK', ok);
    caller.inDialog('BYE', ok);
    assert.deepEqual(await (await next).ended, { by: 'business', cause: 'hangup' });
    assert.deepEqual(edge.violations, []);
  });
});

test('CANCEL of the INVITE that was challenged has no effect, one that fits none is refused', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'ring' }));
    const next = edge.nextBusinessCall();
    caller.invite();
    await caller.response(407);
    caller.cancel();
    await caller.response(200, 'CANCEL');
    const call = await next;
    assert.deepEqual(call.violations, []);
    caller.cancel((raw) => raw.replace(/branch=z9hG4bK/, 'branch=z9hG4bKother'));
    await caller.response(481, 'CANCEL');
    caller.cancel((raw) => raw.replace(/CSeq: \d+/, 'CSeq: 7'));
    await caller.response(481, 'CANCEL', 1);
    assert.deepEqual(rules(call.violations), ['cancel', 'cancel']);
  });
});

test('without an ACK the 200 comes again, and with one that goes astray as well', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: media() }));
    const next = edge.nextBusinessCall();
    await caller.call();
    const ok = await caller.response(200);
    caller.inDialog('ACK', ok, (raw) => raw.replace(';ob;', ';'));
    assert.equal((await caller.response(200, 'INVITE', 1)).raw, ok.raw);
    const call = await next;
    assert.deepEqual(rules(call.violations), ['route']);
    caller.inDialog('ACK', ok, (raw) => raw.replace(/CSeq: \d+/, 'CSeq: 7'));
    caller.inDialog('ACK', ok);
    assert.ok(await call.answered);
    assert.deepEqual(rules(call.violations), ['route', 'dialog']);
  });
});

test('answered and refused by hand; a plan that fails', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'ring' }));
    const next = edge.nextBusinessCall();
    await caller.call();
    await caller.response(180);
    const call = await next;
    call.answer(media());
    caller.inDialog('ACK', await caller.response(200));
    assert.ok(await call.answered);
    assert.throws(() => {
      call.refuse('declined');
    }, /BusinessCall\.refuse: the call is up, it does not ring/);
  });
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => Promise.reject(new Error('no such user')));
    const next = edge.nextBusinessCall();
    await caller.call();
    assert.equal((await (await next).ended).reason, 'no plan: no such user');
    assert.equal((await caller.response(500)).reason, 'no plan: no such user');
  });
});

test('the user declines; without a plan nobody has permitted calls; nobody calls at all', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'ring' }));
    const next = edge.nextBusinessCall();
    await caller.call();
    await caller.response(180);
    const ended = { by: 'user', cause: 'rejected', status: 486, reason: 'User declined the call' };
    assert.deepEqual(await (await next).hangup(), ended);
    caller.ack(await caller.response(486));
  });
  await desk(async ({ edge, caller }) => {
    await caller.call();
    assert.match((await caller.response(403)).reason, /^No Approved Call Permission Found/);
    await assert.rejects(edge.nextBusinessCall('+1', 20), /no call of the business to \+1 within 20 ms/);
  });
});

test("Meta's media timer ends the call with BYE and its reason", async () => {
  await desk(async ({ edge, caller, gateway }) => {
    const fake = Object.assign(new FakeMedia(), { answerSdp: () => 'v=0\r\n' });
    edge.onBusinessCall(() => ({ kind: 'answer', media: fake }));
    const next = edge.nextBusinessCall();
    await caller.talk();
    const call = await next;
    await call.answered;
    fake.timeout('media-gap-timeout');
    assert.deepEqual(await call.ended, { by: 'meta', cause: 'media-gap-timeout', status: 200 });
    assert.match((await gateway.message('BYE')).values('Reason')[0] ?? '', /not receiving any media for a long time/);
    assert.deepEqual(rules(call.violations), ['media-gap-timeout']);
  });
});

test('a call to a BSUID', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: media() }));
    const bsuid = 'US.13491208655302741918';
    const next = edge.nextBusinessCall(bsuid);
    const uri = `sip:${bsuid}@wa.meta.vc`;
    await caller.call([], (raw) => raw.replaceAll(TO_URI, uri), OFFER, { uri });
    assert.ok((await caller.response(200)).values('Contact')[0]?.startsWith(`<sip:${bsuid}@wa.meta.vc;`));
    assert.deepEqual((await next).violations, []);
  });
});

test("a response whose connection is gone leaves over Meta's own link", async () => {
  await desk(async ({ edge, caller, gateway }) => {
    edge.onBusinessCall(() => ({ kind: 'ring' }));
    const next = edge.nextBusinessCall();
    await caller.call();
    await caller.response(180);
    const call = await next;
    edge.dropLinks();
    call.refuse('declined');
    assert.match((await gateway.message('486')).start, /User declined the call/);
    assert.deepEqual(await call.ended, {
      by: 'user',
      cause: 'rejected',
      status: 486,
      reason: 'User declined the call',
    });
  });
});

test('closing the edge ends calls without a word', async () => {
  await desk(async ({ edge, caller, gateway }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: media() }));
    const next = edge.nextBusinessCall();
    await caller.talk();
    const call = await next;
    await call.answered;
    await edge.close();
    assert.deepEqual(await call.ended, { by: 'meta', cause: 'closed' });
    assert.equal(gateway.seen.length, 0);
  });
});
