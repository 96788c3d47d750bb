/** Daily life of user calls, through a real rtpengine and a real Asterisk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { mediaLess } from '../../simulator/index.js';
import { createMediaPeer } from '../../simulator/media/index.js';
import { nothingLeft, PASSWORD, startBench, USER, type Bench } from './support.js';

const number = (extension: string, hosts?: readonly ('asterisk' | 'dead' | 'silent')[]) => ({
  number: `+1555000${extension}${hosts?.length ?? 0}`,
  extension,
  keying: 'sdes' as const,
  ...(hosts === undefined ? {} : { hosts }),
});

const RING = number('608');
const SILENT = number('607');
const THIRD_AFTER_SILENT = number('607', ['silent', 'dead', 'asterisk']);
const REFUSING: readonly [string, number][] = [
  ['640', 486],
  ['641', 480],
  ['643', 404],
];

const NUMBERS = [RING, SILENT, THIRD_AFTER_SILENT, ...REFUSING.map(([ext]) => number(ext))];

function call(bench: Bench, to: string, more: object = {}) {
  return bench.edge.call({ from: USER, to, media: mediaLess({ keying: 'sdes' }), password: PASSWORD, ...more });
}

test('user calls', async (t) => {
  const bench = await startBench(t, { numbers: NUMBERS });

  await t.test('the user gives up while it rings', async () => {
    const placed = call(bench, RING.number);
    assert.equal(await placed.ringing, 180);
    const { by, status } = await placed.cancel();
    assert.deepEqual([by, status], ['user', 487]);
    const atPbx = await bench.asterisk.awaitCall((c) => c.extension === '608' && c.endedAt !== undefined);
    assert.equal(atPbx.answeredAt, undefined);
    await nothingLeft(bench);
  });

  await t.test('a CANCEL that crosses the 200 leaves no ghost', async () => {
    const placed = call(bench, SILENT.number, { cancelCrossesAnswer: true });
    const { by, cause } = await placed.ended;
    assert.deepEqual([by, cause], ['user', 'cancelled']);
    await nothingLeft(bench);
  });

  await t.test('the PBX rings for too long', async () => {
    const { by, status } = await call(bench, RING.number).ended;
    assert.deepEqual([by, status], ['business', 480]);
    await nothingLeft(bench);
  });

  for (const [extension, expected] of REFUSING) {
    await t.test(`a refusal of the PBX passes: ${extension} gives ${expected}`, async () => {
      const { by, status } = await call(bench, number(extension).number).ended;
      assert.deepEqual([by, status], ['business', expected]);
      await nothingLeft(bench);
    });
  }

  await t.test('the next host takes the call when one is dead or silent, within connectTimeout each', async () => {
    const placed = call(bench, THIRD_AFTER_SILENT.number);
    const answer = await placed.answered;
    assert.ok(answer !== undefined && answer.delayMs < 1600, `answered after ${answer?.delayMs} ms`);
    await placed.hangup();
    await nothingLeft(bench);
  });

  await t.test('what WhatsApp knows of the caller reaches the dial-plan, and nothing forged', async () => {
    const placed = call(bench, SILENT.number, {
      from: 'US.13491208655302741918',
      user: { id: 'US.13491208655302741918', name: 'ana', country: 'IL' },
      ctaPayload: 'order ${7}',
    });
    await placed.answered;
    await placed.hangup();
    const atPbx = await bench.asterisk.awaitCall(
      (c) => c.headers.get('x-wa-wacid') === placed.id.wacid && c.endedAt !== undefined,
    );
    assert.equal(atPbx.caller, 'whatsapp');
    assert.equal(atPbx.headers.get('x-wa-user-id'), 'US.13491208655302741918');
    assert.equal(atPbx.headers.get('x-wa-cta-payload'), 'order %24%7B7%7D');
    assert.equal(atPbx.headers.get('x-wa-country'), 'IL');
    assert.deepEqual(placed.violations, []);
  });

  await t.test('a restart of rtpengine ends the call on both legs with a cause', async () => {
    const media = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1' });
    const placed = call(bench, SILENT.number, { media });
    assert.ok(await placed.answered);
    await bench.rtpengine.ng({ command: 'delete', 'call-id': (await bench.rtpengine.sessions())[0] ?? '' });
    const { by, reason } = await placed.ended;
    assert.equal(by, 'business');
    assert.match(reason ?? '', /Q\.850;cause=41/);
    await bench.asterisk.awaitCall((c) => c.headers.get('x-wa-wacid') === placed.id.wacid && c.endedAt !== undefined);
    await nothingLeft(bench);
  });

  await t.test('a lost TLS link is not the end of a call: the BYE finds another way', async () => {
    const media = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1' });
    const placed = call(bench, SILENT.number, { media });
    assert.ok(await placed.answered);
    bench.edge.dropLinks();
    await delay(300);
    assert.equal(bench.gateway.activeCalls, 1);
    await bench.asterisk.cli('channel request hangup all');
    const { by } = await placed.ended;
    assert.equal(by, 'business');
    assert.deepEqual(placed.violations, []);
    await nothingLeft(bench);
  });
});
