import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { requireComponent } from '../../../../lab/components/index.js';
import { type Rtpengine, startRtpengine } from '../../../../lab/processes/rtpengine.js';
import { createMediaPeer, createMediaShare, type Codec, type Keying } from '../../../../simulator/media/index.js';
import type { MediaReport } from '../../../../simulator/media/types.js';
import { type PlainSide, plainSide } from '../../media/plain-side.js';
import { desk } from './scripted-caller.js';

/** Calls of the business with a real rtpengine on the gateway's side: the user answers its offer. */

const USER_HZ = 440;
const PBX_HZ = 620;

describe('the user as answerer', { concurrency: 2 }, () => {
  const share = createMediaShare();
  let rtpengine: Rtpengine;

  before(async () => {
    rtpengine = await startRtpengine({ component: requireComponent('rtpengine-26') });
  });
  after(async () => {
    await rtpengine.close();
    share.close();
  });

  const cases: { keying: Keying; pbx: Codec; codecs: Codec[] }[] = [
    { keying: 'dtls', pbx: 'PCMA', codecs: ['opus'] },
    { keying: 'sdes', pbx: 'PCMA', codecs: ['opus'] },
    { keying: 'dtls', pbx: 'opus', codecs: ['opus'] },
    { keying: 'sdes', pbx: 'PCMA', codecs: ['opus', 'PCMA'] },
  ];

  for (const { keying, pbx, codecs } of cases) {
    test(`${keying}, ${pbx} to ${codecs.join(' and ')}: tones and keys both ways`, async () => {
      const plain = await plainSide(share, pbx, PBX_HZ);
      await desk(
        async ({ edge, caller }) => {
          let heard!: () => void;
          const firstPacket = new Promise<void>((resolve) => (heard = resolve));
          edge.onBusinessCall(async () => {
            const media = await createMediaPeer({ keying, codecs, address: '127.0.0.1', share });
            media.play({ kind: 'tone', hz: USER_HZ });
            media.once('firstPacket', heard);
            return { kind: 'answer', media, afterMs: 100 };
          });
          const next = edge.nextBusinessCall();
          const gateway = await offerFor(rtpengine, plain, keying, pbx);
          await caller.call([], undefined, gateway.offer);
          const ok = await caller.response(200);
          await gateway.answered(ok.body);
          caller.inDialog('ACK', ok);
          const call = await next;
          assert.equal((await call.answered)?.sdp, ok.body);
          await firstPacket;
          await wait(2300); // a second of tone after the half a second that Opus takes to settle
          await plain.sender.sendDigits('56', { durationMs: 120, gapMs: 80 });
          await wait(150);
          caller.inDialog('BYE', ok);
          assert.deepEqual(await call.ended, { by: 'business', cause: 'hangup' });
          judge(await call.report(), codecs.includes(pbx) ? pbx : 'opus', keying);
          assert.deepEqual(edge.violations, []);
        },
        { keying, codecs },
      );
      const { tone } = plain.heard();
      assert.ok(Math.abs((tone?.hz ?? 0) - USER_HZ) < 1, `the PBX heard ${tone?.hz} Hz`);
      await plain.close();
    });
  }

  test('no media after the ACK: Meta hangs up at its limit', async () => {
    await desk(async ({ edge, caller, gateway }) => {
      edge.onBusinessCall(async () => ({
        kind: 'answer',
        media: await createMediaPeer({
          ...{ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', share },
          limits: { startMs: 200, gapMs: 200 },
        }),
      }));
      const next = edge.nextBusinessCall();
      await caller.talk();
      assert.deepEqual(await (await next).ended, { by: 'meta', cause: 'media-start-timeout', status: 200 });
      assert.match((await gateway.message('BYE')).values('Reason')[0] ?? '', /not receiving any media/);
    });
  });
});

function judge(report: MediaReport | undefined, codec: Codec, keying: Keying): void {
  assert.ok(report);
  assert.ok(Math.abs((report.hz ?? 0) - PBX_HZ) < 1, `heard ${report.hz} Hz`);
  assert.ok((report.purity ?? 0) > 0.95, `purity ${report.purity}`);
  assert.deepEqual([report.codec, report.loss, report.ssrcs, report.violations], [codec, 0, 1, []]);
  assert.ok(report.firstAudioMs !== undefined && report.largestGapMs !== undefined);
  assert.equal(report.digits.map(({ key }) => key).join(''), '56');
  assert.deepEqual([...new Set(report.digits.map(({ via }) => via))], ['rfc4733']);
  assert.equal(report.dtls?.dtlsDoneMs !== undefined, keying === 'dtls');
}

interface Offered {
  readonly offer: string;
  readonly answered: (sdp: string) => Promise<void>;
}

/** What a gateway does on its side: rtpengine's offer to Meta, and later Meta's answer for the PBX. */
async function offerFor(rtpengine: Rtpengine, plain: PlainSide, keying: Keying, pbx: Codec): Promise<Offered> {
  const call = { 'call-id': randomUUID(), 'from-tag': 'pbx' };
  const offer = await rtpengine.ng({
    command: 'offer',
    ...call,
    sdp: plain.offer(),
    'rtcp-mux': ['offer', 'require'],
    ...(pbx === 'opus' ? {} : { codec: { transcode: ['opus/48000/2'] } }),
    ...(keying === 'dtls'
      ? { 'transport-protocol': 'UDP/TLS/RTP/SAVPF', ICE: 'force', flags: ['SDES-off'] }
      : {
          'transport-protocol': 'RTP/SAVP',
          ICE: 'remove',
          DTLS: 'off',
          SDES: ['only-AES_CM_128_HMAC_SHA1_80'],
        }),
  });
  const answered = async (sdp: string): Promise<void> => {
    const answer = await rtpengine.ng({
      ...{ command: 'answer', ...call, 'to-tag': 'user', sdp },
      ...{ 'transport-protocol': 'RTP/AVP', ICE: 'remove', 'rtcp-mux': ['demux'] },
    });
    plain.take(sdpOf(answer));
  };
  return { offer: sdpOf(offer), answered };
}

function sdpOf(answer: Awaited<ReturnType<Rtpengine['ng']>>): string {
  if (answer.result !== 'ok' || typeof answer.sdp !== 'string') throw new Error(JSON.stringify(answer));
  return answer.sdp;
}
