import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { secret } from '../../../gateway/config/index.js';
import { createSink } from '../../../gateway/telemetry/log.js';
import { fixedToken, GraphError, inspectToken, TokenFile } from '../../../gateway/whatsapp/graph/index.js';
import type { Graph, GraphObject } from '../../../gateway/whatsapp/graph/index.js';

function setUp(t: TestContext): { file: string; tokens: TokenFile; later: () => void; lines: readonly object[] } {
  const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  const { log, lines } = createSink();
  let now = 0;
  return { file, tokens: new TokenFile(file, log, () => now), later: () => (now += 1000), lines };
}

test('the token is read again when the file changes, and the file looked at once a second', async (t) => {
  const { file, tokens, later, lines } = setUp(t);
  writeFileSync(file, 'first\n');
  assert.equal(await tokens.read(), 'first');
  writeFileSync(file, 'second token'.replace(' ', '-'));
  assert.equal(await tokens.read(), 'first');
  later();
  assert.equal(await tokens.read(), 'second-token');
  assert.doesNotMatch(JSON.stringify(lines), /first|second/);
});

test('a file that is gone or empty for a while leaves the token in use, with a warning', async (t) => {
  const { file, tokens, later, lines } = setUp(t);
  writeFileSync(file, 'first');
  await tokens.read();
  writeFileSync(file, '');
  later();
  assert.equal(await tokens.read(), 'first');
  rmSync(file);
  later();
  assert.equal(await tokens.read(), 'first');
  assert.equal(lines.length, 2);
  writeFileSync(file, 'second');
  later();
  assert.equal(await tokens.read(), 'second');
});

test('no token at all is a fault that says which file and what to do', async (t) => {
  const { file, tokens } = setUp(t);
  const expected = [/ENOENT/, /it is empty/, /more than one word/];
  const contents = [undefined, '\n', 'two words'];
  for (const [i, content] of contents.entries()) {
    if (content !== undefined) writeFileSync(file, content);
    await assert.rejects(tokens.read(), (error) => {
      assert.ok(error instanceof GraphError);
      assert.equal(error.fault.kind, 'no-token');
      assert.ok(error.message.startsWith(`${file}: no access token: `));
      assert.match(error.message, expected[i] ?? /never/);
      return true;
    });
  }
});

test('a token of the environment is fixed', async () => {
  assert.equal(await fixedToken(secret('fixed'))(), 'fixed');
  assert.equal(await fixedToken(undefined)(), undefined);
});

function answering(reply: GraphObject): Graph & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    get: (path, query) => {
      asked.push([path, query]);
      return Promise.resolve(reply);
    },
    post: () => Promise.reject(new Error('nothing is written here')),
    close: () => Promise.resolve(),
  };
}

test('debug_token: expiry, app, scopes and those that are missing', async () => {
  const graph = answering({
    data: {
      app_id: '670843887433847',
      type: 'SYSTEM_USER',
      is_valid: true,
      expires_at: 1_790_000_000,
      data_access_expires_at: 0,
      scopes: ['whatsapp_business_management', 'public_profile'],
    },
  });
  assert.deepEqual(await inspectToken(graph, 'tok'), {
    valid: true,
    expiresAtMs: 1_790_000_000_000,
    appId: '670843887433847',
    type: 'SYSTEM_USER',
    scopes: ['whatsapp_business_management', 'public_profile'],
    missingScopes: ['whatsapp_business_messaging'],
  });
  assert.deepEqual(graph.asked, [['debug_token', { input_token: 'tok' }]]);
});

test('debug_token: a token that is not valid says why, without repeating it', async () => {
  const data = { is_valid: false, scopes: [], error: { code: 190, message: 'Token tok has expired', subcode: 463 } };
  const state = await inspectToken(answering({ data }), 'tok');
  assert.deepEqual([state.valid, state.reason], [false, 'Token [redacted] has expired']);
  assert.equal((await inspectToken(answering({}), 'tok')).valid, false);
});
