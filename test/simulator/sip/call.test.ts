import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWER_SDP, digestOf, HOSTNAME, NONCE, OPAQUE, wellBehaved } from './scripted-gateway.js';
import { bench, BUSINESS, callOptions, FakeMedia, rules, USER } from './harness.js';

test('a call is challenged, rings, is answered and hung up by the user, with nothing to complain of', async () => {
  await bench(wellBehaved({ challenge: true }), async ({ gateway, edge }) => {
    const media = new FakeMedia();
    const call = edge.call(callOptions({ media }));
    assert.equal(await call.ringing, 180);
    assert.equal((await call.answered)?.sdp, ANSWER_SDP);
    assert.deepEqual(media.log, [`answer ${ANSWER_SDP.length}`, 'ack']);
    await gateway.message('ACK', 1);
    assert.deepEqual(await call.hangup(), { by: 'user', cause: 'hangup', status: 200 });
    assert.deepEqual(media.log.slice(2), ['end', 'close']);
    assert.deepEqual(edge.violations, []);
    assert.deepEqual(
      call.ladder().map(({ direction, raw }) => `${direction} ${raw.split(' ')[direction === 'out' ? 0 : 1] ?? ''}`),
      ['out INVITE', 'in 407', 'out ACK', 'out INVITE', 'in 100', 'in 180', 'in 200', 'out ACK', 'out BYE', 'in 200'],
    );
  });
});

test("the INVITE has Meta's shape, header by header", async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const call = edge.call(
      callOptions({
        requestUriUserParams: { tgrp: 'wacall', 'trunk-context': 'byoc.example.com' },
        user: { id: 'US.134', parentId: 'US.77', name: 'ana', country: 'IL' },
        phoneNumberId: '9988',
        ctaPayload: 'order 7',
        deeplinkPayload: 'spring',
      }),
    );
    await call.answered;
    const invite = await gateway.message('INVITE');
    assert.equal(
      invite.start,
      `INVITE sip:${BUSINESS};tgrp=wacall;trunk-context=byoc.example.com@${HOSTNAME};transport=tls SIP/2.0`,
    );
    assert.deepEqual(
      invite.lines.map((line) => line.slice(0, line.indexOf(':'))),
      [
        ...[
          'Via',
          'Record-Route',
          'Record-Route',
          'Via',
          'Via',
          'Max-Forwards',
          'From',
          'To',
          'Contact',
          'Call-ID',
          'CSeq',
        ],
        ...['X-FB-External-Domain', 'x-wa-meta-wacid', 'x-wa-meta-phone-number-id', 'x-wa-meta-user-id'],
        ...['x-wa-meta-parent-user-id', 'x-wa-meta-user-name', 'x-wa-meta-country-code', 'x-wa-meta-cta-payload'],
        ...['x-wa-meta-deeplink-payload', 'Allow', 'User-Agent', 'Content-Type', 'Content-Length'],
      ],
    );
    assert.deepEqual(invite.values('Record-Route'), [
      '<sip:wa.meta.vc;transport=tls;lr>',
      '<sip:onevc-sip-proxy.fbinfra.net:8191;transport=tls;lr>',
    ]);
    for (const via of invite.values('Via'))
      assert.match(via, /^SIP\/2\.0\/TLS \[2803:6080:[0-9a-f:]*\]:\d+;.*branch=z9hG4bKPj/);
    assert.match(invite.values('Via')[0] ?? '', /;rport;branch=[^;]+;alias$/);
    assert.match(invite.values('From')[0] ?? '', /^"12195550714" <sip:\+12195550714@wa\.meta\.vc>;tag=[0-9a-f-]{36}$/);
    assert.deepEqual(invite.values('To'), [`<sip:${BUSINESS}@${HOSTNAME}>`]);
    assert.deepEqual(invite.values('Contact'), [`<sip:${USER}@wa.meta.vc;transport=tls;ob>;isfocus`]);
    assert.match(invite.values('Call-ID')[0] ?? '', /^outgoing:wacid\.HBgL[\w]+==$/);
    assert.equal(invite.values('Call-ID')[0], `outgoing:${invite.values('x-wa-meta-wacid')[0] ?? ''}`);
    assert.deepEqual(invite.values('Allow'), ['INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS']);
  });
});

test('the other documented header spellings, and a BSUID for a number', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const user = { parentId: 'US.77', name: 'ana', country: 'IL' };
    const from = 'US.13491208655302741918';
    await edge.call(callOptions({ from, user, spelling: 'documented' })).answered;
    await edge.call(callOptions({ from, user, spelling: 'sample' })).answered;
    const documented = await gateway.message('INVITE', 0);
    assert.match(documented.values('From')[0] ?? '', /<sip:US\.13491208655302741918@wa\.meta\.vc>/);
    assert.deepEqual(documented.values('x-wa-meta-username'), ['ana']);
    assert.deepEqual(documented.values('x-wa-meta-user-country-code'), ['IL']);
    assert.deepEqual((await gateway.message('INVITE', 1)).values('x-wa_meta-parent-user-id'), ['US.77']);
  });
});

test('the answer to a challenge is as Meta writes it', async () => {
  await bench(wellBehaved({ challenge: true }), async ({ gateway, edge }) => {
    await edge.call(callOptions()).answered;
    const [first, second] = [await gateway.message('INVITE', 0), await gateway.message('INVITE', 1)];
    const { params } = digestOf(second.values('Proxy-Authorization')[0] ?? '');
    assert.equal(params.username, '12145551869');
    assert.equal(params.uri, `sip:${BUSINESS}@${HOSTNAME}`);
    assert.equal(params.opaque, OPAQUE);
    assert.equal(params.nonce, NONCE);
    assert.equal(params.nc, '00000001');
    assert.equal(params.algorithm, 'MD5');
    assert.deepEqual(second.values('Call-ID'), first.values('Call-ID'));
    assert.deepEqual(second.values('From'), first.values('From'));
    const number = (value: string | undefined): number => Number(value?.split(' ')[0]);
    assert.equal(number(second.values('CSeq')[0]), number(first.values('CSeq')[0]) + 1);
    assert.notDeepEqual(second.values('Via'), first.values('Via'));
    const refusalAck = await gateway.message('ACK', 0);
    assert.deepEqual(refusalAck.values('Via'), first.values('Via').slice(0, 1));
  });
});

test('a user name with plus, a wrong password, a stale nonce, and a second refusal', async () => {
  await bench(wellBehaved({ challenge: true }), async ({ gateway, edge }) => {
    await edge.call(callOptions({ username: 'with-plus' })).answered;
    const { params } = digestOf((await gateway.message('INVITE', 1)).values('Proxy-Authorization')[0] ?? '');
    assert.equal(params.username, BUSINESS);
    const wrong = edge.call(callOptions({ password: 'guess' }));
    assert.deepEqual(await wrong.ended, { by: 'business', cause: 'rejected', status: 403, reason: 'Forbidden' });
    const none = edge.call({ ...callOptions(), password: undefined } as never);
    assert.equal((await none.ended).status, 407);
  });
  let challenges = 0;
  const stale = wellBehaved({
    onInvite: (seen, gateway) => {
      challenges += 1;
      const headers = [
        `WWW-Authenticate: Digest realm="r",nonce="n${challenges}",qop="auth"${challenges > 1 ? ',stale=true' : ''}`,
      ];
      gateway.reply(seen, '401 Unauthorized', { headers });
    },
  });
  await bench(stale, async ({ gateway, edge }) => {
    assert.equal((await edge.call(callOptions()).ended).status, 401);
    assert.equal(challenges, 3); // the challenge, one stale, and no more
    const second = (await gateway.message('INVITE', 1)).values('Authorization')[0] ?? '';
    assert.doesNotMatch(second, /algorithm|opaque/);
    assert.equal(digestOf((await gateway.message('INVITE', 2)).values('Authorization')[0] ?? '').params.nonce, 'n2');
  });
});

test('of two challenges MD5 is answered; SHA-256 alone is not', async () => {
  const challenge = (algorithm: string): string =>
    `Proxy-Authenticate: Digest realm="r",nonce="${algorithm}",opaque="o",algorithm=${algorithm},qop="auth"`;
  for (const order of [
    ['SHA-256', 'MD5'],
    ['MD5', 'SHA-256'],
  ]) {
    const handler = wellBehaved({
      onInvite: (seen, gateway) => {
        gateway.reply(seen, '407 Proxy Authentication Required', { headers: order.map(challenge) });
      },
    });
    await bench(handler, async ({ gateway, edge }) => {
      edge.call(callOptions());
      const { params } = digestOf((await gateway.message('INVITE', 1)).values('Proxy-Authorization')[0] ?? '');
      assert.equal(params.nonce, 'MD5');
    });
  }
  const sha = wellBehaved({
    onInvite: (seen, gateway) => {
      gateway.reply(seen, '407 Proxy Authentication Required', { headers: [challenge('SHA-256')] });
    },
  });
  await bench(sha, async ({ edge }) => {
    const call = edge.call(callOptions());
    assert.equal((await call.ended).status, 407);
    assert.deepEqual(rules(call.violations), ['challenge-algorithm']);
  });
});

test("ACK and BYE go to the gateway's Contact, through its own Record-Route, with Meta's headers", async () => {
  const handler = wellBehaved({
    onInvite: (seen, gateway) => {
      const headers = ['Record-Route: <sip:edge.sip.example.com;transport=tls;lr>', ...gateway.answerHeaders(seen)];
      gateway.answer(seen, { headers });
    },
  });
  await bench(handler, async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    await call.hangup();
    const contact = `sip:+15550001@${HOSTNAME}:${gateway.port};transport=tls`;
    const ack = await gateway.message('ACK');
    assert.equal(ack.start, `ACK ${contact} SIP/2.0`);
    assert.deepEqual(ack.values('Route'), ['<sip:edge.sip.example.com;transport=tls;lr>']);
    assert.equal(ack.values('Via').length, 3);
    const bye = await gateway.message('BYE');
    assert.equal(bye.start, `BYE ${contact} SIP/2.0`);
    assert.deepEqual(bye.values('x-wa-meta-wacid'), [call.id.wacid]);
    assert.deepEqual(bye.values('x-wa-meta-call-duration'), ['0']);
    assert.equal(bye.values('Record-Route').length, 2);
    assert.deepEqual(call.violations, []);
  });
});

test('a repeated 200 is acknowledged again, a 200 with another To tag is acknowledged and ended', async () => {
  const handler = wellBehaved({
    onInvite: (seen, gateway) => {
      gateway.answer(seen);
      gateway.answer(seen);
      gateway.answer(seen, { toTag: 'gw2' });
    },
  });
  await bench(handler, async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    const acks = await Promise.all([0, 1, 2].map((n) => gateway.message('ACK', n)));
    assert.deepEqual(
      acks.map((ack) => /;tag=(\w+)/.exec(ack.values('To')[0] ?? '')?.[1]),
      ['gw1', 'gw1', 'gw2'],
    );
    assert.match((await gateway.message('BYE')).values('To')[0] ?? '', /;tag=gw2$/);
    assert.equal(edge.activeCalls, 1);
  });
});

test('the gateway refuses: status and reason phrase are told', async () => {
  const busy = wellBehaved({
    onInvite: (seen, gateway) => {
      gateway.reply(seen, '486 Busy Here');
    },
  });
  await bench(busy, async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    assert.deepEqual(await call.ended, { by: 'business', cause: 'rejected', status: 486, reason: 'Busy Here' });
    assert.equal(await call.answered, undefined);
    assert.equal(await call.ringing, undefined);
    await gateway.message('ACK');
  });
});

test('nobody answers: CANCEL at the limit; nobody responds: no CANCEL', async () => {
  const ringing = wellBehaved({
    onInvite: (seen, gateway) => {
      gateway.reply(seen, '180 Ringing');
    },
  });
  await bench(ringing, async ({ gateway, edge }) => {
    const call = edge.call(callOptions({ answerLimitMs: 50 }));
    assert.deepEqual(await call.ended, { by: 'meta', cause: 'no-answer', status: 487, reason: 'Request Terminated' });
    const [invite, cancel] = [await gateway.message('INVITE'), await gateway.message('CANCEL')];
    assert.deepEqual(cancel.values('Via'), invite.values('Via').slice(0, 1));
    assert.equal(cancel.start, invite.start.replace('INVITE', 'CANCEL'));
  });
  await bench(
    () => undefined,
    async ({ gateway, edge }) => {
      const call = edge.call(callOptions({ answerLimitMs: 50 }));
      assert.deepEqual(await call.ended, { by: 'meta', cause: 'no-response' });
      assert.deepEqual(
        gateway.seen.map(({ method }) => method),
        ['INVITE'],
      );
    },
  );
});

test('a user who gives up before any response has come is cancelled at the first', async () => {
  const late = wellBehaved({ onInvite: () => undefined });
  await bench(late, async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    const invite = await gateway.message('INVITE');
    void call.cancel();
    gateway.reply(invite, '100 Trying');
    assert.deepEqual(await call.ended, { by: 'user', cause: 'cancelled', status: 487, reason: 'Request Terminated' });
  });
});

test('CANCEL crossing the 200: the call is acknowledged and ended with BYE', async () => {
  const handler = wellBehaved({
    onOther: (seen, gateway) => {
      gateway.reply(seen, '200 OK');
    },
  });
  await bench(handler, async ({ gateway, edge }) => {
    const call = edge.call(callOptions({ cancelCrossesAnswer: true }));
    assert.deepEqual(await call.ended, { by: 'user', cause: 'cancelled', status: 200 });
    assert.equal(await call.answered, undefined);
    assert.deepEqual(
      gateway.seen.map(({ method }) => method),
      ['INVITE', 'CANCEL', 'ACK', 'BYE'],
    );
    assert.deepEqual(call.violations, []);
  });
});

test("Meta's media timer ends the call with BYE and its reason", async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const media = new FakeMedia([{ rule: 'fingerprint', found: 'sha-1' }]);
    const call = edge.call(callOptions({ media }));
    await call.answered;
    media.timeout('media-start-timeout');
    assert.deepEqual(await call.ended, { by: 'meta', cause: 'media-start-timeout', status: 200 });
    assert.match((await gateway.message('BYE')).values('Reason')[0] ?? '', /not receiving any media for a long time/);
    assert.deepEqual(rules(call.violations), ['fingerprint', 'media-start-timeout']);
  });
});

test('INVITEs with a fault on purpose', async () => {
  const refuse = wellBehaved({
    onInvite: (seen, gateway) => {
      gateway.reply(seen, '400 Bad Request');
    },
  });
  await bench(refuse, async ({ gateway, edge }) => {
    const faults = [
      'no-sdp',
      'no-audio',
      'no-fingerprint',
      'unknown-codecs',
      'oversized-body',
      'missing-contact',
    ] as const;
    for (const fault of faults) await edge.call(callOptions({ fault })).ended;
    const [noSdp, noAudio, noFingerprint, unknown, oversized, noContact] = gateway.seen.filter(
      (s) => s.method === 'INVITE',
    );
    assert.equal(noSdp?.body, '');
    assert.equal(noSdp?.values('Content-Type').length, 0);
    assert.match(noAudio?.body ?? '', /m=video/);
    assert.doesNotMatch(noAudio?.body ?? '', /m=audio/);
    assert.doesNotMatch(noFingerprint?.body ?? 'a=crypto', /a=crypto|a=fingerprint/);
    assert.match(unknown?.body ?? '', /m=audio 9 RTP\/SAVP 120\r\n/);
    assert.doesNotMatch(unknown?.body ?? 'opus', /opus|telephone-event/);
    assert.ok((oversized?.body.length ?? 0) > 100_000);
    assert.equal(noContact?.values('Contact').length, 0);
  });
});
