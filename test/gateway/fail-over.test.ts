/** A trunk of three hosts, two of which refuse: how much later the third one has the call than if it were the first. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { mediaLess } from '../../simulator/index.js';
import { nothingLeft, PASSWORD, startBench, USER, type Bench } from './support.js';

const PROMISED_MS = 500;
/** Each trunk can be measured once, for then it knows its dead hosts; the machine may stall during any of them. */
const ROUNDS = 4;

/** UDP ports that were ours a moment ago and are closed now. */
async function closedPorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4').bind(0, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'listening')));
  const ports = sockets.map((socket) => socket.address().port);
  for (const socket of sockets) socket.close();
  return ports;
}

/** Milliseconds until the call was answered, and how many hosts had failed by then. */
async function call(bench: Bench, to: string): Promise<{ ms: number; failed: number }> {
  const before = bench.log.lines.length;
  const placed = bench.edge.call({ from: USER, to, media: mediaLess({ keying: 'sdes' }), password: PASSWORD });
  const answer = await placed.answered;
  assert.ok(answer !== undefined, 'answered');
  await placed.hangup();
  await nothingLeft(bench);
  const failed = bench.log.lines.slice(before).filter(({ message }) => message === 'callee failed').length;
  return { ms: answer.delayMs, failed };
}

test('two hosts that refuse cost less than 500 ms, once', { timeout: 120_000 }, async (t) => {
  const [dead, gone] = await closedPorts(2);
  assert.ok(dead !== undefined && gone !== undefined);
  const rounds = Array.from({ length: ROUNDS }, (_, i) => ({
    plain: { number: `+1555000200${i}`, extension: '607', keying: 'sdes' as const },
    third: {
      ...{ number: `+1555000300${i}`, extension: '607', keying: 'sdes' as const },
      hosts: [dead, gone, 'asterisk'] as const,
    },
  }));
  // No OPTIONS: the call itself has to find out.
  const bench = await startBench(t, { numbers: rounds.flatMap(({ plain, third }) => [plain, third]), qualify: '0s' });
  const [plain, third]: [number[], number[]] = [[], []];
  for (const round of rounds) {
    const alone = await call(bench, round.plain.number);
    const after = await call(bench, round.third.number);
    const next = await call(bench, round.third.number);
    assert.deepEqual([alone.failed, after.failed, next.failed], [0, 2, 0], 'the next call goes to the third at once');
    plain.push(alone.ms);
    third.push(after.ms);
  }
  const late = Math.min(...third) - Math.min(...plain);
  t.diagnostic(
    `alone ${plain.map(Math.round).join(' ')} ms, after two that refuse ${third.map(Math.round).join(' ')} ms`,
  );
  assert.ok(late < PROMISED_MS, `${Math.round(late)} ms later`);
});
