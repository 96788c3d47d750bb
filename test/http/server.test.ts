import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { startHttp } from '../../gateway/http/server.js';
import type { Health, HttpServer } from '../../gateway/http/server.js';

let health: Health = { draining: false, parts: { sip: true, media: true } };
let failing = false;
let server: HttpServer;
let base: string;

before(async () => {
  server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => health,
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      text: () => (failing ? Promise.reject(new Error('no figures')) : Promise.resolve('wa_trunk_info 1\n')),
    },
  });
  base = `http://127.0.0.1:${server.address.port}`;
});
after(() => server.close());

async function get(
  path: string,
  method = 'GET',
): Promise<{ status: number; type: string; allow: string | null; text: string }> {
  const response = await fetch(base + path, { method });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    allow: response.headers.get('allow'),
    text: await response.text(),
  };
}

test('health is 200 while everything works, 503 with the part that does not, or while draining', async () => {
  const good = await get('/health?x=1');
  assert.equal(good.status, 200);
  assert.deepEqual(JSON.parse(good.text), { status: 'ok', parts: { sip: 'ok', media: 'ok' } });
  health = { draining: false, parts: { sip: true, media: false } };
  const down = await get('/health');
  assert.equal(down.status, 503);
  assert.deepEqual(JSON.parse(down.text), { status: 'down', parts: { sip: 'ok', media: 'down' } });
  health = { draining: true, parts: { sip: true, media: true } };
  const draining = await get('/health');
  assert.equal(draining.status, 503);
  assert.deepEqual(JSON.parse(draining.text), { status: 'draining', parts: { sip: 'ok', media: 'ok' } });
});

test('metrics have their content type; a failure is a 500 and the server goes on', async () => {
  const good = await get('/metrics');
  assert.deepEqual([good.status, good.type, good.text], [200, 'text/plain; version=0.0.4', 'wa_trunk_info 1\n']);
  failing = true;
  assert.equal((await get('/metrics')).status, 500);
  failing = false;
  assert.equal((await get('/metrics')).status, 200);
});

test('other paths are 404, other methods 405', async () => {
  assert.equal((await get('/')).status, 404);
  assert.equal((await get('/health/x')).status, 404);
  const post = await get('/metrics', 'POST');
  assert.deepEqual([post.status, post.allow], [405, 'GET, HEAD']);
  assert.equal((await get('/metrics', 'HEAD')).text, '');
});

test('an address in use is an error', async () => {
  await assert.rejects(
    startHttp({
      listen: { host: '127.0.0.1', port: server.address.port },
      health: () => health,
      metrics: { contentType: '', text: () => Promise.resolve('') },
    }),
    { code: 'EADDRINUSE' },
  );
});

test('large headers are refused', async () => {
  const response = await fetch(`${base}/health`, { headers: { 'x-large': 'x'.repeat(20_000) } });
  assert.equal(response.status, 431);
});

test('closing ends idle connections and takes no new ones', async () => {
  const other = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => health,
    metrics: { contentType: '', text: () => Promise.resolve('') },
  });
  const { port } = other.address;
  const idle = connect(port, '127.0.0.1');
  await once(idle, 'connect');
  idle.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'data');
  const ended = once(idle, 'close');
  await Promise.all([other.close(), other.close()]);
  await ended;
  const refused = connect(port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});
