/** What comes in broken or from strangers: each gets its answer, one log line, no media session, and a running call goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { mediaLess, type CallOptions, type InviteFault } from '../../simulator/index.js';
import { createMediaPeer } from '../../simulator/media/index.js';
import { PASSWORD, refusals, startBench, USER, type Bench } from './support.js';

const NUMBERS = [
  { number: '+15550001001', extension: '605', keying: 'sdes' },
  { number: '+15550001002', extension: '605', keying: 'dtls' },
] as const;

async function refusedWith(
  bench: Bench,
  call: Partial<CallOptions>,
  keying: 'sdes' | 'dtls' = 'sdes',
): Promise<unknown> {
  const placed = bench.edge.call({
    from: USER,
    to: keying === 'sdes' ? NUMBERS[0].number : NUMBERS[1].number,
    media: mediaLess({ keying }),
    password: PASSWORD,
    answerLimitMs: 1500,
    ...call,
  });
  const { by, cause, status } = await placed.ended;
  return status ?? `${by} ${cause}`;
}

const FAULTS: readonly [InviteFault, number, 'sdes' | 'dtls'][] = [
  ['no-sdp', 488, 'sdes'],
  ['no-audio', 488, 'sdes'],
  ['no-fingerprint', 488, 'dtls'],
  ['unknown-codecs', 488, 'sdes'],
  ['oversized-body', 413, 'sdes'],
  ['missing-contact', 400, 'sdes'],
];

test('bad input', async (t) => {
  const bench = await startBench(t, { numbers: NUMBERS });
  const media = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1' });
  const running = bench.edge.call({ from: USER, to: NUMBERS[0].number, media, password: PASSWORD });
  assert.ok(await running.answered);

  for (const [fault, status, keying] of FAULTS) {
    await t.test(`${fault} gets ${status} and one line with the reason`, async () => {
      const before = bench.log.lines.length;
      assert.equal(await refusedWith(bench, { fault }, keying), status);
      const told = bench.log.lines
        .slice(before)
        .filter((line) => line.level === 'warn' && ['call refused', 'media failed'].includes(String(line.message)));
      const dropped = bench.log.lines.slice(before).filter((line) => /dropped|refused by/.test(String(line.message)));
      assert.equal(told.length + dropped.length, 1, JSON.stringify(bench.log.lines.slice(before)));
    });
  }

  await t.test('wrong password gets 403', async () => {
    assert.equal(await refusedWith(bench, { password: 'guess' }), 403);
    assert.equal(refusals(bench.log).at(-1), 'wrong-password');
  });

  await t.test('a number that is not configured gets 404', async () => {
    assert.equal(await refusedWith(bench, { to: '+15559999999' }), 404);
    assert.equal(refusals(bench.log).at(-1), 'unknown-number');
  });

  await t.test('an untrusted network gets silence', async () => {
    const outcome = await refusedWith(bench, { localAddress: '127.0.0.9' });
    assert.match(String(outcome), /^meta (unreachable|no-response)$/);
    assert.ok(bench.log.lines.some((line) => line.part === 'engine' && /untrusted|dropped/.test(JSON.stringify(line))));
  });

  await t.test('garbage closes its link', async () => {
    const { closed, received } = await bench.edge.sendRaw(
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50)),
      3000,
    );
    assert.ok(closed || received.length > 0);
  });

  assert.equal((await bench.rtpengine.sessions()).length, 1, 'only the running call has a media session');
  assert.equal(bench.gateway.activeCalls, 1);
  await delay(1500); // so that there is a second of tone to measure
  const ended = await running.hangup();
  assert.deepEqual([ended.by, ended.status], ['user', 200]);
  const report = await media.report();
  assert.equal(report.ssrcs, 1);
  assert.equal(report.loss, 0);
  assert.ok(report.toneMs > 1000, 'the running call heard its tone throughout');
});
