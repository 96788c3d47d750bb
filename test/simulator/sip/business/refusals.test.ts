import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaLess, REFUSALS, type Refusal, type RefusalId } from '../../../../simulator/index.js';
import { FakeMedia, rules } from '../harness.js';
import { HOSTNAME } from '../scripted-gateway.js';
import { BUSINESS, desk, OFFER, TO_URI, USER } from './scripted-caller.js';

type Edit = (raw: string) => string;

const IDS: readonly RefusalId[] = [
  ...(['no-permission', 'daily-limit', 'country', 'app', 'hostname', 'payment', 'duplicate', 'no-answer'] as const),
  ...(['declined', 'rtp-timeout', 'rate-limit', 'unavailable', 'unknown'] as const),
];

test('there is a refusal for every code of the catalogue', () => {
  assert.deepEqual(Object.keys(REFUSALS), IDS);
});

for (const id of IDS) {
  const { status, reason }: Refusal = REFUSALS[id];
  test(`refusal ${id}: ${status} ${reason}`, async () => {
    await desk(async ({ edge, caller }) => {
      const rings = status === 480 || status === 486;
      edge.onBusinessCall(() => ({ kind: 'refuse', refusal: id, ringing: rings, afterMs: rings ? 10 : 0 }));
      const next = edge.nextBusinessCall();
      await caller.call();
      const refused = await caller.response(status);
      assert.equal(refused.reason, reason);
      assert.deepEqual(refused.values('Warning'), [`399 wa.meta.vc "${reason}"`]);
      assert.match(refused.values('To')[0] ?? '', /;tag=/);
      caller.ack(refused);
      const call = await next;
      assert.deepEqual(await call.ended, { by: rings ? 'user' : 'meta', cause: 'rejected', status, reason });
      assert.equal(await call.ringing, rings ? 180 : undefined);
      assert.equal(await call.answered, undefined);
      assert.deepEqual(edge.violations, []);
    });
  });
}

test('a refusal with a status and text of its own', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'refuse', refusal: { status: 404, reason: 'Who is "Ana"?' } }));
    await caller.call();
    const refused = await caller.response(404);
    assert.equal(refused.reason, 'Who is "Ana"?');
    assert.deepEqual(refused.values('Warning'), ['399 wa.meta.vc "Who is \\"Ana\\"?"']);
  });
});

const FOREIGN = (host: string): string =>
  `SIP server ${host} from INVITE does not match any SIP server configured for phone number id 77`;
const MISSING = 'Asset not found, invalid business phone number';

/** A good INVITE, spoiled; what Meta answers ('' for a call that is let in) and the rules that are broken. */
const SPOILED: readonly (readonly [what: string, edit: Edit, answer: string, broken: string[]])[] = [
  ['nothing wrong', (raw) => raw, '', []],
  ['a parent domain in From', (raw) => raw.replace(`@${HOSTNAME}>;`, '@example.com>;'), '', []],
  [
    'a foreign From host',
    (raw) => raw.replace(`@${HOSTNAME}>;`, '@foo.com>;'),
    `403 ${FOREIGN('foo.com')}`,
    ['from-host'],
  ],
  [
    'a From host that ends alike',
    (raw) => raw.replace(`@${HOSTNAME}>;`, '@ple.com>;'),
    `403 ${FOREIGN('ple.com')}`,
    ['from-host'],
  ],
  [
    'anonymous.invalid',
    (raw) => raw.replace(`@${HOSTNAME}>;`, '@anonymous.invalid>;'),
    `403 ${FOREIGN('anonymous.invalid')}`,
    ['from-host'],
  ],
  [
    'a From user without plus',
    (raw) => raw.replace(`From: <sip:+`, 'From: <sip:'),
    '500 Internal Server Error',
    ['plus'],
  ],
  [
    'a callee without plus',
    (raw) => raw.replaceAll(`sip:${USER}`, `sip:${USER.slice(1)}`),
    '500 Internal Server Error',
    ['plus'],
  ],
  ['a national callee', (raw) => raw.replaceAll(USER, '02195550714'), '500 Internal Server Error', ['plus']],
  [
    'a From number of nobody',
    (raw) => raw.replace(`From: <sip:${BUSINESS}`, 'From: <sip:+15550000000'),
    `400 ${MISSING}`,
    ['from-number'],
  ],
  ['sips:', (raw) => raw.replace('INVITE sip:', 'INVITE sips:'), '404 Not Found', ['uri-sips']],
  [
    'an address in the request-URI',
    (raw) => raw.replace(/INVITE (\S+)@wa\.meta\.vc/, 'INVITE $1@57.144.67.157'),
    '404 SIP INVITEs using IP in request URI are not allowed',
    ['uri-ip'],
  ],
  [
    'an IPv6 address in the request-URI',
    (raw) => raw.replace(/INVITE (\S+)@wa\.meta\.vc/, 'INVITE $1@[2a03:2880::1]'),
    '404 SIP INVITEs using IP in request URI are not allowed',
    ['uri-ip'],
  ],
  [
    'another host',
    (raw) => raw.replace(/INVITE (\S+)@wa\.meta\.vc/, 'INVITE $1@meta.example'),
    '404 Not Found',
    ['uri-host'],
  ],
  [
    'transport in the request-URI alone',
    (raw) => raw.replace(`INVITE ${TO_URI}`, `INVITE ${TO_URI};transport=tls`),
    '',
    ['auth-uri'],
  ],
  ['no Contact', (raw) => raw.replace(/Contact: .*\r\n/, ''), '400 Bad Request', ['malformed', 'contact']],
  ['no From tag', (raw) => raw.replace(/(From: .*);tag=.*/, '$1'), '400 Bad Request', ['malformed']],
  ['a Contact with an address', (raw) => raw.replace(`@${HOSTNAME}:5061;`, '@10.0.0.5:5061;'), '', ['contact']],
  ['a Contact without transport', (raw) => raw.replace(':5061;transport=tls', ':5061'), '', ['contact']],
  ['a session timer', (raw) => raw.replace('Allow', 'Session-Expires: 1800\r\nAllow'), '', ['session-timer']],
  ['a session timer in compact form', (raw) => raw.replace('Allow', 'x: 1800\r\nAllow'), '', ['session-timer']],
  ['timer required', (raw) => raw.replace('Allow', 'Require: timer\r\nAllow'), '', ['session-timer']],
  [
    '100rel required',
    (raw) => raw.replace('Allow', 'Require: 100rel\r\nAllow'),
    '420 Bad Extension',
    ['reliable-provisional'],
  ],
  ['100rel supported', (raw) => raw.replace('Allow', 'Supported: 100rel\r\nAllow'), '', []],
  ['an asserted identity', (raw) => raw.replace('Allow', 'P-Asserted-Identity: <sip:+1@x>\r\nAllow'), '', []],
  ['headers of Asterisk', (raw) => raw.replace('Allow', 'X-Asterisk-Queue: sales\r\nAllow'), '', ['pbx-headers']],
  ['a diversion', (raw) => raw.replace('Allow', 'Diversion: <sip:100@10.0.0.5>\r\nAllow'), '', ['pbx-headers']],
];

for (const [what, edit, answer, broken] of SPOILED) {
  test(`an INVITE with ${what}: ${answer || 'let in'}, breaks ${broken.join() || 'nothing'}`, async () => {
    await desk(
      async ({ edge, caller }) => {
        edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) }));
        const next = edge.nextBusinessCall();
        caller.invite([], edit);
        const final = await caller.response(answer === '' ? 200 : Number(answer.slice(0, 3)));
        if (answer !== '') assert.equal(`${final.status} ${final.reason}`, answer);
        if (final.status === 420) assert.deepEqual(final.values('Unsupported'), ['100rel']);
        assert.deepEqual(rules((await next).violations), broken);
      },
      { challenge: { algorithms: [] }, phoneNumberId: '77' },
    );
  });
}

const DTLS_OFFER = OFFER.replace('RTP/SAVP', 'UDP/TLS/RTP/SAVPF').replace(
  /a=crypto.*/,
  `a=setup:actpass\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
);
const weak = 'a=crypto:2 NULL_HMAC_SHA1_80 inline:x\r\na=ptime';

/** Offers, spoiled; whether they are refused, and the rules that are broken. */
const OFFERS: readonly (readonly [what: string, offer: string, refused: boolean, broken: string[]])[] = [
  ['none at all', '', true, ['missing-sdp']],
  ['Opus among G.711', OFFER, false, []],
  ['G.711 alone', OFFER.replace(' 107 0 8 101', ' 0 8 101'), true, ['no-opus']],
  ['no telephone-event', OFFER.replace('event/8000', 'event/48000'), false, ['no-telephone-event']],
  ['ptime 30', OFFER.replace('ptime:20', 'ptime:30'), false, ['ptime']],
  ['a NULL suite', OFFER.replace('a=ptime', weak), false, ['weak-suite']],
  ['hold', `${OFFER}a=sendonly\r\n`, false, ['direction']],
  ['plain RTP', OFFER.replace('SAVP', 'AVP').replace(/a=crypto.*\r\n/, ''), true, ['keying']],
  ['video as well', `${OFFER}m=video 4000 RTP/SAVP 96\r\n`, true, ['several-media']],
  ['a good DTLS offer', DTLS_OFFER, false, []],
  ['ice-lite', `a=ice-lite\r\n${DTLS_OFFER}`, false, ['ice']],
  ['no ICE', DTLS_OFFER.replace(/a=ice-.*\r\n/g, ''), false, ['ice']],
  ['passive', DTLS_OFFER.replace('actpass', 'passive'), false, ['dtls-role']],
  ['a sha-1 fingerprint', DTLS_OFFER.replace('sha-256', 'sha-1'), true, ['fingerprint']],
  ['SDES where DTLS is set', `${DTLS_OFFER}${/a=crypto.*\r\n/.exec(OFFER)?.[0] ?? ''}`, true, ['keying']],
];

for (const [what, offer, refused, broken] of OFFERS) {
  test(`an offer with ${what} is ${refused ? 'refused' : 'taken'}, breaks ${broken.join() || 'nothing'}`, async () => {
    const keying = offer.includes('UDP/TLS') ? 'dtls' : 'sdes';
    await desk(
      async ({ edge, caller }) => {
        edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying }) }));
        const next = edge.nextBusinessCall();
        caller.invite([], undefined, offer);
        const final = await caller.response(refused ? 403 : 200);
        if (refused) assert.equal(final.reason, 'SDP Validation Error');
        else if (keying === 'dtls') assert.match(final.body, /a=ice-lite[^]*a=setup:passive/);
        assert.deepEqual(rules((await next).violations), broken);
      },
      { keying, challenge: { algorithms: [] } },
    );
  });
}

test('with G.711 enabled the answer keeps it', async () => {
  await desk(
    async ({ edge, caller }) => {
      edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes', codecs: ['PCMA', 'opus'] }) }));
      await caller.call([], undefined, OFFER.replace('107 0 8 101', '8 0 101'));
      assert.match((await caller.response(200)).body, /^m=audio \d+ RTP\/SAVP 8 101\r$/m);
      assert.deepEqual(edge.violations, []);
    },
    { codecs: ['opus', 'PCMA'] },
  );
});

test('media that finds nothing in common refuses the call', async () => {
  await desk(async ({ edge, caller }) => {
    const fake = Object.assign(new FakeMedia(), {
      answerSdp: (): string => {
        throw new Error('SDP Validation Error: no codec');
      },
    });
    edge.onBusinessCall(() => ({ kind: 'answer', media: fake }));
    await caller.call();
    assert.equal((await caller.response(403)).reason, 'SDP Validation Error: no codec');
  });
});

/** A request in the dialog, spoiled; what Meta answers and the rules that are broken. */
const IN_DIALOG: readonly (readonly [method: string, edit: Edit | undefined, answer: string, broken: string[]])[] = [
  ['INVITE', undefined, '500 Re-INVITEs are not supported', ['re-invite']],
  ['UPDATE', undefined, '405 Method Not Allowed', ['method']],
  ['REFER', undefined, '405 Method Not Allowed', ['method']],
  ['INFO', undefined, '405 Method Not Allowed', ['method']],
  ['PRACK', undefined, '405 Method Not Allowed', ['method']],
  ['OPTIONS', undefined, '200 OK', []],
  ['NOTIFY', undefined, '200 OK', []],
  ['BYE', (raw) => raw.replace(';ob;', ';'), '404 Not Found', ['route']],
  ['BYE', (raw) => raw.replace(/BYE sip:\S+/, `BYE ${TO_URI}`), '404 Not Found', ['route']],
  ['BYE', (raw) => raw.replace(/Route: <sip:wa.*\r\n/, ''), '481 Call/Transaction Does Not Exist', ['route']],
  [
    'BYE',
    (raw) => raw.replace(/(Route: .*\r\n)(Route: .*\r\n)/, '$2$1'),
    '481 Call/Transaction Does Not Exist',
    ['route'],
  ],
  ['BYE', (raw) => raw.replace(/(To: .*tag=).*/, '$1other'), '481 Call/Transaction Does Not Exist', ['dialog']],
  ['BYE', (raw) => raw.replace(/CSeq: \d+/, 'CSeq: 7'), '481 Call/Transaction Does Not Exist', ['dialog']],
];

for (const [method, edit, answer, broken] of IN_DIALOG) {
  test(`${method}${edit ? ' that goes astray' : ''} within the call (${broken.join() || 'nothing'} broken): ${answer}`, async () => {
    await desk(async ({ edge, caller }) => {
      edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) }));
      const next = edge.nextBusinessCall();
      const ok = await caller.talk();
      const call = await next;
      await call.answered;
      caller.inDialog(method, ok, edit);
      const { reason, status } = await caller.response(Number(answer.slice(0, 3)), method);
      assert.equal(`${status} ${reason}`, answer);
      assert.deepEqual(rules(call.violations), broken);
      assert.equal(edge.activeCalls, 1);
    });
  });
}

test('BYE before the ACK ends the call and is noted', async () => {
  await desk(async ({ edge, caller }) => {
    edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) }));
    const next = edge.nextBusinessCall();
    await caller.call();
    caller.inDialog('BYE', await caller.response(200));
    const call = await next;
    assert.deepEqual(await call.ended, { by: 'business', cause: 'hangup' });
    assert.deepEqual(rules(call.violations), ['dialog']);
  });
});

test('REGISTER is refused', async () => {
  await desk(async ({ edge, caller }) => {
    caller.invite([], (raw) =>
      raw.replace(/INVITE (\S+) SIP/, 'REGISTER $1 SIP').replace(/(CSeq: \d+) INVITE/, '$1 REGISTER'),
    );
    await caller.response(403, 'REGISTER');
    assert.deepEqual(rules(edge.violations), ['register']);
  });
});
