import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGraph } from '../../../simulator/graph/index.js';
import { createCertificateAuthority } from '../../../simulator/pki.js';
import { get as httpsGet } from 'node:https';
import type { IncomingMessage } from 'node:http';
import {
  ACCOUNT,
  APP,
  assertRefused,
  NUMBER,
  OTHER_TOKEN,
  SECRET,
  START,
  TOKEN,
  USER,
  withGraph,
  type Answer,
} from './fixture.js';

const EVERY_EDGE = [
  `GET ${NUMBER}`,
  `GET ${NUMBER}/settings`,
  `POST ${NUMBER}/settings`,
  `GET ${NUMBER}/call_permissions?user_wa_id=${USER}`,
  `POST ${NUMBER}/messages`,
  `POST ${NUMBER}/calls`,
  `GET ${ACCOUNT}/phone_numbers`,
] as const;

const subcode = ({ body }: Answer) => (body.error as { readonly error_subcode?: number }).error_subcode;

test('no endpoint answers without a token that is known and in time', async () => {
  await withGraph(async ({ get, post, sim, clock }) => {
    const ask = (edge: string, token: string) => {
      const [method, path = ''] = edge.split(' ');
      return method === 'GET' ? get(path, token) : post(path, {}, token);
    };
    sim.setToken({ token: 'short', appId: APP, scopes: ['whatsapp_business_management'], expiresAtMs: START + 1000 });
    assert.equal((await get(NUMBER, 'short')).status, 200);
    clock.pass(1000);
    sim.removeToken(OTHER_TOKEN);
    for (const edge of [...EVERY_EDGE, 'GET app', `GET debug_token?input_token=${TOKEN}`]) {
      for (const [token, code] of [
        ['', 467],
        ['nobody-knows', 467],
        [OTHER_TOKEN, 467],
        ['short', 463],
      ] as const) {
        const answer = await ask(edge, token);
        assertRefused(answer, 401, 190);
        assert.equal(subcode(answer), code, `${edge} with '${token}'`);
      }
    }
  });
});

test('a token in the query is none', async () => {
  await withGraph(async ({ get }) => {
    assertRefused(await get(`${NUMBER}?access_token=${TOKEN}`, ''), 401, 190);
  });
});

test('management and messaging are permissions of their own', async () => {
  await withGraph(async ({ get, post, sim }) => {
    const cases = [
      ['whatsapp_business_messaging', 200, [0, 1, 2, 6]],
      ['whatsapp_business_management', 10, [3, 4, 5]],
    ] as const;
    for (const [scope, code, refused] of cases) {
      sim.setToken({ token: 'narrow', appId: APP, scopes: [scope] });
      for (const [index, edge] of EVERY_EDGE.entries()) {
        const [method, path = ''] = edge.split(' ');
        const answer = await (method === 'GET' ? get(path, 'narrow') : post(path, {}, 'narrow'));
        if ((refused as readonly number[]).includes(index)) assertRefused(answer, 403, code);
        else assert.notEqual((answer.body.error as { code?: number } | undefined)?.code, code, edge);
      }
    }
  });
});

test('debug_token tells app, expiry and scopes, and what is not known or of another app', async () => {
  const narrow = { token: 'narrow', appId: APP, scopes: ['whatsapp_business_messaging'] };
  await withGraph(async ({ get, sim, clock }) => {
    const of = async (token: string) => (await get(`debug_token?input_token=${token}`)).body.data as Answer['body'];
    const endless = await of(TOKEN);
    assert.equal(endless.app_id, APP);
    assert.equal(endless.type, 'SYSTEM_USER');
    assert.equal(endless.is_valid, true);
    assert.equal(endless.expires_at, 0);
    assert.equal(endless.data_access_expires_at, 0);
    assert.deepEqual(endless.scopes, ['whatsapp_business_management', 'whatsapp_business_messaging']);

    sim.setToken({ ...narrow, expiresAtMs: START + 5000, dataAccessExpiresAtMs: START + 9000 });
    const ending = await of('narrow');
    assert.equal(ending.expires_at, START / 1000 + 5);
    assert.equal(ending.data_access_expires_at, START / 1000 + 9);
    assert.deepEqual(ending.scopes, ['whatsapp_business_messaging']);
    clock.pass(5000);
    assert.equal((await of('narrow')).is_valid, false);
    assert.equal((await of('nobody-knows')).is_valid, false);
    assertRefused(await get(`debug_token?input_token=${OTHER_TOKEN}`), 400, 100, /app of input_token/);
    assertRefused(await get('debug_token'), 400, 100, /input_token is required/);
  });
});

test('what does not exist is 100 with subcode 33, whatever is not of the version 2635', async () => {
  await withGraph(async ({ get, post, sim }) => {
    const unknown = [
      await get('1234/settings'),
      await get(`${NUMBER}/nothing`),
      await get(`${NUMBER}/settings/more`),
      await get(`${NUMBER}/messages`),
      await post(NUMBER, {}),
      await get(`${NUMBER}/phone_numbers`),
      await get(`${ACCOUNT}/settings`),
      await get(''),
    ];
    for (const answer of unknown) {
      assertRefused(answer, 400, 100);
      assert.equal(subcode(answer), 33);
    }
    for (const path of ['/v20.0/app', '/app', '/']) {
      const response = await fetch(`${sim.url}${path}`, { headers: { Authorization: `Bearer ${TOKEN}` } });
      const body = (await response.json()) as { error: { code: number } };
      assert.deepEqual([response.status, body.error.code], [400, 2635], path);
    }
    const deleted = await fetch(`${sim.url}/v25.0/${NUMBER}/settings`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${TOKEN}` },
    });
    assert.equal(deleted.status, 400);
  });
});

test('calls over Graph are refused where SIP is on', async () => {
  await withGraph(async ({ post, sim }) => {
    const call = () => post(`${NUMBER}/calls`, { messaging_product: 'whatsapp', to: USER, action: 'connect' });
    assertRefused(await call(), 400, 138000);
    sim.changeSettings(NUMBER, { status: 'ENABLED', sip: { status: 'ENABLED', servers: [{ hostname: 'a.example' }] } });
    assertRefused(await call(), 400, 131055, /SIP is enabled/);
  });
});

test('the log has every request, and no token', async () => {
  await withGraph(async ({ get, post, sim, clock }) => {
    await get(`${NUMBER}/settings?include_sip_credentials=true`);
    clock.pass(7);
    await post(`${NUMBER}/settings`, { calling: { status: 'ON' } });
    await get(`debug_token?input_token=${OTHER_TOKEN}`, '');
    const [first, second, third] = sim.requests;
    assert.deepEqual(
      { ...first },
      {
        index: 1,
        method: 'GET',
        path: `${NUMBER}/settings`,
        query: { include_sip_credentials: 'true' },
        body: undefined,
        token: first?.token,
        atMs: START,
        status: 200,
      },
    );
    assert.match(first?.token ?? '', /^[0-9a-f]{12}$/);
    assert.deepEqual(second?.body, { calling: { status: 'ON' } });
    assert.deepEqual([second?.status, second?.errorCode, second?.atMs], [400, 100, START + 7]);
    assert.equal(third?.token, undefined);
    const text = JSON.stringify(sim.requests);
    for (const secret of [TOKEN, OTHER_TOKEN, SECRET]) assert.ok(!text.includes(secret));
  });
});

test('with a certificate it speaks HTTPS', async () => {
  const ca = createCertificateAuthority();
  const sim = await startGraph({
    mode: 'sandbox',
    businessAccountId: ACCOUNT,
    appId: APP,
    appSecret: SECRET,
    tokens: [{ token: TOKEN, appId: APP, scopes: [] }],
    numbers: [],
    tls: ca.issue(['127.0.0.1']),
  });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { Authorization: `Bearer ${TOKEN}` };
      httpsGet(`${sim.url}/v25.0/app`, { ca: ca.certificate, headers }, resolve).on('error', reject);
    });
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.ok(sim.url.startsWith('https://127.0.0.1:'));
  } finally {
    await sim.close();
    await sim.close();
  }
});
