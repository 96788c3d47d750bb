import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { startHttp } from '../../gateway/http/server.js';
import type { Health, HttpServer } from '../../gateway/http/server.js';

const GOOD: Health = { draining: false, parts: { sip: { status: 'ok' }, media: { status: 'ok' } } };
let health = GOOD;
let failing = false;
let server: HttpServer;
let base: string;
const answered: [string, string, number][] = [];

before(async () => {
  server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => health,
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      text: () => (failing ? Promise.reject(new Error('no figures')) : Promise.resolve('wa_trunk_info 1\n')),
    },
    observe: { answered: (...what) => answered.push(what) },
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

async function ready(now: Health): Promise<{ status: number; said: unknown }> {
  health = now;
  const { status, text } = await get('/readyz');
  return { status, said: JSON.parse(text) };
}

test('readiness: 200 while calls work, with what is degraded; 503 while draining or with a part down', async () => {
  assert.deepEqual(await ready(GOOD), { status: 200, said: { status: 'ok', ...GOOD } });
  const slow: Health = {
    draining: false,
    parts: { sip: { status: 'ok' }, graph: { status: 'degraded', detail: { error: 'timeout', sinceMs: 5 } } },
  };
  assert.deepEqual(await ready(slow), { status: 200, said: { status: 'degraded', ...slow } });
  const down: Health = { draining: false, parts: { sip: { status: 'down' }, graph: { status: 'degraded' } } };
  assert.deepEqual(await ready(down), { status: 503, said: { status: 'down', ...down } });
  const draining: Health = { ...GOOD, draining: true };
  assert.deepEqual(await ready(draining), { status: 503, said: { status: 'draining', ...draining } });
});

test('readiness shows a blocked number with the solution, and stays 200 for the others', async () => {
  const numbers: Health['numbers'] = [
    { number: '+15551234567', calls: 'available', checkedAtMs: 1, problems: [] },
    {
      number: '+15557654321',
      calls: 'blocked',
      problems: [{ entity: 'PHONE_NUMBER', code: 138024, description: 'SIP is off', solution: 'Turn SIP on' }],
    },
  ];
  assert.deepEqual(await ready({ ...GOOD, numbers }), { status: 200, said: { status: 'degraded', ...GOOD, numbers } });
  const unknown: Health['numbers'] = [{ number: '+15551234567', calls: 'unknown', problems: [] }];
  assert.equal(((await ready({ ...GOOD, numbers: unknown })).said as { status: string }).status, 'ok');
});

test('liveness is 200 whatever the parts', async () => {
  health = { draining: true, parts: { sip: { status: 'down' } } };
  const live = await get('/healthz?x=1');
  assert.deepEqual([live.status, live.type, live.text], [200, 'application/json', '{"status":"ok"}\n']);
});

test('metrics have their content type; a failure is a 500 and the server goes on', async () => {
  const good = await get('/metrics');
  assert.deepEqual([good.status, good.type, good.text], [200, 'text/plain; version=0.0.4', 'wa_trunk_info 1\n']);
  failing = true;
  const failed = await get('/metrics');
  assert.equal(failed.status, 500);
  assert.equal((JSON.parse(failed.text) as { error: { code: string } }).error.code, 'internal-error');
  failing = false;
  assert.equal((await get('/metrics')).status, 200);
});

test('other paths are 404 and list those there are, other methods 405 with Allow', async () => {
  const missing = await get('/');
  assert.equal(missing.status, 404);
  const { error } = JSON.parse(missing.text) as { error: { code: string; paths: string[] } };
  assert.deepEqual([error.code, error.paths], ['not-found', ['/healthz', '/readyz', '/metrics']]);
  assert.equal((await get('/health')).status, 404);
  assert.equal((await get('/readyz/x')).status, 404);
  assert.equal((await get('/api/v1/numbers')).status, 404, 'no API without a token');
  const post = await get('/metrics', 'POST');
  assert.deepEqual([post.status, post.allow], [405, 'GET, HEAD']);
  assert.equal((await get('/metrics', 'HEAD')).text, '');
});

test('what was answered is observed by route, never by path', async () => {
  answered.length = 0;
  await get('/healthz');
  await get('/users/+15551234567');
  assert.deepEqual(answered, [
    ['GET', '/healthz', 200],
    ['GET', 'none', 404],
  ]);
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
  const response = await fetch(`${base}/healthz`, { headers: { 'x-large': 'x'.repeat(20_000) } });
  assert.equal(response.status, 431);
});

test('a client that never ends its headers is ended', async () => {
  const slow = connect(server.address.port, '127.0.0.1');
  await once(slow, 'connect');
  slow.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  const [answer] = (await once(slow, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 408 /);
  await once(slow, 'close');
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
  idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'data');
  const ended = once(idle, 'close');
  await Promise.all([other.close(), other.close()]);
  await ended;
  const refused = connect(port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});
