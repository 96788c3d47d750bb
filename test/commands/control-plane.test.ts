import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { localIso } from '../../gateway/commands/output.js';
import { createFixture, MINIMAL } from '../config/fixture.js';
import { NUMBER, NUMBER_ID, TOKEN, USER, withMeta } from '../whatsapp/meta.js';
import type { Meta } from '../whatsapp/meta.js';
import { runHere } from './fake-io.js';
import type { Ran } from './fake-io.js';

interface Place extends Meta {
  readonly wa: (...args: string[]) => Promise<Ran>;
  readonly folder: string;
}

/** A configuration with Meta's stand-in, a store, and an API at `port`. */
async function withPlace(work: (place: Place) => Promise<void>, port = 9): Promise<void> {
  const fixture = createFixture();
  try {
    await withMeta(async (meta) => {
      fixture.write('secrets/token', TOKEN);
      fixture.write('secrets/api', 'api-token-of-the-tests');
      const number = MINIMAL.replace(/sipPasswordFile: .*/, `phoneNumberId: '${NUMBER_ID}'`).replace(
        '+15551234567',
        NUMBER,
      );
      const file = fixture.write(
        'wa-trunk.yaml',
        `${number}
graph: { url: '${meta.sim.url}', tokenFile: secrets/token }
store: { file: store.sqlite }
http: { listen: { port: ${port} }, tokenFile: secrets/api }
`,
      );
      await work({ ...meta, folder: fixture.folder, wa: (name = '', ...args) => runHere([name, ...args, '-c', file]) });
    });
  } finally {
    fixture.close();
  }
}

test('link prints the link first, then the code; the PNG is written', async () => {
  const fixture = createFixture();
  const png = join(fixture.folder, 'code.png');
  const { code, stdout, stderr } = await runHere(['link', '+15551234567', '--payload', 'a b', '--png', png]);
  assert.deepEqual([code, stderr], [0, '']);
  const [first, ...rest] = stdout.split('\n');
  assert.equal(first, 'https://wa.me/call/15551234567?biz_payload=a%20b');
  assert.ok(rest.length > 15 && rest.every((line) => line.startsWith('\x1b[38;5;16;48;5;231m')));
  assert.equal(readFileSync(png).subarray(1, 4).toString(), 'PNG');
  fixture.close();
  const bad = await runHere(['link', '15551234567']);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /^wa-trunk link: number: found "15551234567", allowed an E.164 number/);
});

test('button: sent, refused by Meta, refused before', async () => {
  await withPlace(async ({ wa, sim }) => {
    const refused = await wa('button', USER, '--text', 'Call us');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /more than 24 hours have passed since the user last wrote/);
    sim.openWindow(NUMBER, USER);
    const sent = await wa('button', USER, '--text', 'Call us', '--ttl', '30', '--json');
    assert.equal(sent.code, 0, sent.stderr);
    const [message] = sim.state.messages;
    assert.deepEqual(JSON.parse(sent.stdout), { number: NUMBER, user: USER, messageId: message?.id });
    const asked = sim.requests.length;
    for (const [args, text] of [
      [['--text', 'x', '--display-text', 'x'.repeat(21)], '--display-text: found 21 characters, allowed 20'],
      [['--text', 'x', '--ttl', '0'], '--ttl: found "0", allowed 1 to 43200'],
      [['--text', 'x', '--payload', 'x'.repeat(513)], '--payload: found 513 characters, allowed 512'],
      [[], '--text is missing'],
    ] as const) {
      const { code, stderr } = await wa('button', USER, ...args);
      assert.deepEqual([code, stderr], [2, `wa-trunk button: ${text}; see wa-trunk button --help`]);
    }
    assert.equal(sim.requests.length, asked, 'Meta was not asked');
  });
});

test('permissions: none, asked once and no more, then granted', async () => {
  await withPlace(async ({ wa, sim }) => {
    const none = await wa('permissions', 'show', USER);
    assert.equal(none.code, 0, none.stderr);
    assert.match(none.stdout, /^permission {2}none$/m);
    assert.match(none.stdout, /^call {8}no; 0 of 100 in 24 hours/m);
    sim.openWindow(NUMBER, USER);
    const sent = await wa('permissions', 'request', USER, '--text', 'May we?');
    assert.equal(sent.code, 0, sent.stderr);
    assert.match(sent.stdout, new RegExp(`^\\${USER} was asked by message: wamid`));
    const again = await wa('permissions', 'request', USER, '--text', 'May we?');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /was asked as often as Meta allows; next possible at \d{4}-.*T.*[+-]\d\d:\d\d$/);
    sim.permissions.userReplies(NUMBER, USER, { response: 'accept' });
    const granted = await wa('permissions', 'show', USER, '--json');
    const { status, call } = JSON.parse(granted.stdout) as { status: string; call: { allowed: boolean } };
    assert.deepEqual([status, call.allowed], ['temporary', true]);
  });
});

test('callbacks: added once, listed, removed', async () => {
  await withPlace(async ({ wa }) => {
    assert.equal((await wa('callbacks')).stdout, 'nobody is to be called back');
    const added = await wa('callbacks', 'add', USER);
    assert.equal(added.code, 0, added.stderr);
    await wa('callbacks', 'add', USER);
    const [head, row, ...more] = (await wa('callbacks', 'list')).stdout.split('\n');
    assert.match(head ?? '', /^USER {12}NUMBER {9}REASON {2}SINCE/);
    assert.match(row ?? '', new RegExp(`^\\${USER} {2}\\${NUMBER} {2}agent {3}\\d{4}-`));
    assert.deepEqual(more, []);
    assert.equal((await wa('callbacks', 'remove', USER)).code, 0);
    const gone = await wa('callbacks', 'remove', USER);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /is not to be called back by/);
    assert.equal((await wa('callbacks', 'add', '4915112345678')).code, 2);
  });
});

test('callbacks place asks the running gateway, and says what it says', async () => {
  const asked: string[] = [];
  let status = 202;
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''}`);
    const isList = request.method === 'GET';
    response.writeHead(isList ? 200 : status, { 'content-type': 'application/json' });
    const refusal = { error: { code: 'busy', message: 'it is being called' } };
    response.end(JSON.stringify(isList ? { callbacks: [{ id: 'a/b', number: NUMBER, user: USER }] } : refusal));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await withPlace(async ({ wa }) => {
      const good = await wa('callbacks', 'place', USER);
      assert.deepEqual([good.code, good.stdout], [0, `${USER} is being called back by ${NUMBER}`]);
      const bearer = 'Bearer api-token-of-the-tests';
      assert.deepEqual(asked, [`GET /api/v1/callbacks ${bearer}`, `POST /api/v1/callbacks/a%2Fb/place ${bearer}`]);
      status = 409;
      const busy = await wa('callbacks', 'place', USER);
      assert.deepEqual(
        [busy.code, busy.stderr],
        [1, 'wa-trunk callbacks: the gateway refused: it is being called (HTTP 409)'],
      );
      assert.equal((await wa('callbacks', 'place', '+4915199999999')).code, 1);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      assert.match(
        (await wa('callbacks', 'place', USER)).stderr,
        /the gateway does not answer at http:\/\/127\.0\.0\.1/,
      );
    }, port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('local time has its offset, and is the same moment', () => {
  const ms = Date.parse('2026-11-26T14:05:06Z');
  assert.match(localIso(ms), /^2026-11-2\dT\d\d:\d\d:06[+-]\d\d:\d\d$/);
  assert.equal(Date.parse(localIso(ms)), ms);
});
