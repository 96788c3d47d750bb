import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createSipPort } from '../../gateway/sip/drachtio.js';
import { FakeServer, sipMessage } from './fake-server.js';
import { setUp } from './set-up.js';

test('what the far end can do is told by its version', async (t) => {
  for (const [version, own] of [
    ['v0.9.10-wa-trunk-embedded', true],
    ['v0.9.10', false],
  ] as const) {
    // prettier-ignore
    const fake = await FakeServer.start(version);
    const sip = createSipPort({ host: '127.0.0.1', port: fake.port, secret: 'secret' });
    t.after(() => Promise.all([sip.close(), fake.close()]));
    const can = { embedded: own, verifiesPeerCertificate: own, renewsCertificate: own, filtersSources: own };
    assert.deepEqual(await sip.connect(), { version, ...can });
    assert.equal(sip.up, true);
    await assert.rejects(sip.connect(), /used already/);
  }
});

test('a wrong secret rejects, and is not tried again', async (t) => {
  const fake = await FakeServer.start();
  t.after(() => fake.close());
  const sip = createSipPort({ host: '127.0.0.1', port: fake.port, secret: 'wrong' });
  await assert.rejects(sip.connect(), /refused the secret/);
  await sip.close();
  assert.equal(fake.connections, 1);
  assert.equal(sip.up, false);
});

test('a server that is not there: the attempt ends with the reason and leaves nothing behind', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const sip = createSipPort({ host: '127.0.0.1', port, secret: 'secret', connectTimeoutMs: 400 });
  await assert.rejects(sip.connect(), /127\.0\.0\.1:\d+: not reached within 400 ms: .*ECONNREFUSED/);
  await sip.close();
});

test('a server that comes late is found', async (t) => {
  const early = await FakeServer.start();
  const { port } = early;
  await early.close();
  const sip = createSipPort({ host: '127.0.0.1', port, secret: 'secret' });
  t.after(() => sip.close());
  const connecting = sip.connect();
  const fake = await FakeServer.start('v0.9.11', port);
  t.after(() => fake.close());
  assert.equal((await connecting).version, 'v0.9.11');
});

test('a link that is lost comes back, and requests with it', async (t) => {
  const { fake, sip, events, nextOptions } = await setUp(t);
  const down = once(events, 'down');
  fake.drop();
  await down;
  assert.equal(sip.up, false);
  await once(events, 'up');
  assert.equal(sip.up, true);
  const arriving = nextOptions();
  fake.deliver({ txn: 'o' }, sipMessage('OPTIONS sip:gw SIP/2.0', '1 OPTIONS'));
  (await arriving).respond({ status: 200 });
  await fake.take('SIP/2.0 200');
});

test('malformed frames end the connection, not the process', async (t) => {
  for (const garbage of ['x#12', '#', 'abc', '5#a|b|c', `${'9'.repeat(8)}#`, '12#1|nonsense|x', '0#']) {
    const { fake, events, logged } = await setUp(t);
    const down = once(events, 'down');
    fake.raw(garbage === '99999999#' ? garbage + 'a'.repeat(1_100_000) : garbage);
    await down;
    assert.ok(logged.includes('malformed message from the SIP server; connecting again'), garbage);
  }
});

test('frames split and joined anywhere are read all the same', async (t) => {
  const { fake, events } = await setUp(t);
  const sip = sipMessage('OPTIONS sip:gw SIP/2.0', '1 OPTIONS', { headers: ['X-Name: é漢😀'] });
  const payload = `9|sip|network|100|udp|127.0.0.1|5080|10:00:00.0|o||\r\n${sip}`;
  const frame = Buffer.from(`${Buffer.byteLength(payload)}#${payload}`);
  const seen: (string | undefined)[] = [];
  const all = new Promise<void>((resolve) => {
    events.on('options', (request: { header(name: string): string | undefined }) => {
      seen.push(request.header('x-name'));
      if (seen.length === 12) resolve();
    });
  });
  const stream = Buffer.concat(Array.from({ length: 12 }, () => frame));
  for (let at = 0; at < stream.length; at += 97) {
    fake.raw(stream.subarray(at, at + 97));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
  assert.deepEqual(new Set(seen), new Set(['é漢😀']));
});

test('a server that stops answering is given up', async (t) => {
  const { fake, events } = await setUp(t, { heartbeatMs: 40 });
  for (let i = 0; i < 3; i++) await once(fake.events, 'ping');
  assert.equal(fake.connections, 1);
  const down = once(events, 'down');
  fake.answersPings = false;
  await down;
  fake.answersPings = true;
  await once(events, 'up');
});

test('close is idempotent and ends an attempt under way', async () => {
  const fake = await FakeServer.start();
  fake.silent = true;
  const sip = createSipPort({ host: '127.0.0.1', port: fake.port, secret: 'secret' });
  const connecting = assert.rejects(sip.connect(), /closed while connecting/);
  await once(fake.events, 'connection');
  await Promise.all([sip.close(), sip.close()]);
  await connecting;
  await sip.close();
  await fake.close();
});
