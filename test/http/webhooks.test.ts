import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { secret } from '../../gateway/config/secret.js';
import type { WebhooksConfig } from '../../gateway/config/types-control.js';
import { startWebhooks, type WebhookLimits, type WebhookServer } from '../../gateway/http/webhooks.js';
import { issue } from '../config/pki.js';
import { APP_SECRET, Meta, PATH, payload, signature, VERIFY_TOKEN } from './meta.js';

const CONFIG: WebhooksConfig = {
  listen: { host: '127.0.0.1', port: 0 },
  path: PATH,
  tls: false,
  verifyToken: secret(VERIFY_TOKEN),
  appSecrets: [secret('the-old-secret'), secret(APP_SECRET)],
};
const NO_FILES = { certificate: '', privateKey: '' };
const CHANGE = { field: 'calls', value: { calls: [{ id: 'wacid.1' }] } };

const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-webhooks-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Setup {
  readonly server: WebhookServer;
  readonly meta: Meta;
  readonly taken: unknown[];
  readonly seen: string[];
  readonly warnings: string[];
}

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  more: {
    readonly accept?: (payload: unknown) => Promise<'accepted' | 'full'>;
    readonly limits?: Partial<WebhookLimits>;
    readonly config?: Partial<WebhooksConfig>;
    readonly files?: typeof NO_FILES;
    readonly ca?: string;
  } = {},
): Promise<Setup> {
  const [taken, seen, warnings]: [unknown[], string[], string[]] = [[], [], []];
  const server = await startWebhooks({
    config: { ...CONFIG, ...more.config },
    certificate: more.files ?? NO_FILES,
    receiver: {
      async accept(payloads) {
        for (const one of payloads) {
          taken.push(one);
          if ((await more.accept?.(one)) === 'full') return 'full';
        }
        return 'accepted';
      },
    },
    observe: {
      verified: () => seen.push('verified'),
      accepted: () => seen.push('accepted'),
      refused: (reason) => seen.push(reason),
    },
    log: { warn: (fields, message) => warnings.push(`${message} ${JSON.stringify(fields)}`) },
    ...(more.limits === undefined ? {} : { limits: more.limits }),
  });
  const scheme = more.config?.tls === true ? 'https' : 'http';
  const meta = new Meta(`${scheme}://127.0.0.1:${server.address.port}`, more.ca === undefined ? {} : { ca: more.ca });
  closers.push(
    () => server.close(),
    () => meta.close(),
  );
  return { server, meta, taken, seen, warnings };
}

test('the handshake: the challenge for whoever knows the token, 403 for others', async () => {
  const { meta, seen } = await start();
  const ask = (query: string) => meta.send({ path: `${PATH}?${query}` });
  const good = await ask(`hub.mode=subscribe&hub.verify_token=${VERIFY_TOKEN}&hub.challenge=1158201444`);
  assert.deepEqual([good.status, good.text], [200, '1158201444']);
  assert.match(String(good.headers['content-type']), /^text\/plain/);
  assert.equal(good.headers['x-content-type-options'], 'nosniff');
  for (const query of [
    'hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1',
    'hub.mode=subscribe&hub.challenge=1',
    `hub.mode=unsubscribe&hub.verify_token=${VERIFY_TOKEN}&hub.challenge=1`,
    `hub.verify_token=${VERIFY_TOKEN}&hub.challenge=1`,
    '',
  ]) {
    const refused = await ask(query);
    assert.equal(refused.status, 403, query);
    assert.doesNotMatch(refused.text, new RegExp(VERIFY_TOKEN));
  }
  assert.equal((await ask(`hub.mode=subscribe&hub.verify_token=${VERIFY_TOKEN}`)).status, 400);
  assert.deepEqual([seen[0], seen.at(-1)], ['verified', 'wrong-request']);
});

test('a payload signed with any of the secrets is taken; what is signed is the raw body', async () => {
  const { meta, taken, seen } = await start();
  const spaced = JSON.stringify(payload(CHANGE), null, 3).replaceAll('a', '\\u0061');
  assert.equal((await meta.post(spaced)).status, 200);
  assert.equal((await meta.post(spaced, { 'x-hub-signature-256': signature(spaced, 'the-old-secret') })).status, 200);
  const upper = signature(spaced).toUpperCase().replace('SHA256', 'sha256');
  assert.equal((await meta.post(spaced, { 'x-hub-signature-256': upper })).status, 200);
  assert.deepEqual(taken, [payload(CHANGE), payload(CHANGE), payload(CHANGE)]);
  assert.deepEqual(seen, ['accepted', 'accepted', 'accepted']);
});

test('unsigned, forged, damaged, foreign: 401 or 400, and nothing is taken', async () => {
  const { meta, taken, seen, warnings } = await start();
  const body = JSON.stringify(payload(CHANGE));
  const sign = (value: string) => ({ 'x-hub-signature-256': value });
  const sha1 = { 'x-hub-signature': 'sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709' };
  assert.equal((await meta.send({ method: 'POST', body, headers: sha1 })).status, 401);
  for (const forged of [
    signature(body, 'another'),
    signature(`${body} `),
    signature(body).slice(7),
    signature(body).slice(0, -2),
    `sha256=${'0'.repeat(64)}`,
    '',
  ])
    assert.equal((await meta.post(body, sign(forged))).status, 401, forged);
  assert.equal((await meta.post(body.replace('wacid.1', 'wacid.2'), sign(signature(body)))).status, 401);
  assert.equal((await meta.post(body.slice(0, -3))).status, 400, 'signed, but not JSON');
  assert.equal((await meta.post('')).status, 400);
  for (const foreign of [{ object: 'page', entry: [] }, [], 5, null, {}])
    assert.equal((await meta.post(JSON.stringify(foreign))).status, 400, JSON.stringify(foreign));
  assert.deepEqual(taken, []);
  assert.ok(!seen.includes('accepted'));
  assert.equal(warnings.length, 1, 'a flood of forgeries is no flood of log lines');
});

test('other paths and methods', async () => {
  const { meta } = await start();
  assert.equal((await meta.send({ path: '/metrics' })).status, 404);
  const put = await meta.send({ method: 'PUT', body: '{}' });
  assert.deepEqual([put.status, put.headers.allow], [405, 'GET, POST']);
});

test('a body over the limit is 413, and no more of it is read, whether its length is told or not', async () => {
  const { server, taken, seen } = await start({ limits: { bodyBytes: 1000 } });
  const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: ${signature('x')}\r\n`;
  const chunked = `Transfer-Encoding: chunked\r\n\r\n${'400\r\n'}${'x'.repeat(1024)}\r\n`;
  for (const rest of ['Content-Length: 1001\r\n\r\n', chunked]) {
    const socket = connect(server.address.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(head + rest);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 413 [^]*connection: close/i);
    if (!socket.closed) await once(socket, 'close');
  }
  assert.deepEqual([taken, seen], [[], ['too-large', 'too-large']]);
});

test('too many bodies at once: 503 instead of memory', async () => {
  const { meta, seen } = await start({ limits: { totalBytes: 1000 } });
  const large = { ...payload(CHANGE), more: 'x'.repeat(2000) };
  assert.equal((await meta.post(large).catch(() => ({ status: 503 }))).status, 503);
  assert.equal((await meta.post(payload(CHANGE))).status, 200, 'what was held is let go');
  assert.deepEqual(seen, ['busy', 'accepted']);
});

test('full, or a store that fails: 503, so that Meta sends it again', async () => {
  let outcome: 'full' | Error = 'full';
  const { meta, seen } = await start({
    accept: () => (outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)),
  });
  assert.equal((await meta.post(payload(CHANGE))).status, 503);
  outcome = new Error('disk full');
  const failed = await meta.post(payload(CHANGE));
  assert.deepEqual([failed.status, failed.headers['retry-after']], [503, '5']);
  assert.doesNotMatch(failed.text, /disk/);
  assert.deepEqual(seen, ['full', 'store']);
});

test('the answer does not wait for a slow store, and other answers not for the slow one', async () => {
  const { meta, seen } = await start({
    limits: { answerMs: 100 },
    accept: (one) =>
      JSON.stringify(one).includes('slow') ? new Promise(() => undefined) : Promise.resolve('accepted'),
  });
  const slow = meta.post({ ...payload(CHANGE), slow: true });
  assert.equal((await meta.post(payload(CHANGE))).status, 200);
  assert.equal((await slow).status, 503);
  assert.deepEqual(seen, ['accepted', 'late']);
});

test('a large payload is taken apart beside the event loop, change by change', async () => {
  const { meta, taken } = await start({ limits: { answerMs: 20_000 } });
  assert.equal((await meta.post(largePayload(500))).status, 200, 'the thread is warm');
  taken.length = 0;
  const body = Buffer.from(JSON.stringify(largePayload(7000)));
  assert.ok(body.length > 2_000_000);
  assert.equal((await meta.post(body)).status, 200);
  assert.equal(taken.length, 7000);
  assert.deepEqual(
    taken.map(
      (one) => (one as { entry: [{ id: string; changes: [{ value: { n: number } }] }] }).entry[0].changes[0].value.n,
    ),
    Array.from({ length: 7000 }, (_, n) => n),
  );
  assert.equal((await meta.post(Buffer.from(`${' '.repeat(100_000)}{"object":`))).status, 400);
  assert.equal((await meta.post({ object: 'page', entry: [], more: 'x'.repeat(100_000) })).status, 400);
});

function largePayload(changes: number): object {
  const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: '106540352242922' } };
  const filler = 'x'.repeat(200);
  return payload(...Array.from({ length: changes }, (_, n) => ({ field: 'messages', value: { ...value, n, filler } })));
}

test('slow clients are ended, at the head and in the body', async () => {
  const { server, seen } = await start({ limits: { requestMs: 300 } });
  const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: ${signature('x')}\r\n`;
  for (const sent of ['', head, `${head}Content-Length: 10\r\n\r\n{`]) {
    const socket = connect(server.address.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.resume();
    if (sent !== '') socket.write(sent);
    await once(socket, 'close');
  }
  while (seen.length === 0) await delay(10);
  assert.deepEqual(seen, ['incomplete']);
});

test('more connections than allowed are not served, and one is when another ends', async () => {
  const { server, meta } = await start({ limits: { maxConnections: 2 } });
  const open = await Promise.all(
    [1, 2].map(async () => {
      const socket = connect(server.address.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    }),
  );
  await assert.rejects(meta.post(payload(CHANGE)));
  for (const socket of open) socket.destroy();
  for (let tries = 0; tries < 200; tries++) {
    const answer = await meta.post(payload(CHANGE)).catch(() => undefined);
    if (answer?.status === 200) return;
    await delay(10);
  }
  assert.fail('it never came back');
});

test('HTTPS with the certificate of whatsapp, taken up anew when its files change', async () => {
  const authority = issue({ name: 'Root', authority: true });
  const files = { certificate: join(folder, 'cert.pem'), privateKey: join(folder, 'key.pem') };
  const write = (name: string): void => {
    const { certificate, privateKey } = issue({ name, dnsNames: ['localhost'] }, authority);
    writeFileSync(files.certificate, certificate);
    writeFileSync(files.privateKey, privateKey);
  };
  write('first');
  const { server, meta, warnings } = await start({
    ...{ config: { tls: true }, files, ca: authority.certificate, limits: { certificateWatchMs: 50 } },
  });
  assert.equal((await meta.post(payload(CHANGE))).status, 200);
  assert.equal(await servedName(server, authority.certificate), 'first');
  writeFileSync(files.certificate, 'nothing of use');
  while (!warnings.some((line) => line.includes('the old one stays'))) await delay(20);
  assert.equal(await servedName(server, authority.certificate), 'first');
  write('second');
  for (let name: unknown; name !== 'second'; name = await servedName(server, authority.certificate)) await delay(20);
  assert.equal((await meta.post(payload(CHANGE))).status, 200, 'connections that are open go on');
});

async function servedName({ address }: WebhookServer, ca: string): Promise<unknown> {
  const socket = connectTls({ port: address.port, host: '127.0.0.1', servername: 'localhost', ca });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}

test('a certificate that cannot be used is an error that names the files', async () => {
  const files = { certificate: join(folder, 'none.pem'), privateKey: join(folder, 'key.pem') };
  await assert.rejects(
    start({ config: { tls: true }, files }),
    /none\.pem and .*key\.pem are not a usable certificate/,
  );
});
