/** What every supported rtpengine must hold; one test file a version runs it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { BUSINESS_PAIRS, runBusinessGate } from '../../bench/media/business-gate.js';
import { type GateResult, PAIRS, pass, runGate } from '../../bench/media/gate.js';
import { ScriptedPbx } from '../../bench/media/scripted-pbx.js';
import {
  MediaFailure,
  type BusinessCallMedia,
  type MediaPort,
  type MediaTrouble,
  type UserCallMedia,
} from '../../gateway/media/port.js';
import { requireComponent } from '../../lab/components/index.js';
import { type Rtpengine, startRtpengine } from '../../lab/processes/index.js';
import { createMediaPeer, createMediaShare } from '../../simulator/media/index.js';
import { businessCall, call, eventually, mediaOn as mediaWithin } from './helpers.js';
import { DTLS_OFFER, PBX_ANSWER, PBX_OFFER } from './offers.js';

/**
 * Six calls at once beside other tests: silence takes the place of what comes late, and how much does is the machine's
 * doing. So packets that are all tone are counted here; how pure a whole second is, the demo measures.
 */
const TONE_MS = 1000;

/** How fast the node is on a busy machine is not what is tested here. */
const COMMAND_LIMIT_MS = 5000;
const mediaOn = (ports: readonly number[], instance = 'test', silenceMs = 5000): MediaPort =>
  mediaWithin(ports, instance, silenceMs, COMMAND_LIMIT_MS);

export function mediaSuite(version: 'rtpengine-26' | 'rtpengine-10'): void {
  describe(version, () => {
    let rtpengine: Rtpengine;
    before(async () => {
      rtpengine = await startRtpengine({ component: requireComponent(version), mediaPorts: 200 });
    });
    after(() => rtpengine.close());

    test('holds the gate for all six pairs: one stream, tones, keys both ways, each once', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const share = createMediaShare();
      try {
        const open = async (request: Omit<UserCallMedia, 'onLost' | 'signal'>) => {
          const session = await media.openUserCall(call(request.id, request));
          return {
            pbxOffer: session.pbxOffer,
            answer: (sdp: string) => session.answer(sdp),
            start: () => Promise.resolve(session.start()),
            close: async () => void (await session.close()),
          };
        };
        const play = () =>
          Promise.all(PAIRS.map((pair) => runGate({ pair, share, open, earlyClientHello: false, holdMs: 1000 })));
        await unlessStalled(play, (results) => {
          for (const [i, { atUser, atPbx }] of results.entries()) {
            const name = Object.values(PAIRS[i] ?? {}).join(' ');
            assert.equal(atUser.ssrcs, 1, name);
            assert.deepEqual(atUser.violations, [], name);
            assertTone(atUser, 620, `${name}, user`);
            assertTone(atPbx, 440, `${name}, PBX`);
            assertKeys(atUser.digits, '5678', 120, name, atUser.ownStallMs);
            assertKeys(atPbx.digits, '1234#', 100, name);
          }
        });
      } finally {
        share.close();
        await media.close();
      }
    });

    test('holds the gate for calls of the PBX that holds, changes codec and moves: one stream, tones, keys once', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const share = createMediaShare();
      try {
        const open = async (request: Omit<BusinessCallMedia, 'onLost' | 'signal'>) => {
          const session = await media.openBusinessCall(businessCall(request.id, request));
          return {
            whatsappOffer: session.whatsappOffer,
            ringback: () => session.ringback(),
            answer: (sdp: string) => session.answer(sdp),
            start: () => Promise.resolve(session.start()),
            pbxOffers: (sdp: string) => session.pbxOffers(sdp),
            sendKey: (key: string, ms: number) => Promise.resolve(session.sendKey(key, ms)),
            close: async () => void (await session.close()),
          };
        };
        const play = () =>
          Promise.all(
            BUSINESS_PAIRS.map((pair) => runBusinessGate({ pair, share, open, earlyClientHello: false, holdMs: 500 })),
          );
        await unlessStalled(play, (results) => {
          for (const [i, { atUser, atPbx, directions, versions }] of results.entries()) {
            const name = Object.values(BUSINESS_PAIRS[i] ?? {}).join(' ');
            assert.equal(atUser.ssrcs, 1, name);
            assert.deepEqual(atUser.violations, [], name);
            assert.equal(atUser.dtls?.clientHellosDropped ?? 0, 0, name);
            assertTone(atUser, 620, `${name}, user`);
            assertTone(atPbx, 440, `${name}, PBX`);
            assertKeys(atUser.digits, '5678900', 120, name, atUser.ownStallMs);
            assertKeys(atPbx.digits, '1234#*', 100, name);
            assert.deepEqual(directions, ['sendrecv', 'recvonly', 'sendrecv', 'recvonly', 'sendrecv'], name);
            assert.deepEqual(versions, [1, 2, 3, 4, 5], name);
          }
        });
      } finally {
        share.close();
        await media.close();
      }
    });

    test('a call of the PBX is gone from the node when it is closed, unanswered too; nothing is left of a refused one', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const session = await media.openBusinessCall(businessCall('unanswered'));
      assert.match(session.whatsappOffer, /m=audio \d+ RTP\/SAVP \d+ 126\r\n/);
      assert.equal((await rtpengine.sessions()).length, 1);
      await session.close();
      assert.deepEqual(await rtpengine.sessions(), []);
      await assert.rejects(
        media.openBusinessCall(businessCall('g729', { pbxOffer: PBX_OFFER.replace('8 0 101', '18') })),
        (error) => error instanceof MediaFailure && error.kind === 'sdp' && /has G729|type 18/.test(error.message),
      );
      const refused = await media.openBusinessCall(businessCall('refused'));
      await assert.rejects(
        refused.answer(refused.whatsappOffer.replace(/m=audio \d+/, 'm=audio 0')),
        (error) => error instanceof MediaFailure && error.kind === 'sdp',
      );
      await media.close();
      assert.deepEqual(await rtpengine.sessions(), []);
    });

    test('an INVITE without SDP: our offer goes out with the 200, the answer comes with the ACK', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const peer = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1' });
      const share = createMediaShare();
      const pbx = await ScriptedPbx.create('PCMU', share);
      try {
        const session = await media.openBusinessCall(
          businessCall('late', { pbxOffer: undefined, pbxCodecs: ['PCMA', 'PCMU'] }),
        );
        await assert.rejects(session.ringback(), (error) => error instanceof MediaFailure && error.kind === 'sdp');
        const offer = await session.answer(peer.answerSdp(session.whatsappOffer));
        assert.match(offer, /m=audio \d+ RTP\/AVP 8 0 101\r\n/);
        session.start();
        peer.markAck();
        peer.play({ kind: 'tone', hz: 440 });
        await once(peer, 'firstPacket');
        await session.pbxAnswers(pbx.answer(offer));
        pbx.speak({ kind: 'tone', hz: 620 });
        await pass(3000);
        peer.markEnd();
        const [atUser, atPbx] = [await peer.report(), await pbx.report()];
        assertTone(atUser, 620, 'user');
        assertTone(atPbx, 440, 'PBX');
        assert.deepEqual(atUser.violations, []);
        assert.equal(atUser.ssrcs, 1);
      } finally {
        await media.close();
        await peer.close();
        pbx.close();
        share.close();
      }
    });

    test('where Meta takes no events, keys become tones', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const peer = await createMediaPeer({
        keying: 'sdes',
        codecs: ['opus'],
        address: '127.0.0.1',
        telephoneEvent: false,
      });
      const share = createMediaShare();
      const pbx = await ScriptedPbx.create('PCMA', share);
      try {
        const session = await media.openUserCall(call('tones', { whatsappOffer: peer.offerSdp() }));
        peer.setAnswer(await session.answer(pbx.answer(session.pbxOffer)));
        session.start();
        peer.markAck();
        await once(peer, 'firstPacket');
        pbx.speak({ kind: 'silence' });
        await pbx.sendDigits('147');
        session.sendKey('#', 120);
        let { digits } = await peer.report();
        for (const limit = performance.now() + 10_000; digits.length < 4 && performance.now() < limit;) {
          await pass(500);
          ({ digits } = await peer.report());
        }
        await pass(300); // a key too many would come now
        peer.markEnd();
        ({ digits } = await peer.report());
        assert.equal(digits.map((d) => d.key).join(''), '147#');
        assert.ok(digits.every((d) => d.via === 'inband'));
      } finally {
        await media.close();
        await peer.close();
        pbx.close();
        share.close();
      }
    });

    test('a silent side is reported once, and once that it is heard again; on hold the PBX may be silent', async () => {
      const media = mediaOn([rtpengine.ngPort], 'watched', 400);
      const peer = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1' });
      const share = createMediaShare();
      const pbx = await ScriptedPbx.create('PCMA', share);
      const troubles: MediaTrouble[] = [];
      try {
        const onTrouble = (trouble: MediaTrouble): void => void troubles.push(trouble);
        const pbxOffer = pbx.offer('PCMA');
        const session = await media.openBusinessCall(businessCall('watched', { pbxOffer, onTrouble }));
        pbx.agree(await session.answer(peer.answerSdp(session.whatsappOffer)));
        session.start();
        peer.markAck();
        await eventually('the PBX is missed', () => troubles.length > 0);
        const { silentMs, ...missed } = troubles[0]!;
        assert.deepEqual(missed, { kind: 'no-audio', from: 'pbx', oneWay: true, present: true });
        assert.ok(silentMs >= 400, `${silentMs}`);
        pbx.speak({ kind: 'silence' });
        await eventually('the PBX is heard', () => troubles.length > 1);
        assert.equal(troubles[1]?.present, false);
        pbx.agree(await session.pbxOffers(pbx.offer('PCMA', 'inactive')));
        pbx.silence();
        await pass(1200);
        assert.equal(troubles.length, 2);
        await peer.close();
        await eventually('WhatsApp is missed', () => troubles.length > 2);
        assert.deepEqual([troubles[2]?.from, troubles[2]?.oneWay], ['whatsapp', false]);
      } finally {
        await media.close();
        await peer.close();
        pbx.close();
        share.close();
      }
    });

    test('a session is gone from the node when it is closed, with its figures', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const session = await media.openUserCall(call('figures'));
      assert.match(await session.answer(PBX_ANSWER), /m=audio \d+ RTP\/SAVP 111 126/);
      assert.equal(media.sessions, 1);
      session.start();
      const [first, second] = await Promise.all([session.close(), session.close()]);
      assert.deepEqual(first, second);
      assert.deepEqual(first?.fromWhatsApp, { packets: 0, bytes: 0, errors: 0 });
      assert.deepEqual(await rtpengine.sessions(), []);
      assert.equal(media.sessions, 0);
      await media.close();
    });

    test('a call that goes away while the offer is pending leaves nothing behind', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const gone = new AbortController();
      const opening = media.openUserCall(call('gone', { signal: gone.signal }));
      gone.abort();
      await assert.rejects(opening, (error) => error instanceof MediaFailure && error.kind === 'aborted');
      await eventually('the session is deleted', async () => (await rtpengine.sessions()).length === 0);
      await media.close();
    });

    test('an answer that fails leaves a session that can still be closed', async () => {
      const media = mediaOn([rtpengine.ngPort]);
      const session = await media.openUserCall(call('refusing', { whatsappOffer: DTLS_OFFER, keying: 'dtls' }));
      await assert.rejects(
        session.answer(PBX_ANSWER.replace('m=audio 9', 'm=audio 0')),
        (error) => error instanceof MediaFailure && error.kind === 'sdp',
      );
      await media.close();
      assert.deepEqual(await rtpengine.sessions(), []);
    });

    test("what an earlier run left is deleted, other gateways' sessions are not; its owner hears of it", async () => {
      const [earlier, other, later] = [
        mediaOn([rtpengine.ngPort]),
        mediaOn([rtpengine.ngPort], 'other'),
        mediaOn([rtpengine.ngPort]),
      ];
      const lost = new Promise<string>((resolve) => {
        void earlier.openUserCall(call('orphan', { onLost: resolve }));
      });
      await other.openUserCall(call('foreign'));
      await eventually('both sessions are there', async () => (await rtpengine.sessions()).length === 2);
      assert.equal(await later.deleteOrphans(), 1);
      assert.equal((await rtpengine.sessions()).length, 1);
      assert.match(await lost, /lost the session/);
      await Promise.all([earlier, other, later].map((media) => media.close()));
    });
  });
}

/** More than this, and the machine, not what is tested, decides what comes in time. */
const STALL_MS = 60;
const ATTEMPTS = 3;
/** Of one gate, so that both end within the time of a test file. */
const LAST_BEGIN_MS = 60_000;

/** Judges what was played. A run in which this process was held up for long says nothing against it, and is played again. */
async function unlessStalled<R extends GateResult>(
  play: () => Promise<readonly R[]>,
  judge: (results: readonly R[]) => void,
): Promise<void> {
  const began = performance.now();
  for (let attempt = 1; ; attempt++) {
    const results = await play();
    try {
      return judge(results);
    } catch (error) {
      const stallMs = Math.max(...results.map(({ atUser }) => atUser.ownStallMs));
      const late = performance.now() - began > LAST_BEGIN_MS;
      if (attempt === ATTEMPTS || stallMs < STALL_MS || late) throw error;
    }
  }
}

function assertTone(
  heard: { readonly hz: number | undefined; readonly toneMs: number },
  hz: number,
  who: string,
): void {
  assert.ok(Math.abs((heard.hz ?? 0) - hz) < 0.01 * hz, `${who}: ${heard.hz} Hz`);
  assert.ok(heard.toneMs >= TONE_MS, `${who}: ${heard.toneMs} ms of ${hz} Hz`);
}

function assertKeys(
  digits: readonly { readonly key: string; readonly via: string; readonly durationMs: number }[],
  keys: string,
  durationMs: number,
  name: string,
  /** How long the PBX of this process was held up: its keys are judged by when their packets come. */
  stallMs = 0,
): void {
  assert.equal(digits.map((d) => d.key).join(''), keys, name);
  for (const digit of digits) {
    assert.equal(digit.via, 'rfc4733', name);
    assert.ok(
      Math.abs(digit.durationMs - durationMs) <= 20 + stallMs,
      `${name}: ${digit.key} lasted ${digit.durationMs} ms`,
    );
  }
}
