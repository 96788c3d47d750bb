/** The Graph API is slow or away: calls go on. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Phone } from '../../lab/phone/phone.js';
import { startGraph, type GraphSim } from '../../simulator/graph/index.js';
import { mediaLess } from '../../simulator/index.js';
import { nothingLeft, startBench, type Bench } from './support.js';

const NUMBER = { number: '+15550001000', extension: '607', keying: 'sdes' } as const;
const ID = '106540352242922';
const USER = '+12195550714';
const TOKEN = 'EAAtoken0123456789';
/** permissions.timeout of these gateways. */
const BOUND_MS = 300;

async function openGraph(t: TestContext): Promise<GraphSim> {
  const graph = await startGraph({
    mode: 'production',
    ...{ businessAccountId: '1', appId: '2', appSecret: 'secret' },
    tokens: [{ token: TOKEN, appId: '2', scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'] }],
    numbers: [
      {
        ...{ number: NUMBER.number, phoneNumberId: ID },
        calling: {
          status: 'ENABLED',
          sip: { status: 'ENABLED', servers: [{ hostname: 'gateway.example.test', port: 5061 }] },
          srtp_key_exchange_protocol: 'SDES',
        },
      },
    ],
  });
  t.after(() => graph.close());
  graph.switches.noBusinessCalls = [];
  return graph;
}

/** A gateway whose password comes from Meta, with its store in `folder`. */
function open(t: TestContext, folder: string, url: string): Promise<Bench> {
  return startBench(t, {
    numbers: [NUMBER],
    config: {
      numbers: [{ number: NUMBER.number, phoneNumberId: ID, keying: 'sdes', trunk: 't15550001000' }],
      graph: { url, tokenFile: join(folder, 'token'), checkInterval: '0s' },
      store: { file: join(folder, 'wa-trunk.db'), keyFile: join(folder, 'key') },
      permissions: { timeout: `${BOUND_MS}ms`, cache: '0s', unavailableCountries: [] },
    },
  });
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'graph-away-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'token'), TOKEN, { mode: 0o600 });
  await writeFile(join(folder, 'key'), 'a key of enough characters', { mode: 0o600 });
  return folder;
}

/** A call each way. @returns ms from the PBX's INVITE to Meta's edge seeing ours */
async function callBothWays(bench: Bench, password: string): Promise<number> {
  bench.edge.setNumber({ number: NUMBER.number, password, keying: 'sdes' });
  const into = bench.edge.call({ from: USER, to: NUMBER.number, media: mediaLess({ keying: 'sdes' }), password });
  assert.ok(await into.answered, 'the call in is answered');
  await into.hangup();
  bench.edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) }));
  const peer = { address: '127.0.0.1', port: bench.pbxPort };
  const phone = await Phone.open({ user: NUMBER.number, address: '127.0.0.1', peer });
  try {
    const coming = bench.edge.nextBusinessCall(USER);
    const begun = performance.now();
    const call = await phone.call(USER);
    await coming;
    const waited = performance.now() - begun;
    assert.equal(await call.answered, true, 'the call out is answered');
    await call.hangup();
    await nothingLeft(bench);
    return waited;
  } finally {
    await phone.close();
  }
}

test('a slow Graph API delays a call by no more than the bound', { timeout: 60_000 }, async (t) => {
  const graph = await openGraph(t);
  graph.permissions.grant(NUMBER.number, USER, { kind: 'permanent' });
  const bench = await open(t, await folderOf(t), graph.url);
  const password = graph.passwordOf(NUMBER.number) ?? '';
  await callBothWays(bench, password);
  const quick = await callBothWays(bench, password);
  graph.faults.slow(5000, { when: ({ path }) => path.includes('call_permissions'), times: 100 });
  const slow = await callBothWays(bench, password);
  assert.ok(slow > BOUND_MS, `${slow} ms: it was not asked at all`);
  assert.ok(slow - quick < 2 * BOUND_MS, `${slow} ms, ${quick} ms with a quick Graph API`);
});

test('with the Graph API away at the start, known numbers are called and call', { timeout: 60_000 }, async (t) => {
  const graph = await openGraph(t);
  const folder = await folderOf(t);
  const password = graph.passwordOf(NUMBER.number) ?? '';
  await t.test('a first gateway fetches the password and keeps it', async (inner) => {
    const bench = await open(inner, folder, graph.url);
    graph.permissions.grant(NUMBER.number, USER, { kind: 'permanent' });
    await callBothWays(bench, password);
  });
  await t.test('the next one starts without Meta', async (inner) => {
    const asked = graph.requests.length;
    const bench = await open(inner, folder, 'http://127.0.0.1:9');
    await callBothWays(bench, password);
    assert.equal(graph.requests.length, asked);
  });
});
