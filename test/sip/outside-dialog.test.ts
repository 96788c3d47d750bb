/** Probes and REGISTER: what lives outside calls. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { startEngine } from '../../gateway/engine/index.js';
import { answerChallenge, parseChallenges } from '../../gateway/sip/digest.js';
import { createDigestVerifier } from '../../gateway/sip/digest-verifier.js';
import { createSipPort } from '../../gateway/sip/drachtio.js';
import type { IncomingRequest, ProbeTarget } from '../../gateway/sip/port.js';
import { UdpPeer } from '../engine/support/peer.js';
import { request, response } from '../engine/support/texts.js';
import { sipMessage } from './fake-server.js';
import { setUp } from './set-up.js';

const target = (change: Partial<ProbeTarget> = {}): ProbeTarget => ({
  requestUri: 'sip:pbx.example.com',
  nextHop: 'sip:127.0.0.1:5070;transport=udp',
  from: '<sip:gw@gw.example.com>',
  to: '<sip:pbx.example.com>',
  timeoutMs: 8000,
  ...change,
});

async function realServer(t: TestContext, onRegister?: (request: IncomingRequest) => void) {
  const engine = await startEngine({
    admin: { host: '127.0.0.1', port: 0, secret: 'secret' },
    listen: (['udp', 'tcp'] as const).map((transport) => ({ transport, host: '127.0.0.1', port: 0 })),
  });
  const sip = createSipPort({ host: '127.0.0.1', port: engine.adminPort, secret: 'secret' });
  if (onRegister) sip.onRegister(onRegister);
  await sip.connect();
  const udp = { address: '127.0.0.1', port: engine.addresses.find((a) => a.transport === 'udp')?.port ?? 0 };
  const peer = await UdpPeer.open(onRegister ? udp : undefined);
  t.after(async () => {
    await sip.close();
    await engine.close();
    await peer.close();
  });
  return { sip, peer };
}

test('a probe: sent as given, and any final response of the peer is an answer', async (t) => {
  const { fake, sip } = await setUp(t);
  for (const [status, kind] of [
    ['200 OK', 'answered'],
    ['503 Service Unavailable', 'answered'],
    ['408 Request Timeout', 'unreachable'],
  ] as const) {
    const result = sip.probe(target());
    const options = await fake.take('OPTIONS sip:pbx.example.com SIP/2.0');
    assert.equal(options.tokens[3], 'sip:127.0.0.1:5070;transport=udp');
    assert.equal(options.header('From'), '<sip:gw@gw.example.com>');
    assert.equal(options.header('To'), '<sip:pbx.example.com>');
    fake.sent(options, { txn: status });
    fake.deliver({ txn: status }, sipMessage('SIP/2.0 100 Trying', '1 OPTIONS'));
    fake.deliver(
      { txn: status },
      sipMessage(`SIP/2.0 ${status}`, '1 OPTIONS', kind === 'answered' ? { toTag: 'x' } : {}),
    );
    const expected =
      kind === 'answered' ? { kind, status: Number(status.slice(0, 3)) } : { kind, detail: '408 Request Timeout' };
    assert.deepEqual(await result, expected);
  }
});

test('a probe is given up at its own limit, when the server refuses it, with the link, and where it is no SIP', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { fake, sip, events } = await setUp(t);
  const silent = sip.probe(target({ timeoutMs: 2000 }));
  const options = await fake.take('OPTIONS');
  t.mock.timers.tick(2000);
  assert.deepEqual(await silent, { kind: 'unreachable', detail: 'no response within 2000 ms' });
  fake.sent(options, { txn: 'late' });
  fake.deliver({ txn: 'late' }, sipMessage('SIP/2.0 200 OK', '1 OPTIONS', { toTag: 'x' }));

  const refused = sip.probe(target());
  fake.refuse(await fake.take('OPTIONS'), 'no route');
  assert.deepEqual(await refused, { kind: 'unreachable', detail: 'no route' });
  for (const spoilt of [{ nextHop: 'sip:a|b' }, { requestUri: 'sip:a SIP/2.0\r\nX: 1' }]) {
    assert.equal((await sip.probe(target(spoilt))).kind, 'unreachable');
  }
  const open = sip.probe(target());
  await fake.take('OPTIONS');
  const down = once(events, 'down');
  fake.drop();
  assert.deepEqual(await open, { kind: 'unreachable', detail: 'the link to the SIP server was lost' });
  await down;
  assert.deepEqual(await sip.probe(target()), { kind: 'unreachable', detail: 'no link to the SIP server' });
});

test('probes on the wire: a host that is there, one that is silent, one that refuses', async (t) => {
  const { sip, peer } = await realServer(t);
  const there = sip.probe(target({ nextHop: `sip:127.0.0.1:${String(peer.port)};transport=udp` }));
  const options = await peer.expect('OPTIONS');
  assert.equal(options.uri, 'sip:pbx.example.com');
  peer.send(response(options, 405, 'Method Not Allowed', { tag: 'x' }));
  assert.deepEqual(await there, { kind: 'answered', status: 405 });

  const silent = await sip.probe(target({ nextHop: `sip:127.0.0.1:${String(peer.port)}`, timeoutMs: 300 }));
  assert.deepEqual(silent, { kind: 'unreachable', detail: 'no response within 300 ms' });
  const closed = await closedPort();
  const refused = await sip.probe(target({ nextHop: `sip:127.0.0.1:${String(closed)};transport=tcp` }));
  assert.equal(refused.kind, 'unreachable');
  assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
});

test('REGISTER on the wire: challenged with two header lines, answered with either, its Contacts as written', async (t) => {
  const verifier = createDigestVerifier({
    realm: 'gw.example.com',
    clock: Date.now,
    secret: 'key',
    algorithms: ['MD5', 'SHA-256'],
  });
  const seen: (string | undefined)[] = [];
  const { peer } = await realServer(t, (register) => {
    const result = verifier.verify({
      authorization: register.header('Authorization'),
      method: register.method,
      requestUri: register.requestUri,
      username: 'branch',
      password: 'secret',
    });
    if (result.kind === 'challenge') register.respond({ status: 401, headers: { 'WWW-Authenticate': result.headers } });
    else if (result.kind === 'refused') register.respond({ status: 403, reason: result.why });
    else {
      seen.push(register.header('contact'), register.header('Expires'));
      register.respond({ status: 200, headers: { Contact: `${register.header('contact') ?? ''};expires=60` } });
    }
  });
  const contact = '"A, B" <sip:a@10.0.0.1;transport=udp>;expires=120;q=0.5';
  const headers = [`Contact: ${contact}`, 'm: <sip:b@10.0.0.2>;+sip.instance="<urn:x>"', 'Expires: 3600'];
  const parts = { method: 'REGISTER', uri: 'sip:gw.example.com', transport: 'udp', port: peer.port, contact: null };
  peer.send(request({ ...parts, headers }));
  const challenged = await peer.expect(401);
  const lines = challenged.all('www-authenticate');
  assert.deepEqual(
    lines.map((line) => /algorithm=([^,]+)/.exec(line)?.[1]),
    ['SHA-256', 'MD5'],
  );
  for (const [index, line] of lines.entries()) {
    const [one] = parseChallenges(line);
    assert.ok(one);
    const input = { username: 'branch', password: 'secret', method: 'REGISTER', uri: 'sip:gw.example.com' };
    const authorization = answerChallenge(one, { ...input, cnonce: 'c', nonceCount: 1 });
    peer.send(request({ ...parts, seq: 2 + index, headers: [...headers, `Authorization: ${authorization}`] }));
    await peer.expect(200);
  }
  const joined = `${contact},<sip:b@10.0.0.2>;+sip.instance="<urn:x>"`;
  assert.deepEqual(seen, [joined, '3600', joined, '3600']);
});

test('without a handler REGISTER is not allowed; one that throws costs a 500', async (t) => {
  const { fake, sip } = await setUp(t);
  const register = (txn: string) => {
    fake.deliver({ txn }, sipMessage('REGISTER sip:gw SIP/2.0', '1 REGISTER', { callId: txn }));
  };
  register('r1');
  assert.doesNotMatch((await fake.take('SIP/2.0 405')).header('Allow') ?? '', /REGISTER/);
  sip.onRegister(() => {
    throw new Error('handler');
  });
  register('r2');
  assert.equal((await fake.take('SIP/2.0 500')).tokens[1], 'r2');
  fake.deliver({ txn: 'm' }, sipMessage('MESSAGE sip:gw SIP/2.0', '1 MESSAGE'));
  assert.match((await fake.take('SIP/2.0 405')).header('Allow') ?? '', /REGISTER/);
});

/** A TCP port that nobody listens on,now. */
async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
