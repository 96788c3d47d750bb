import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { requireComponent } from '../../../lab/components/index.js';
import { type Rtpengine, startRtpengine } from '../../../lab/processes/rtpengine.js';
import {
  type Codec,
  createMediaPeer,
  createMediaShare,
  type Keying,
  type MediaPeer,
  type MediaReport,
} from '../../../simulator/media/index.js';
import { type PlainSide, plainSide } from './plain-side.js';

/** The peer's wire against a real rtpengine: what Meta's stand-in says must be what a stranger understands. */

const USER_HZ = 440;
const PBX_HZ = 620;

describe('media peer and rtpengine', { concurrency: 4 }, () => {
  const share = createMediaShare();
  let rtpengine: Rtpengine;

  before(async () => {
    rtpengine = await startRtpengine({ component: requireComponent('rtpengine-26') });
  });
  after(async () => {
    await rtpengine.close();
    share.close();
  });

  const cases: { keying: Keying; user: Codec; pbx: Codec; early?: boolean }[] = [
    { keying: 'dtls', user: 'opus', pbx: 'PCMA' },
    { keying: 'dtls', user: 'opus', pbx: 'opus', early: true },
    { keying: 'sdes', user: 'opus', pbx: 'PCMA' },
    { keying: 'sdes', user: 'PCMA', pbx: 'PCMA' },
  ];

  for (const { keying, user, pbx, early = false } of cases) {
    test(`${keying}, ${user} to ${pbx}${early ? ', early ClientHello' : ''}: tones and keys both ways`, async () => {
      const peer = await createMediaPeer({
        keying,
        codecs: user === 'opus' ? ['opus'] : [user, 'opus'],
        address: '127.0.0.1',
        earlyClientHello: early,
        share,
      });
      const plain = await plainSide(share, pbx, PBX_HZ);
      try {
        peer.play({ kind: 'tone', hz: USER_HZ });
        const faults = await connect(rtpengine, peer, plain, keying, pbx);
        assert.deepEqual(faults, []);
        const firstPacket = new Promise<void>((resolve) => peer.once('firstPacket', resolve));
        peer.markAck();
        await firstPacket;
        // A second of tone on both sides, after the half a second that an Opus stream joined in mid-way takes to settle.
        await wait(2300);
        await Promise.all([
          peer.sendDigits('1234#', { durationMs: 100, gapMs: 60 }),
          // rtpengine turns events toward a transcoded Opus leg into tones
          plain.sender.sendDigits('56', { durationMs: 120, gapMs: 80 }),
        ]);
        await wait(150);
        peer.markEnd();
        const report = await peer.report();
        judgePeer(report, early, keying);
        judgePlain(plain);
        assert.equal(report.digits.map((d) => d.key).join(''), '56');
        const via = user === pbx ? 'rfc4733' : 'inband';
        assert.deepEqual([...new Set(report.digits.map((d) => d.via))], [via]);
      } finally {
        await peer.close();
        await plain.close();
      }
    });
  }

  test('a certificate that is not the one of the SDP: no media, and a violation', async (t) => {
    const peer = await createMediaPeer({
      keying: 'dtls',
      codecs: ['opus'],
      address: '127.0.0.1',
      earlyClientHello: true,
      share,
    });
    t.after(() => peer.close());
    const plain = await plainSide(share, 'opus', PBX_HZ);
    t.after(() => plain.close());
    const violation = once(peer, 'violation', { signal: AbortSignal.timeout(10_000) });
    const swap = (sdp: string): string => sdp.replace(/(a=fingerprint:sha-256 )../, '$100');
    assert.deepEqual(await connect(rtpengine, peer, plain, 'dtls', 'opus', swap), []);
    peer.markAck();
    assert.deepEqual(await violation, ['fingerprint']);
    await wait(100);
    const counters = peer.counters();
    assert.ok(counters.dtls?.dtlsDoneMs !== undefined);
    assert.deepEqual([counters.packetsSent, counters.firstAudioMs], [0, undefined]);
  });
});

function judgePeer(report: MediaReport, early: boolean, keying: Keying): void {
  assert.ok(Math.abs((report.hz ?? 0) - PBX_HZ) < 1, `heard ${report.hz} Hz`);
  assert.ok((report.purity ?? 0) > 0.95, `purity ${report.purity}`);
  assert.equal(report.loss, 0);
  assert.equal(report.ssrcs, 1);
  assert.deepEqual(report.violations, []);
  assert.ok((report.largestSureGapMs ?? 0) <= (report.largestGapMs ?? 0));
  assert.ok(report.firstAudioMs !== undefined && report.firstToneMs !== undefined);
  assert.ok(report.firstToneMs >= report.firstAudioMs);
  if (keying === 'sdes') {
    assert.equal(report.dtls, undefined);
    return;
  }
  const dtls = report.dtls!;
  assert.ok(
    dtls.iceNominatedMs !== undefined && dtls.dtlsDoneMs !== undefined && dtls.clientHelloFirstMs !== undefined,
  );
  if (early) assert.equal(dtls.clientHellosDropped, 0);
  else assert.ok(dtls.dtlsDoneMs > dtls.iceNominatedMs);
}

function judgePlain(plain: PlainSide): void {
  const { tone } = plain.heard();
  assert.ok(Math.abs((tone?.hz ?? 0) - USER_HZ) < 1, `PBX heard ${tone?.hz} Hz`);
  assert.ok((tone?.purity ?? 0) > 0.95, `PBX purity ${tone?.purity}`);
  assert.equal(plain.loss(), 0);
  assert.equal(plain.digits.map((d) => d.key).join(''), '1234#');
  for (const digit of plain.digits) assert.ok(Math.abs(digit.durationMs - 100) <= 20, `${digit.durationMs} ms`);
}

/** What a gateway does between the two: offer, answer, and telephone-event put back where transcoding removed it. */
async function connect(
  rtpengine: Rtpengine,
  peer: MediaPeer,
  plain: PlainSide,
  keying: Keying,
  pbx: Codec,
  change = (sdp: string): string => sdp,
): Promise<readonly unknown[]> {
  const call = { 'call-id': randomUUID(), 'from-tag': 'user' };
  const offer = await rtpengine.ng({
    command: 'offer',
    ...call,
    sdp: peer.offerSdp(),
    'transport-protocol': 'RTP/AVP',
    ICE: 'remove',
    'rtcp-mux': ['demux'],
    ...(pbx === 'opus' ? {} : { codec: { transcode: [pbx] } }),
  });
  const answer = await rtpengine.ng({
    command: 'answer',
    ...call,
    'to-tag': 'pbx',
    sdp: plain.answer(sdpOf(offer)),
    ...(keying === 'dtls'
      ? { 'transport-protocol': 'UDP/TLS/RTP/SAVPF', ICE: 'force', flags: ['SDES-off'] }
      : { 'transport-protocol': 'RTP/SAVP', ICE: 'remove', DTLS: 'off' }),
  });
  const sdp = sdpOf(answer);
  const repaired = sdp.includes('telephone-event/8000')
    ? sdp
    : sdp.replace(/^(m=audio .*)$/m, '$1 126').trimEnd() + '\r\na=rtpmap:126 telephone-event/8000\r\n';
  return peer.setAnswer(change(repaired));
}

function sdpOf(answer: Awaited<ReturnType<Rtpengine['ng']>>): string {
  if (answer.result !== 'ok' || typeof answer.sdp !== 'string') throw new Error(JSON.stringify(answer));
  return answer.sdp;
}
