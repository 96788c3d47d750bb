import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  createMediaPeer,
  createMediaShare,
  type MediaPeer,
  type MediaPeerOptions,
} from '../../../simulator/media/index.js';
import { UdpPort } from '../../../simulator/media/udp.js';

/** The peer's own rules and life; the wire itself is tried against rtpengine. */

describe('media peer', () => {
  const share = createMediaShare();
  after(() => share.close());

  /** A peer that is closed with its test. */
  async function open(t: TestContext, options: Partial<MediaPeerOptions> = {}): Promise<MediaPeer> {
    const peer = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', share, ...options });
    t.after(() => peer.close());
    return peer;
  }

  async function socket(t: TestContext): Promise<UdpPort> {
    const port = await UdpPort.bind('127.0.0.1', 0, () => undefined);
    t.after(() => port.close());
    return port;
  }

  /** A user and a stand-in for the business, connected by SDES. */
  async function pair(t: TestContext, user: Partial<MediaPeerOptions> = {}): Promise<[MediaPeer, MediaPeer]> {
    const peers: [MediaPeer, MediaPeer] = [await open(t, user), await open(t, { waitForMaiden: false })];
    const faults = peers[0].setAnswer(peers[1].answerSdp(peers[0].offerSdp()));
    assert.deepEqual(faults, []);
    return peers;
  }

  test('the DTLS offer has the shape of Meta', async (t) => {
    const peer = await open(t, { keying: 'dtls' });
    const lines = peer.offerSdp().split('\r\n');
    const names = lines.map((line) => /^(a=[a-z-]+|.=)/.exec(line)?.[1]);
    assert.deepEqual(names, [
      ...['v=', 'o=', 's=', 't=', 'a=group', 'a=msid-semantic', 'a=ice-lite', 'm=', 'c=', 'a=rtcp'],
      ...['a=candidate', 'a=candidate', 'a=ice-ufrag', 'a=ice-pwd', 'a=fingerprint', 'a=setup', 'a=mid'],
      ...['a=sendrecv', 'a=msid', 'a=rtcp-mux', 'a=rtpmap', 'a=rtcp-fb', 'a=fmtp', 'a=rtpmap', 'a=maxptime'],
      ...['a=ptime', 'a=ssrc', undefined],
    ]);
    assert.ok(lines.includes(`m=audio ${peer.port} UDP/TLS/RTP/SAVPF 111 126`));
    assert.ok(lines.includes('a=setup:actpass'));
    const [v4, v6] = lines.filter((line) => line.startsWith('a=candidate')).map((line) => line.split(' '));
    assert.ok(Number(v6![3]) > Number(v4![3]) && v6![4]!.startsWith('2001:db8:'));
  });

  test('the SDES offer has a key and no ICE', async (t) => {
    const peer = await open(t, { codecs: ['opus', 'PCMA'], telephoneEvent: false });
    const sdp = peer.offerSdp();
    assert.match(sdp, /^m=audio \d+ RTP\/SAVP 111 8\r$/m);
    assert.match(sdp, /^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:[\w+/]{40}\r$/m);
    assert.doesNotMatch(sdp, /candidate|ice-|fingerprint|rtcp-fb|telephone-event/);
  });

  test("an answer keeps the offer's payload types and drops G.711 that is not enabled", async (t) => {
    const peer = await open(t);
    const key = Buffer.alloc(30, 1).toString('base64');
    const answer = peer.answerSdp(
      [
        'v=0',
        'm=audio 4000 RTP/SAVP 107 0 8 101',
        'c=IN IP4 127.0.0.1',
        'a=rtpmap:107 opus/48000/2',
        'a=rtpmap:101 telephone-event/8000',
        'a=mid:0',
        `a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${key}`,
      ].join('\r\n'),
    );
    assert.match(answer, /^m=audio \d+ RTP\/SAVP 107 101\r$/m);
    assert.match(answer, /^a=group:BUNDLE 0\r$/m);
    assert.match(answer, /^a=crypto:3 /m);
    for (const attribute of ['a=rtcp-mux', 'a=msid:', 'a=ssrc:']) assert.ok(answer.includes(attribute), attribute);
    assert.throws(() => peer.answerSdp('v=0\r\nm=audio 4000 RTP/SAVP 0\r\n'), /no codec/);
  });

  test('sends nothing before the ACK, nor before the business has spoken', async (t) => {
    const [user, business] = await pair(t);
    business.markAck();
    await once(user, 'firstPacket');
    assert.equal(user.counters().packetsSent, 0);
    user.markAck();
    await once(business, 'firstPacket');
    assert.deepEqual(business.violations, []);
  });

  test('media before the 200 is a violation', async (t) => {
    const user = await open(t);
    const early = await socket(t);
    early.send(Buffer.alloc(60, 0x80), user.port, '127.0.0.1');
    while (user.counters().packets === 0) await wait(5);
    await wait(60);
    user.setAnswer('v=0\r\n');
    assert.ok(user.violations.includes('media-before-200'));
  });

  test('no media after the ACK, and none in mid-call, each run into their timer', async (t) => {
    const limits = { startMs: 250, gapMs: 300 };
    const [silent, quiet] = [await open(t, { limits }), await pair(t, { limits })];
    silent.markAck();
    assert.deepEqual(await once(silent, 'timeout'), ['media-start-timeout']);
    assert.deepEqual(silent.violations, ['media-start-timeout']);

    const [user, business] = quiet;
    business.markAck();
    user.markAck();
    await once(user, 'firstPacket');
    await wait(450); // longer than both limits
    assert.deepEqual(user.violations, []);
    await business.close();
    assert.deepEqual(await once(user, 'timeout'), ['media-gap-timeout']);
  });

  test('several SSRCs, foreign payload types and wrong keys are reported', async (t) => {
    const [user, business] = await pair(t);
    user.markAck();
    business.markAck();
    await once(user, 'firstPacket');
    // Another SSRC, with no key that fits.
    const foreign = await socket(t);
    for (let n = 0; n < 3; n++) {
      const packet = Buffer.alloc(80, n);
      packet.writeUInt32BE(0x80640000 + n, 0);
      packet.writeUInt32BE(99, 8);
      foreign.send(packet, user.port, '127.0.0.1');
    }
    await wait(60);
    const report = user.counters();
    assert.equal(report.ssrcs, 2);
    assert.equal(report.undecryptable, 3);
    assert.deepEqual([...report.violations].sort(), ['several-ssrcs', 'srtp-auth']);
  });

  test('keys: wrong ones are refused, a close ends the wait, an odd length is exact', async (t) => {
    const [user, business] = await pair(t);
    await assert.rejects(user.sendDigits('1x'), /found "X"/);
    user.markAck();
    business.markAck();
    await once(business, 'firstPacket');
    const received = once(business, 'digit');
    await user.sendDigits('7', { durationMs: 130 });
    const [digit] = (await received) as [ReturnType<MediaPeer['digits']>[number]];
    assert.deepEqual([digit.key, digit.durationMs, digit.via], ['7', 130, 'rfc4733']);
    const unfinished = assert.rejects(user.sendDigits('12345'), /closed/);
    await user.close();
    await unfinished;
    await assert.rejects(user.sendDigits('1'), /closed/);
  });

  test('the report is there after close, and close can be called twice', async (t) => {
    const [user, business] = await pair(t);
    business.play({ kind: 'tone', hz: 620 });
    user.markAck();
    business.markAck();
    await wait(1300);
    user.markEnd();
    await Promise.all([user.close(), user.close()]);
    await user.close();
    const report = await user.report();
    assert.ok(Math.abs((report.hz ?? 0) - 620) < 1, `${report.hz}`);
    assert.ok((report.purity ?? 0) > 0.95);
    assert.ok(report.firstAudioMs !== undefined && report.firstAudioMs >= 0, `${report.firstAudioMs}`);
  });
});
