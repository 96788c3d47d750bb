import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createGraph, GraphError } from '../../../gateway/whatsapp/graph/index.js';
import type { Graph, GraphClientOptions, GraphFault } from '../../../gateway/whatsapp/graph/index.js';
import { createSink } from '../../../gateway/telemetry/log.js';
import { issueChain } from '../../config/pki.js';
import { error, hangUp, json, raw, scripted, silence } from './scripted-server.js';
import type { Answer, ScriptedServer } from './scripted-server.js';

const TOKEN = 'EAAsecretTokenOfTheSystemUser123';
const SETTINGS = '106540352242922/settings';

interface Setup {
  readonly server: ScriptedServer;
  readonly graph: Graph;
  /** What the client waited for between tries. */
  readonly waits: number[];
  readonly samples: string[];
  readonly lines: readonly object[];
}

async function setUp(
  t: TestContext,
  answers: readonly Answer[],
  more: Partial<GraphClientOptions> = {},
): Promise<Setup> {
  const server = await scripted(answers);
  t.after(() => server.close());
  const { log, lines } = createSink();
  const waits: number[] = [];
  const samples: string[] = [];
  const graph = createGraph({
    url: server.url,
    version: 'v23.0',
    token: () => Promise.resolve(TOKEN),
    timeoutMs: 20_000,
    log,
    observe: (method, kind, outcome, seconds) => {
      assert.ok(seconds >= 0 && seconds < 60);
      samples.push(`${method} ${kind} ${outcome}`);
    },
    random: () => 0.5,
    delay: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    ...more,
  });
  t.after(() => graph.close());
  return { server, graph, waits, samples, lines };
}

async function faultOf(request: Promise<unknown>): Promise<GraphFault> {
  const failure: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(failure instanceof GraphError, String(failure));
  assert.equal(failure.message, failure.fault.message);
  assert.doesNotMatch(failure.message, /\n/);
  assert.ok(!failure.message.includes(TOKEN));
  return failure.fault;
}

test('GET and POST carry version, token and JSON', async (t) => {
  const { server, graph, samples } = await setUp(t, [json(200, { id: '1' }), json(200, { success: true })]);
  assert.deepEqual(await graph.get(SETTINGS, { include_sip_credentials: 'true' }), { id: '1' });
  assert.deepEqual(await graph.post(SETTINGS, { calling: { status: 'ENABLED' } }), { success: true });
  const [get, post] = server.seen;
  assert.equal(get?.url, `/v23.0/${SETTINGS}?include_sip_credentials=true`);
  assert.equal(get.headers.authorization, `Bearer ${TOKEN}`);
  assert.deepEqual([post?.method, post?.url], ['POST', `/v23.0/${SETTINGS}`]);
  assert.equal(post?.headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(post?.body ?? ''), { calling: { status: 'ENABLED' } });
  assert.deepEqual(samples, ['GET settings ok', 'POST settings ok']);
});

test('connections are kept: many requests one after the other need two of them at most', async (t) => {
  const { server, graph } = await setUp(t, [json(200, {})]);
  for (let i = 0; i < 8; i++) await graph.get(SETTINGS);
  assert.equal(server.seen.length, 8);
  assert.ok(new Set(server.seen.map(({ port }) => port)).size <= 2);
});

test('what Meta refuses is a fault with code, meaning and remedy, in one line', async (t) => {
  const details = { error_data: { details: 'hostname is not\nvalid' }, error_subcode: 2494 };
  const { graph, server } = await setUp(t, [error(400, 100, details)]);
  const fault = await faultOf(graph.post(SETTINGS, {}));
  assert.deepEqual(
    { ...fault, message: '' },
    {
      kind: 'refused',
      message: '',
      httpStatus: 400,
      code: 100,
      subcode: 2494,
      traceId: 'TrAcE',
      meaning: 'a parameter is missing, misspelt or not allowed',
      remedy: 'correct the value that the message names',
    },
  );
  assert.equal(
    fault.message,
    `POST ${SETTINGS}: Meta refused: (#100) said so: hostname is not valid (code 100/2494, trace TrAcE); ` +
      'a parameter is missing, misspelt or not allowed: correct the value that the message names',
  );
  assert.equal(server.seen.length, 1);
});

test('a code that is not in the catalogue, and an error without a code, are told as they came', async (t) => {
  const { graph } = await setUp(t, [error(400, 999_999), json(403, { error: { message: 'no' } })]);
  const fault = await faultOf(graph.get('1'));
  assert.deepEqual([fault.kind, fault.code, fault.meaning], ['refused', 999_999, undefined]);
  assert.equal((await faultOf(graph.get('1'))).message, 'GET 1: Meta refused: no (HTTP 403)');
});

const KINDS: readonly [what: string, answer: Answer, kind: GraphFault['kind'], tries: number][] = [
  ['an expired token', error(401, 190, { error_subcode: 463 }), 'unauthorized', 1],
  ['a 401 without a body', raw(401, ''), 'unauthorized', 1],
  ['a missing permission', error(403, 10), 'refused', 1],
  ['a permission in the 200s', error(403, 230), 'refused', 1],
  ['HTTP 429', raw(429, ''), 'rate-limited', 4],
  ['code 4', error(400, 4), 'rate-limited', 4],
  ['code 17', error(400, 17), 'rate-limited', 4],
  ['code 32', error(400, 32), 'rate-limited', 4],
  ['code 613', error(400, 613), 'rate-limited', 4],
  ['code 80007', error(400, 80007), 'rate-limited', 4],
  ['code 2, the service is down', error(500, 2), 'refused', 4],
  ['an error that Meta calls transient', error(400, 131000, { is_transient: true }), 'refused', 4],
  ['HTML', raw(502, '<html>Bad gateway</html>'), 'unreadable', 4],
  ['HTML with 200', raw(200, '<html>hotel portal</html>'), 'unreadable', 4],
  ['half of the JSON', raw(200, '{"calling":{"sta'), 'unreadable', 4],
  ['nothing', raw(200, ''), 'unreadable', 4],
  ['a list', json(200, []), 'unreadable', 4],
  ['a redirect', raw(302, '', { location: 'https://elsewhere.example' }), 'unreadable', 4],
  [
    'a body cut off',
    (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"calling":');
      setImmediate(() => response.socket?.destroy());
    },
    'unreadable',
    4,
  ],
  ['a lost connection', hangUp, 'unreachable', 4],
];

for (const [what, answer, kind, tries] of KINDS) {
  test(`${what}: ${kind}, GET tried ${tries} times`, async (t) => {
    const { graph, server, waits, samples } = await setUp(t, [answer]);
    assert.equal((await faultOf(graph.get(SETTINGS))).kind, kind);
    assert.equal(server.seen.length, tries);
    assert.deepEqual(waits, [125, 250, 500].slice(0, tries - 1));
    assert.deepEqual(samples, Array<string>(tries).fill(`GET settings ${kind}`));
  });
}

test('a POST is sent once when it is not known whether Meta acted on it, unless it may be repeated', async (t) => {
  for (const answer of [hangUp, raw(502, 'bad gateway'), error(500, 2)]) {
    const { graph, server } = await setUp(t, [answer, json(200, { success: true })]);
    await faultOf(graph.post(SETTINGS, {}));
    assert.equal(server.seen.length, 1);
    const again = await setUp(t, [answer, json(200, { success: true })]);
    assert.deepEqual(await again.graph.post(SETTINGS, {}, { repeatable: true }), { success: true });
    assert.equal(again.server.seen.length, 2);
  }
});

test('a POST refused for its rate was not acted on: it is sent again', async (t) => {
  const { graph, server } = await setUp(t, [error(400, 613), json(200, { success: true })]);
  assert.deepEqual(await graph.post(SETTINGS, {}), { success: true });
  assert.equal(server.seen.length, 2);
});

test('a POST to where nothing listens is tried again, for nothing was sent', async (t) => {
  const probe = await scripted([]);
  await probe.close();
  const { graph, waits } = await setUp(t, [], {
    url: probe.url,
    delay: async () => {
      waits.push(0);
      if (waits.length < 2) return;
      const late = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"success":true}'));
      });
      t.after(() => late.close());
      await new Promise<void>((resolve) => late.listen(probe.port, '127.0.0.1', resolve));
    },
  });
  assert.deepEqual(await graph.post(SETTINGS, {}), { success: true });
  assert.equal(waits.length, 2);
});

test('the time limit holds for all tries together', async (t) => {
  const { graph, server, samples } = await setUp(t, [raw(502, ''), silence]);
  const fault = await faultOf(graph.get(SETTINGS, {}, { timeoutMs: 400 }));
  assert.equal(fault.kind, 'timeout');
  assert.equal(server.seen.length, 2);
  assert.deepEqual(samples, ['GET settings unreadable', 'GET settings timeout']);
});

test('a reply that trickles without end is given up in time', async (t) => {
  const { graph } = await setUp(t, [
    (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
  ]);
  assert.equal((await faultOf(graph.get(SETTINGS, {}, { timeoutMs: 300 }))).kind, 'timeout');
});

test('a reply of many megabytes is not kept', async (t) => {
  const { graph } = await setUp(t, [raw(200, ' '.repeat(5 * 1024 * 1024))]);
  assert.equal((await faultOf(graph.get(SETTINGS))).kind, 'unreadable');
});

test('Retry-After is waited for when it fits into the time limit', async (t) => {
  const { graph, waits } = await setUp(t, [raw(429, '', { 'retry-after': '3' }), json(200, {})]);
  await graph.get(SETTINGS);
  assert.equal(waits[0], 3125);
});

test('while Meta wants to hear nothing nothing is sent, and the caller learns at once how long', async (t) => {
  const usage = { '123': [{ type: 'management', call_count: 100, estimated_time_to_regain_access: 7 }] };
  const { graph, server, waits } = await setUp(t, [
    error(400, 80007, {}, { 'x-business-use-case-usage': JSON.stringify(usage) }),
    json(200, {}),
  ]);
  assert.equal((await faultOf(graph.get(SETTINGS))).retryAfterMs, 420_000);
  const fault = await faultOf(graph.get('1'));
  assert.equal(fault.kind, 'rate-limited');
  assert.ok((fault.retryAfterMs ?? 0) > 400_000);
  assert.match(fault.message, /Meta asked to wait another 4(19|20) s/);
  assert.equal(server.seen.length, 1);
  assert.deepEqual(waits, []);
});

test('code 613 is about one kind of request: others go on', async (t) => {
  const { graph, server } = await setUp(t, [error(400, 613, {}, { 'retry-after': '3600' }), json(200, { id: '1' })]);
  assert.equal((await faultOf(graph.post('1/messages', {}))).retryAfterMs, 3_600_000);
  assert.deepEqual(await graph.get('1'), { id: '1' });
  assert.equal(server.seen.length, 2);
});

test('without a token nothing is sent', async (t) => {
  const { graph, server } = await setUp(t, [json(200, {})], { token: () => Promise.resolve(undefined) });
  assert.equal((await faultOf(graph.get('1'))).kind, 'no-token');
  const broken = await setUp(t, [], { token: () => Promise.reject(new Error(TOKEN)) });
  assert.equal((await faultOf(broken.graph.get('1'))).kind, 'no-token');
  assert.equal(server.seen.length, 0);
});

test('the token is in no message and no log line, even when Meta repeats it', async (t) => {
  const { graph, lines } = await setUp(t, [
    error(401, 190, { message: `Malformed access token ${TOKEN}`, fbtrace_id: TOKEN }),
    error(400, 100, { message: 'Malformed access token EAAotherToken99x', error_user_msg: TOKEN }),
    hangUp,
  ]);
  const first = await faultOf(graph.get('debug_token', { input_token: 'another-secret' }));
  assert.match(first.message, /Malformed access token \[redacted\]/);
  assert.doesNotMatch((await faultOf(graph.post(SETTINGS, { pin: 'body-secret' }))).message, /EAA/);
  await faultOf(graph.get('debug_token', { input_token: 'another-secret' }));
  assert.ok(lines.length >= 3);
  assert.doesNotMatch(JSON.stringify(lines), /EAA|another-secret|body-secret/);
});

test('close gives up what is under way, and what comes later', async (t) => {
  const { graph, server } = await setUp(t, [silence], { delay: undefined as never });
  const open = faultOf(graph.get(SETTINGS));
  await server.arrived(1);
  await graph.close();
  await graph.close();
  assert.match((await open).message, /given up, the gateway is closing/);
  assert.equal((await faultOf(graph.get(SETTINGS))).kind, 'unreachable');
});

test('close ends the wait between two tries', async (t) => {
  const server = await scripted([raw(503, '')]);
  t.after(() => server.close());
  const graph = createGraph({
    url: server.url,
    version: 'v23.0',
    token: () => Promise.resolve(TOKEN),
    timeoutMs: 60_000,
    log: createSink().log,
    random: () => 0.99,
  });
  const open = faultOf(graph.get(SETTINGS));
  await server.arrived(3);
  await graph.close();
  assert.equal((await open).kind, 'unreachable');
});

test('TLS: further roots are taken, others are refused with a reason', async (t) => {
  const { root, middle, leaf } = issueChain(['localhost']);
  const server = await scripted([json(200, { id: '1' })], {
    cert: leaf.certificate + middle.certificate,
    key: leaf.privateKey,
  });
  t.after(() => server.close());
  const url = `https://localhost:${server.port}`;
  const good = await setUp(t, [], { url, ca: root.certificate });
  assert.deepEqual(await good.graph.get('1'), { id: '1' });
  const bad = await setUp(t, [], { url });
  const fault = await faultOf(bad.graph.get('1'));
  assert.equal(fault.kind, 'unreachable');
  assert.match(fault.message, /cannot be reached: .*certificate/);
});

test('the proxy of the environment is used, and NO_PROXY goes around it', async (t) => {
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (head: Buffer) => {
      const target = /^CONNECT (\S+):(\d+) /.exec(head.toString()) ?? [];
      asked.push(target[1] ?? head.toString());
      const upstream = connect(Number(target[2]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  process.env = {
    ...before,
    http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    no_proxy: '127.0.0.1',
  };
  const around = await setUp(t, [json(200, { id: '1' })]);
  await around.graph.get('1');
  assert.deepEqual(asked, []);
  const through = await setUp(t, [], { url: around.server.url.replace('127.0.0.1', 'graph.test') });
  assert.deepEqual(await through.graph.get('1'), { id: '1' });
  assert.deepEqual(asked, ['graph.test']);
});
