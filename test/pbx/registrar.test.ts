import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import { createIdentify } from '../../gateway/pbx/identify.js';
import type { TrunkPeer } from '../../gateway/pbx/peer.js';
import { Registrar } from '../../gateway/pbx/registrar.js';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import type { Headers, Response, Source } from '../../gateway/sip/port.js';
import { trunkConfig } from '../calls/configs.js';
import { challengeVerifier, noBrake, REALM, request } from './requests.js';

const NAT: Source = { address: '192.0.2.1', port: 40_000, transport: 'udp' };
const PHONE = '<sip:pbx@10.0.0.10:5060>';
const PHONE_KEY = 'sip:pbx@10.0.0.10:5060';

let now: number;
let told: { trunk: string; peers: readonly TrunkPeer[]; fresh: readonly string[] }[];
let logged: string[];
let registrar: Registrar;
let cseq: number;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  now = 0;
  told = [];
  logged = [];
  cseq = 1;
  const auth = { username: 'branch', password: secret('right') };
  const trunks = [
    trunkConfig('branch', { register: true, hosts: [], networks: [], auth }),
    trunkConfig('outgoing', { networks: [], auth: { username: 'outgoing', password: secret('right') } }),
    trunkConfig('office', { networks: ['10.0.0.0/24'] }),
  ];
  registrar = new Registrar({
    identify: createIdentify({ trunks, realm: REALM, verify: challengeVerifier(), brake: noBrake() }),
    changed: (trunk, peers, fresh) => told.push({ trunk, peers, fresh: [...fresh] }),
    log: { info: (_, message) => logged.push(message), warn: (_, message) => logged.push(message) },
    now: () => now,
  });
});

afterEach(() => {
  registrar.close();
  mock.timers.reset();
});

function tick(seconds: number): void {
  now += seconds * 1000;
  mock.timers.tick(seconds * 1000);
}

interface Registering {
  readonly source?: Source;
  readonly callId?: string;
  readonly user?: string;
  readonly password?: string;
  /** Absent: one more than before. */
  readonly cseq?: number;
}

const URI = `sip:${REALM}`;

/** Answers the challenge; the response to that. */
function register(headers: Headers, options: Registering = {}): Response {
  const { source = NAT, callId = 'a-call', user = 'branch', password = 'right' } = options;
  const send = (more: Headers): Response => {
    const number = options.cseq ?? cseq++;
    const all = { cseq: `${number} REGISTER`, ...headers, ...more };
    const sent = request('REGISTER', { source, callId, requestUri: URI, headers: all });
    registrar.handle(sent);
    assert.equal(sent.responses.length, 1);
    return sent.responses[0]!;
  };
  const first = send({});
  const [challenge] = parseChallenges(first.headers?.['WWW-Authenticate']);
  if (challenge === undefined) return first;
  const input = { username: user, password, method: 'REGISTER', uri: URI, cnonce: 'c', nonceCount: 1 };
  return send({ authorization: answerChallenge(challenge, input) });
}

function peers(): readonly string[] {
  return told.at(-1)?.peers.map(({ name }) => name) ?? [];
}

test('a PBX that proves itself is bound, and told for how long', () => {
  const response = register({ contact: PHONE, expires: '600' });
  assert.deepEqual(response, { status: 200, reason: 'OK', headers: { Contact: `${PHONE};expires=600` } });
  assert.deepEqual(
    told.map(({ trunk, fresh }) => [trunk, fresh]),
    [['branch', [PHONE_KEY]]],
  );
});

test('without proof there is no binding, and no hint', () => {
  const plain = request('REGISTER', { headers: { contact: PHONE, cseq: '1 REGISTER' } });
  registrar.handle(plain);
  assert.equal(plain.responses[0]?.status, 401);
  const forbidden = { status: 403, reason: 'Forbidden' };
  assert.deepEqual(register({ contact: PHONE }, { password: 'wrong' }), forbidden);
  assert.deepEqual(register({ contact: PHONE }, { user: 'nobody' }), forbidden);
  assert.deepEqual(register({ contact: PHONE }, { user: 'outgoing' }), forbidden);
  assert.deepEqual(register({ contact: PHONE }, { source: { ...NAT, address: '10.0.0.5' } }), forbidden);
  assert.deepEqual(told, []);
});

test('a call goes the way the REGISTER came, to the extension at the contact', () => {
  register({ contact: '<sip:pbx@10.0.0.10:5060;line=abc>' });
  assert.deepEqual(told[0]?.peers[0]?.target('1001'), {
    requestUri: 'sip:1001@10.0.0.10:5060;line=abc',
    to: '<sip:1001@10.0.0.10:5060>',
    nextHop: 'sip:192.0.2.1:40000',
  });
  assert.equal(told[0].peers[0].target().requestUri, 'sip:pbx@10.0.0.10:5060;line=abc');
  const tcp: Source = { address: '2001:db8::1', port: 50_000, transport: 'tcp' };
  register({ contact: '<sip:pbx@10.0.0.10;transport=tcp>' }, { source: tcp });
  const latest = told.at(-1)?.peers[0]?.target('1001');
  assert.equal(latest?.nextHop, 'sip:[2001:db8::1]:50000;transport=tcp');
});

test('a refresh keeps one binding and takes the new way', () => {
  register({ contact: PHONE, expires: '600' });
  tick(500);
  register({ contact: '<SIP:pbx@10.0.0.10:5060;transport=UDP>', expires: '600' }, { source: { ...NAT, port: 41_000 } });
  assert.deepEqual(peers(), [PHONE_KEY]);
  assert.equal(told.at(-1)?.peers[0]?.target().nextHop, 'sip:192.0.2.1:41000');
  tick(599);
  assert.equal(told.length, 2);
  tick(1);
  assert.deepEqual([told.length, peers()], [3, []]);
});

test('what is not refreshed in time is gone', () => {
  register({ contact: PHONE, expires: '60' });
  tick(60);
  assert.deepEqual(peers(), []);
  assert.equal(logged.at(-1), 'registration of the PBX expired');
  assert.deepEqual(register({}).headers, {});
});

test('the time asked for is kept within limits', () => {
  const expires = (headers: Headers): string | undefined => {
    const { status, headers: got } = register({ contact: PHONE, ...headers });
    return status === 200
      ? /expires=(\d+)/.exec(String(got?.Contact))?.[1]
      : `${status} ${String(got?.['Min-Expires'])}`;
  };
  assert.equal(expires({}), '3600');
  assert.equal(expires({ expires: '86400' }), '3600');
  assert.equal(expires({ expires: '60' }), '60');
  assert.equal(expires({ expires: '59' }), '423 60');
  assert.equal(expires({ expires: 'soon' }), '3600');
  assert.equal(expires({ expires: '600', contact: `${PHONE};expires=120` }), '120');
  assert.equal(expires({ expires: '600', contact: `${PHONE};expires=5` }), '423 60');
});

test('Expires: 0 removes one contact, Contact: * all of them', () => {
  const other = '<sip:pbx@10.0.0.11>';
  register({ contact: `${PHONE}, ${other}` });
  assert.deepEqual([...peers()].sort(), [PHONE_KEY, 'sip:pbx@10.0.0.11']);
  assert.equal(register({ contact: `${PHONE};expires=0` }).status, 200);
  assert.deepEqual(peers(), ['sip:pbx@10.0.0.11']);
  register({ contact: PHONE });
  assert.deepEqual(register({ contact: '*', expires: '0' }), { status: 200, reason: 'OK', headers: {} });
  assert.deepEqual(peers(), []);
  assert.equal(register({ contact: '*', expires: '60' }).status, 400);
  assert.equal(register({ contact: `*, ${PHONE}`, expires: '0' }).status, 400);
});

test('without Contact the bindings are listed with the time left, and nothing changes', () => {
  register({ contact: PHONE, expires: '600' });
  tick(100.5);
  assert.deepEqual(register({}).headers, { Contact: `${PHONE};expires=500` });
  assert.equal(told.length, 1);
});

test('a request older than the binding changes nothing at all', () => {
  const other = '<sip:pbx@10.0.0.11>';
  register({ contact: PHONE }, { cseq: 10 });
  assert.equal(register({ contact: `${other}, ${PHONE};expires=0` }, { cseq: 10 }).status, 500);
  assert.equal(register({ contact: '*', expires: '0' }, { cseq: 9 }).status, 500);
  assert.deepEqual([told.length, peers()], [1, [PHONE_KEY]]);
  assert.equal(register({ contact: `${PHONE};expires=0` }, { cseq: 11 }).status, 200);
  register({ contact: PHONE }, { cseq: 12 });
  // A PBX that was restarted has another Call-ID, and counts anew.
  assert.equal(register({ contact: `${PHONE};expires=0` }, { cseq: 1, callId: 'after-restart' }).status, 200);
  assert.deepEqual(peers(), []);
});

test('what cannot be served is refused with the reason', () => {
  assert.deepEqual(register({ contact: PHONE, require: 'path' }), {
    status: 420,
    reason: 'Bad Extension',
    headers: { Unsupported: 'path' },
  });
  for (const contact of ['nonsense', '<tel:+4930>', '<sips:pbx@10.0.0.10>', '<mailto:a@b>', `${PHONE}, <>`]) {
    assert.equal(register({ contact }).status, 400, contact);
  }
  assert.equal(register({ contact: PHONE, cseq: 'many REGISTER' }).status, 400);
  assert.deepEqual(told, []);
});

test('q decides which contact comes first, then the one that came last', () => {
  register({ contact: '<sip:a@10.0.0.1>;q=0.5' });
  register({ contact: '<sip:b@10.0.0.2>' });
  register({ contact: '<sip:c@10.0.0.3>' });
  register({ contact: '<sip:b@10.0.0.2>' });
  assert.deepEqual(peers(), ['sip:c@10.0.0.3', 'sip:b@10.0.0.2', 'sip:a@10.0.0.1']);
});

test('a PBX that comes with ever new contacts keeps the ten latest', () => {
  for (let i = 1; i <= 12; i++) register({ contact: `<sip:pbx@10.0.0.1:${5060 + i}>` });
  assert.equal(peers().length, 10);
  assert.ok(!peers().includes('sip:pbx@10.0.0.1:5062'));
  assert.ok(peers().includes('sip:pbx@10.0.0.1:5063'));
});

test('after close nothing expires any more', () => {
  register({ contact: PHONE, expires: '60' });
  registrar.close();
  tick(120);
  assert.equal(told.length, 1);
});
