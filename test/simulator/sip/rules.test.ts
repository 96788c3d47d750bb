import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOSTNAME, wellBehaved, type ReplyOptions, type ScriptedGateway, type Seen } from './scripted-gateway.js';
import { bench, callOptions, rules } from './harness.js';

const META_ROUTE = 'Record-Route: <sip:wa.meta.vc;transport=tls;lr>\r\n';
const SECOND_ROUTE = 'Record-Route: <sip:onevc-sip-proxy.fbinfra.net:8191;transport=tls;lr>\r\n';

/** A good 200, spoiled by `edit`; the rules it breaks. */
const ANSWERS: readonly (readonly [what: string, edit: (raw: string) => string, broken: string[]])[] = [
  ['untouched', (raw) => raw, []],
  ['Record-Route dropped', (raw) => raw.replace(SECOND_ROUTE, ''), ['record-route']],
  [
    'Record-Route swapped',
    (raw) => raw.replace(META_ROUTE + SECOND_ROUTE, SECOND_ROUTE + META_ROUTE),
    ['record-route'],
  ],
  [
    'Record-Route rewritten',
    (raw) => raw.replace('<sip:wa.meta.vc;transport=tls;lr>', '<sip:wa.meta.vc;lr>'),
    ['record-route'],
  ],
  ['own Record-Route on top', (raw) => raw.replace(META_ROUTE, `Record-Route: <sip:us;lr>\r\n${META_ROUTE}`), []],
  ['Record-Route on one line', (raw) => raw.replace(/>\r\nRecord-Route: /, '>, '), []],
  ['Contact with an address', (raw) => raw.replace(`@${HOSTNAME}:`, '@10.0.0.5:'), ['contact']],
  ['Contact without transport', (raw) => raw.replace(/(Contact: .*);transport=tls/, '$1'), ['contact']],
  ['Contact with sips', (raw) => raw.replace('Contact: <sip:', 'Contact: <sips:'), ['contact']],
  ['Contact in compact form', (raw) => raw.replace('Contact: ', 'm: '), []],
  ['Vias in another order', (raw) => raw.replace(/(Via: .*\r\n)(Via: .*\r\n)(?!Via)/, '$2$1'), ['via']],
  ['a Via missing', (raw) => raw.replace(/Via: .*\r\n(?!Via)/, ''), ['via']],
  ['no received', (raw) => raw.replace(';received=127.0.0.1', ''), ['via']],
  ['rport left empty', (raw) => raw.replace('rport=40000', 'rport'), ['via']],
  ['session timer', (raw) => raw.replace('CSeq', 'Session-Expires: 1800;refresher=uas\r\nCSeq'), ['session-timer']],
  ['timer required', (raw) => raw.replace('CSeq', 'Require: timer\r\nCSeq'), ['session-timer']],
  ['no SDP', (raw) => `${raw.slice(0, raw.indexOf('Content-Length'))}Content-Length: 0\r\n\r\n`, ['missing-sdp']],
];

for (const [what, edit, broken] of ANSWERS) {
  test(`a 200 with ${what} breaks ${broken.join() || 'nothing'}`, async () => {
    const handler = wellBehaved({
      onInvite: (seen, gateway) => {
        gateway.answer(seen, { edit });
      },
    });
    await bench(handler, async ({ edge }) => {
      const call = edge.call(callOptions());
      assert.ok(await call.answered);
      assert.deepEqual(rules(call.violations), broken);
      assert.deepEqual(rules(edge.violations), broken);
    });
  });
}

test('a 200 without a To tag, and one that no parser takes', async () => {
  const spoiled: [(raw: string) => string, string][] = [
    [(raw) => raw.replace(';tag=gw1', ''), 'to-tag'],
    [(raw) => raw.replace('Contact: <sip:', 'Contact: <:'), 'contact'],
  ];
  for (const [edit, rule] of spoiled) {
    const handler = wellBehaved({
      onInvite: (seen, gateway) => {
        gateway.answer(seen, { edit });
        gateway.reply(seen, '180 Ringing');
      },
    });
    await bench(handler, async ({ edge }) => {
      const call = edge.call(callOptions());
      await call.ringing;
      assert.equal(rules(call.violations)[0], rule);
    });
  }
});

const PROVISIONALS: readonly (readonly [what: string, status: string, options: ReplyOptions, broken: string[]])[] = [
  ['a 183 without SDP', '183 Session Progress', {}, []],
  ['a 183 with SDP', '183 Session Progress', { body: 'v=0\r\n' }, ['early-sdp']],
  ['a reliable 180', '180 Ringing', { headers: ['Require: 100rel', 'RSeq: 1'] }, ['reliable-provisional']],
];

for (const [what, status, options, broken] of PROVISIONALS) {
  test(`${what} breaks ${broken.join() || 'nothing'}`, async () => {
    const handler = wellBehaved({
      onInvite: (seen, gateway) => {
        gateway.reply(seen, status, {
          ...options,
          headers: [...gateway.answerHeaders(seen), ...(options.headers ?? [])],
        });
        gateway.answer(seen);
      },
    });
    await bench(handler, async ({ edge }) => {
      const call = edge.call(callOptions());
      await call.answered;
      assert.equal(await call.ringing, Number(status.slice(0, 3)));
      assert.deepEqual(rules(call.violations), broken);
    });
  });
}

/** Sends a request in the dialog of an answered call; returns the status and the rules broken. */
async function inDialog(
  method: string,
  edit?: (raw: string) => string,
): Promise<{ status: string; broken: string[]; over: boolean }> {
  let result = { status: '', broken: [] as string[], over: false };
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    const invite = await gateway.message('INVITE');
    gateway.request(method, invite, edit);
    const response = await responseTo(gateway, method);
    assert.match(response.raw, /\r\nX-FB-External-Domain: wa\.meta\.vc\r\n/);
    assert.deepEqual(response.values('Call-ID'), invite.values('Call-ID'));
    result = { status: response.start.slice(8), broken: rules(call.violations), over: edge.activeCalls === 0 };
  });
  return result;
}

async function responseTo(gateway: ScriptedGateway, method: string): Promise<Seen> {
  for (;;) {
    const found = gateway.seen.find(
      (seen) => seen.start.startsWith('SIP/2.0') && seen.values('CSeq')[0]?.endsWith(method),
    );
    if (found) return found;
    await gateway.next();
  }
}

test('BYE of the gateway ends the call, with its Reason told', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    const reason = 'Q.850;cause=16;text="NORMAL_CLEARING"';
    gateway.request('BYE', await gateway.message('INVITE'), (raw) =>
      raw.replace('Contact', `Reason: ${reason}\r\nContact`),
    );
    assert.deepEqual(await call.ended, { by: 'business', cause: 'hangup', reason });
    assert.equal((await gateway.message('200')).values('CSeq')[0], '1 BYE');
    assert.deepEqual(call.violations, []);
  });
});

test('what a gateway may and may not send within the call', async () => {
  assert.deepEqual(await inDialog('INVITE'), {
    status: '500 Re-INVITEs are not supported',
    broken: ['re-invite'],
    over: false,
  });
  for (const method of ['UPDATE', 'REFER', 'INFO', 'MESSAGE', 'PRACK', 'SUBSCRIBE']) {
    assert.deepEqual(await inDialog(method), { status: '405 Method Not Allowed', broken: ['method'], over: false });
  }
  assert.deepEqual(await inDialog('OPTIONS'), { status: '200 OK', broken: [], over: false });
});

test('a BYE that goes astray is refused and the call stays up', async () => {
  const astray: [(raw: string) => string, string][] = [
    [(raw) => raw.replace(';ob SIP', ' SIP'), '404 Not Found'],
    [(raw) => raw.replace(/BYE sip:\S+/, `BYE sip:+1@${HOSTNAME}`), '404 Not Found'],
    [(raw) => raw.replace(/Route: <sip:wa.*\r\n/, ''), '481 Call/Transaction Does Not Exist'],
    [(raw) => raw.replace(/(Route: <sip:wa.*\r\n)(Route: .*\r\n)/, '$2$1'), '481 Call/Transaction Does Not Exist'],
  ];
  for (const [edit, status] of astray) {
    assert.deepEqual(await inDialog('BYE', edit), { status, broken: ['route'], over: false });
  }
});

test('a challenge of BYE is reported', async () => {
  const handler = wellBehaved({
    onOther: (seen, gateway) => {
      gateway.reply(seen, '407 Proxy Authentication Required', {
        headers: ['Proxy-Authenticate: Digest realm="r",nonce="n",qop="auth"'],
      });
    },
  });
  await bench(handler, async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    assert.deepEqual(await call.hangup(), { by: 'user', cause: 'hangup', status: 407 });
    assert.deepEqual(rules(call.violations), ['challenge-ack']);
    assert.equal(gateway.seen.filter(({ method }) => method === 'BYE').length, 1);
  });
});

test('requests that belong to no call', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    const invite = await gateway.message('INVITE');
    await gateway.message('ACK');
    const statuses: string[] = [];
    for (const [n, method] of ['REGISTER', 'OPTIONS', 'BYE', 'INFO', 'INVITE'].entries()) {
      const seen = gateway.seen.length;
      gateway.request(method, invite, (raw) => raw.replace('Call-ID: outgoing:', 'Call-ID: stray'), n + 1);
      while (gateway.seen.length === seen) await gateway.next();
      statuses.push(gateway.seen.at(-1)?.method ?? '');
    }
    assert.deepEqual(statuses, ['403', '200', '481', '405', '481']);
    assert.deepEqual(rules(edge.violations), ['register', 'method']);
    assert.deepEqual(call.violations, []);
  });
});

test('OPTIONS on demand', async () => {
  const handler = wellBehaved({
    onOther: (seen, gateway) => {
      gateway.reply(seen, '503 Service Unavailable');
    },
  });
  await bench(handler, async ({ gateway, edge }) => {
    assert.equal(await edge.probe(), 503);
    assert.equal((await gateway.message('OPTIONS')).start, `OPTIONS sip:ping@${HOSTNAME};transport=tls SIP/2.0`);
  });
});
