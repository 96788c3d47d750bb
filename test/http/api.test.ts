import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import { secret } from '../../gateway/config/secret.js';
import type { ApiPorts, CallbackView, NumberView, PlaceResult, RequestResult } from '../../gateway/http/api-ports.js';
import { apiRoutes } from '../../gateway/http/api.js';
import { healthRoutes } from '../../gateway/http/health.js';
import { HttpError } from '../../gateway/http/reply.js';
import { startHttp, type HttpServer } from '../../gateway/http/server.js';

const TOKEN = 'a-token-of-the-api';
const [NUMBER, USER, BSUID] = ['+15551234567', '+447700900123', 'US.13491208655302741918'];
const VIEW: NumberView = {
  number: NUMBER,
  phoneNumberId: '106540352242922',
  trunk: 'office',
  calls: { active: 1, max: 10 },
  settings: { state: 'drifted', checkedAtMs: 5, drift: [{ path: 'status', wanted: '"ENABLED"', found: '"DISABLED"' }] },
  health: { calls: 'available', problems: [] },
};
const ENTRY: CallbackView = {
  ...{ id: 'c1', number: NUMBER, user: USER, reason: 'unanswered', state: 'waiting', addedAtMs: 1 },
};

const asked: unknown[][] = [];
let request: RequestResult | Error = { kind: 'sent', messageId: 'wamid.1' };
let place: PlaceResult = { kind: 'placed' };
let added = true;

const ports: ApiPorts = {
  numbers: { list: () => Promise.resolve([VIEW]) },
  permissions: {
    get: (number, user) => {
      asked.push(['get', number, user]);
      if (number !== NUMBER) return Promise.resolve(undefined);
      return Promise.resolve({ status: 'temporary', expiresAtMs: 9, canCall: true, canRequest: false, limits: [] });
    },
    request: (number, user) => {
      asked.push(['request', number, user]);
      return request instanceof Error ? Promise.reject(request) : Promise.resolve(request);
    },
  },
  callbacks: {
    list: () => Promise.resolve([ENTRY]),
    add: (number, user) => {
      asked.push(['add', number, user]);
      return Promise.resolve(number === NUMBER ? { added, callback: ENTRY } : undefined);
    },
    place: (id) => {
      asked.push(['place', id]);
      return Promise.resolve(place);
    },
    remove: (id) => Promise.resolve(id === 'c1'),
  },
};

let server: HttpServer;
let base: string;
const warnings: object[] = [];

before(async () => {
  server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ draining: false, parts: {} }),
    metrics: { contentType: 'text/plain', text: () => Promise.resolve('') },
    api: { token: secret(TOKEN), ports },
    log: { warn: (fields) => warnings.push(fields) },
  });
  base = `http://127.0.0.1:${server.address.port}`;
});
after(() => server.close());
beforeEach(() => {
  asked.length = 0;
});

interface Asked {
  readonly body?: string | object;
  readonly headers?: Record<string, string>;
}

async function call(method: string, path: string, { body, headers = {} }: Asked = {}) {
  const response = await fetch(base + path, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (text === '' ? undefined : JSON.parse(text)) as { error?: { code: string; nextAtMs?: number } };
  return { status: response.status, json, code: json?.error?.code, headers: response.headers };
}

test('nothing without the token, and the challenge says how', async () => {
  for (const authorization of ['', 'Bearer wrong', 'Basic eDp5', `Bearer ${TOKEN}x`, TOKEN]) {
    const { status, code, headers } = await call('GET', '/api/v1/numbers', { headers: { authorization } });
    assert.deepEqual([status, code], [401, 'unauthorized'], authorization);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer/);
  }
  const hidden = await call('GET', '/api/v1/whatever', { headers: { authorization: '' } });
  assert.equal(hidden.status, 401, 'which paths there are is told to those with the token');
  const posted = { headers: { authorization: '' }, body: { number: NUMBER, user: USER } };
  assert.equal((await call('POST', '/api/v1/callbacks', posted)).status, 401);
  assert.deepEqual(asked, []);
});

test('numbers with settings, drift, health and calls', async () => {
  const { status, json } = await call('GET', '/api/v1/numbers');
  assert.deepEqual([status, json], [200, { numbers: [VIEW] }]);
});

test('a permission by number and user, written with + or escaped; a BSUID is a user too', async () => {
  const { status, json } = await call('GET', `/api/v1/permissions/${NUMBER}/${encodeURIComponent(USER)}`);
  assert.equal(status, 200);
  assert.deepEqual(json, {
    ...{
      number: NUMBER,
      user: USER,
      status: 'temporary',
      expiresAtMs: 9,
      canCall: true,
      canRequest: false,
      limits: [],
    },
  });
  assert.equal((await call('GET', `/api/v1/permissions/${NUMBER}/${BSUID}`)).status, 200);
  const other = await call('GET', `/api/v1/permissions/+15550000000/${USER}`);
  assert.deepEqual([other.status, other.code], [404, 'no-such-number']);
  assert.equal((await call('GET', `/api/v1/permissions/15551234567/${USER}`)).code, 'bad-number');
  assert.equal((await call('GET', `/api/v1/permissions/${NUMBER}/%zz`)).code, 'bad-path');
});

test('a permission request: sent, limited with the next time, refused with what its port says', async () => {
  const ask = () => call('POST', '/api/v1/permissions', { body: { number: NUMBER, user: USER } });
  const sent = await ask();
  assert.deepEqual([sent.status, sent.json], [202, { messageId: 'wamid.1' }]);
  assert.deepEqual(asked, [['request', NUMBER, USER]]);
  request = { kind: 'limited', reason: 'one a day', nextAtMs: 1_700_000_000_000 };
  const limited = await ask();
  assert.deepEqual([limited.status, limited.code], [409, 'request-limited']);
  assert.equal(limited.json.error?.nextAtMs, 1_700_000_000_000);
  request = { kind: 'granted' };
  assert.deepEqual([(await ask()).status, (await ask()).code], [409, 'permission-granted']);
  request = { kind: 'no-such-number' };
  assert.equal((await ask()).status, 404);
  request = new HttpError(502, 'graph-refused', 'code 131047');
  assert.deepEqual([(await ask()).status, (await ask()).code], [502, 'graph-refused']);
  request = new Error('a bug');
  const failed = await ask();
  assert.deepEqual([failed.status, failed.code], [500, 'internal-error']);
  assert.doesNotMatch(JSON.stringify(failed.json), /a bug/);
  assert.equal((warnings.at(-1) as { err: Error }).err.message, 'a bug');
});

test('callbacks: list, add once, place, delete', async () => {
  assert.deepEqual((await call('GET', '/api/v1/callbacks')).json, { callbacks: [ENTRY] });
  const body = { number: NUMBER, user: USER };
  assert.deepEqual((await call('POST', '/api/v1/callbacks', { body })).json, ENTRY);
  added = false;
  assert.equal((await call('POST', '/api/v1/callbacks', { body })).status, 200);
  added = true;
  assert.equal((await call('POST', '/api/v1/callbacks', { body })).status, 201);
  const stranger = { body: { number: '+15550000000', user: USER } };
  assert.equal((await call('POST', '/api/v1/callbacks', stranger)).code, 'no-such-number');
  assert.equal((await call('POST', '/api/v1/callbacks/c1/place')).status, 202);
  assert.deepEqual(asked.at(-1), ['place', 'c1']);
  place = { kind: 'refused', code: 'no-permission', reason: 'it has expired' };
  const refused = await call('POST', '/api/v1/callbacks/c1/place');
  assert.deepEqual([refused.status, refused.code], [409, 'no-permission']);
  place = { kind: 'no-such-callback' };
  assert.equal((await call('POST', '/api/v1/callbacks/c1/place')).code, 'no-such-callback');
  const gone = await call('DELETE', '/api/v1/callbacks/c1');
  assert.deepEqual([gone.status, gone.json], [204, undefined]);
  assert.equal((await call('DELETE', '/api/v1/callbacks/c2')).code, 'no-such-callback');
});

test('what another site could make a browser send is refused: only JSON changes anything', async () => {
  const form = 'application/x-www-form-urlencoded';
  for (const type of [form, 'text/plain', 'multipart/form-data; boundary=x', '']) {
    const headers = { 'content-type': type };
    const posted = await call('POST', '/api/v1/callbacks', { headers, body: '{"number":"+1","user":"+2"}' });
    assert.deepEqual([posted.status, posted.code], [415, 'unsupported-media-type'], type);
    assert.equal((await call('DELETE', '/api/v1/callbacks/c1', { headers })).status, 415);
  }
  const charset = {
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: { number: NUMBER, user: USER },
  };
  assert.equal((await call('POST', '/api/v1/callbacks', charset)).status, 201);
  assert.equal((await call('OPTIONS', '/api/v1/callbacks')).headers.get('access-control-allow-origin'), null);
  assert.equal(asked.length, 1);
});

test('bodies: not JSON, no object, too large, wrong values', async () => {
  const post = (body?: string | object) => call('POST', '/api/v1/callbacks', body === undefined ? {} : { body });
  assert.equal((await post('{"number":')).code, 'bad-json');
  assert.equal((await post('[1]')).code, 'bad-body');
  assert.equal((await post()).code, 'bad-body');
  assert.equal((await post({ number: NUMBER })).code, 'bad-user');
  assert.equal((await post({ number: 15551234567, user: USER })).code, 'bad-number');
  const large = await post(JSON.stringify({ number: 'x'.repeat(70_000) })).catch((error: unknown) => error);
  // The server reads no further: a client that still writes may see that before the answer.
  if (!(large instanceof Error)) assert.equal((large as { status: number }).status, 413);
  assert.deepEqual(asked, []);
});

test('405 with Allow, 404 with the paths', async () => {
  const put = await call('PUT', '/api/v1/callbacks', { body: {} });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST']);
  const missing = await call('GET', '/api/v2/numbers');
  const { paths } = missing.json.error as unknown as { paths: string[] };
  assert.ok(paths.includes('/api/v1/callbacks/{id}/place') && paths.includes('/metrics'), paths.join());
});

test('the reference names every route, and no other', () => {
  const page = readFileSync('docs/reference/api.md', 'utf8');
  const routes = [...healthRoutes(() => ({ draining: false, parts: {} })), ...apiRoutes(ports)];
  const expected = [...routes.map(({ method, path }) => `${method} ${path}`), 'GET /metrics'].sort();
  const named = [...page.matchAll(/^## `?([A-Z]+ \/[^`\n]*)`?$/gm)].map((found) => found[1] ?? '').sort();
  assert.deepEqual(named, expected);
});
