import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSimulator, SimulateOptionError, type SimulateOptions } from '../../simulator/index.js';
import { createMediaPeer, type MediaPeer } from '../../simulator/media/index.js';
import { ca, HOSTNAME, PASSWORD, ScriptedGateway, wellBehaved } from './sip/scripted-gateway.js';

interface Fixture {
  readonly gateway: ScriptedGateway;
  readonly options: SimulateOptions;
  /** The business' media, once it has answered. */
  readonly peers: MediaPeer[];
}

/** A gateway whose business side is a media peer that sends 440 Hz. */
async function withGateway(body: (fixture: Fixture) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'simulate-'));
  const peers: MediaPeer[] = [];
  const handler = wellBehaved({
    challenge: true,
    onInvite: (invite, gateway) => {
      const peer = peers[gateway.seen.filter((seen) => seen.values('Proxy-Authorization').length > 0).length - 1];
      gateway.answer(invite, { body: peer?.answerSdp(invite.body) ?? '' });
      peer?.markAck();
      peer?.play({ kind: 'tone', hz: 440 });
    },
  });
  const gateway = await ScriptedGateway.start(handler);
  try {
    for (let n = 0; n < 2; n++) {
      peers.push(
        await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', waitForMaiden: false }),
      );
    }
    await writeFile(join(folder, 'password'), `${PASSWORD}\n`);
    await writeFile(join(folder, 'ca.crt'), ca.certificate);
    const options: SimulateOptions = {
      from: '+12195550714',
      to: '+12145551869',
      connect: { host: '127.0.0.1', port: gateway.port },
      hostname: HOSTNAME,
      caFile: join(folder, 'ca.crt'),
      passwordFile: join(folder, 'password'),
      keying: 'sdes',
      codecs: ['opus'],
      durationMs: 1500,
      calls: 1,
    };
    await body({ gateway, options, peers });
  } finally {
    for (const peer of peers) await peer.close();
    await gateway.close();
    await rm(folder, { recursive: true });
  }
}

test('a call is told with its ladder, what was heard, and what was broken', async () => {
  await withGateway(async ({ options, peers }) => {
    const lines: string[] = [];
    assert.equal(await runSimulator({ ...options, digits: '12#' }, (line) => lines.push(line)), true, lines.join('\n'));
    assert.match(lines[0] ?? '', /^call 1: answered after [\d.]+ ms, talked \d\.\d s; ended by user \(hangup, 200\)$/);
    assert.equal(lines.filter((line) => /(?:->|<-)/.test(line)).length, 8);
    const heard = lines.find((line) => line.startsWith('  heard:')) ?? '';
    assert.match(heard, /^ {2}heard: 4(?:39|40)\.\d Hz, purity (?:0\.9\d+|1\.000); opus, .* loss 0\.00 %, 1 SSRC/);
    assert.equal(lines.at(-1), '1 of 1 answered; rules of Meta broken in calls: none');
    assert.deepEqual(
      peers[0]?.digits().map(({ key }) => key),
      ['1', '2', '#'],
    );
  });
});

test('as JSON, the last line; several calls', async () => {
  await withGateway(async ({ options }) => {
    const lines: string[] = [];
    await runSimulator({ ...options, json: true, calls: 2, durationMs: 300 }, (line) => lines.push(line));
    const result = JSON.parse(lines.at(-1) ?? '') as {
      calls: { answered: boolean; ended: unknown }[];
      violations: string[];
    };
    assert.deepEqual(
      result.calls.map(({ answered }) => answered),
      [true, true],
    );
    assert.deepEqual(result.calls[0]?.ended, { by: 'user', cause: 'hangup', status: 200 });
    assert.deepEqual(result.violations, []);
  });
});

test('a certificate that does not verify is told and fails the run', async () => {
  await withGateway(async ({ options }) => {
    const lines: string[] = [];
    assert.equal(await runSimulator({ ...options, hostname: 'other.example.com' }, (line) => lines.push(line)), false);
    assert.match(lines[0] ?? '', /^call 1: not answered; ended by meta \(tls-hostname/);
    assert.match(lines.join('\n'), /broken: tls-hostname .* Meta: No INVITE ever arrives\./);
  });
});

test('aborting hangs up at once', async () => {
  await withGateway(async ({ gateway, options }) => {
    const controller = new AbortController();
    const run = runSimulator({ ...options, durationMs: 60_000 }, () => undefined, controller.signal);
    await gateway.message('ACK', 1);
    controller.abort();
    await run;
    await gateway.message('BYE');
  });
});

test('options that make no sense are named', async () => {
  await withGateway(async ({ options }) => {
    const wrong: [Partial<SimulateOptions>, RegExp][] = [
      [{ to: '12145551869' }, /^--to: found "12145551869", allowed a number such as \+12145551869$/],
      [{ from: 'me' }, /^--from: found "me"/],
      [{ calls: 0 }, /^--calls: found "0", allowed 1 to 200$/],
      [{ durationMs: -1 }, /^--duration: found "-1"/],
      [{ digits: '1x' }, /^--digits: found "1x"/],
      [{ passwordFile: '/nowhere' }, /^--password-file: cannot read "\/nowhere": ENOENT/],
    ];
    for (const [part, message] of wrong) {
      await assert.rejects(
        runSimulator({ ...options, ...part }, () => undefined),
        (error: Error) => {
          assert.ok(error instanceof SimulateOptionError);
          assert.match(error.message, message);
          return true;
        },
      );
    }
  });
});
