/** What every supported rtpengine must hold; one test file a version runs it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { BUSINESS_PAIRS, runBusinessGate } from '../../bench/media/business-gate.js';
import { PAIRS, pass, runGate } from '../../bench/media/gate.js';
import { ScriptedPbx } from '../../bench/media/scripted-pbx.js';
import {
  MediaFailure,
  type BusinessCallMedia,
  type MediaTrouble,
  type UserCallMedia,
} from '../../gateway/media/port.js';
import { requireComponent } from '../../lab/components/index.js';
import { type Rtpengine, startRtpengine } from '../../lab/processes/index.js';
import { createMediaPeer, createMediaShare } from '../../simulator/media/index.js';
import { businessCall, call, eventually, mediaOn } from './helpers.js';
import { DTLS_OFFER, PBX_ANSWER, PBX_OFFER } from './offers.js';

/** Six calls at once beside other tests: silence may take the place of what comes late. The demo measures quality. */
const PURITY = 0.7;

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
        const results = await Promise.all(
          PAIRS.map((pair) => runGate({ pair, share, open, earlyClientHello: false, holdMs: 1000 })),
        );
        for (const [i, { atUser, atPbx }] of results.entries()) {
          const name = Object.values(PAIRS[i] ?? {}).join(' ');
          assert.equal(atUser.ssrcs, 1, name);
          assert.deepEqual(atUser.violations, [], name);
          assert.ok((atUser.purity ?? 0) > PURITY && Math.abs((atUser.hz ?? 0) - 620) < 6, `${name}: ${atUser.purity}`);
          assert.ok((atPbx.purity ?? 0) > PURITY && Math.abs((atPbx.hz ?? 0) - 440) < 4, `${name}: ${atPbx.purity}`);
          assertKeys(atUser.digits, '5678', 120, name, atUser.ownStallMs);
          assertKeys(atPbx.digits, '1234#', 100, name);
        }
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
        const results = await Promise.all(
          BUSINESS_PAIRS.map((pair) => runBusinessGate({ pair, share, open, earlyClientHello: false, holdMs: 500 })),
        );
        for (const [i, { atUser, atPbx, directions, versions }] of results.entries()) {
          const name = Object.values(BUSINESS_PAIRS[i] ?? {}).join(' ');
          assert.equal(atUser.ssrcs, 1, name);
          assert.deepEqual(atUser.violations, [], name);
          assert.equal(atUser.dtls?.clientHellosDropped ?? 0, 0, name);
          assert.ok((atUser.purity ?? 0) > PURITY && Math.abs((atUser.hz ?? 0) - 620) < 6, `${name}: ${atUser.purity}`);
          assert.ok((atPbx.purity ?? 0) > PURITY && Math.abs((atPbx.hz ?? 0) - 440) < 4, `${name}: ${atPbx.purity}`);
          assertKeys(atUser.digits, '5678900', 120, name, atUser.ownStallMs);
          assertKeys(atPbx.digits, '1234#*', 100, name);
          assert.deepEqual(directions, ['sendrecv', 'recvonly', 'sendrecv', 'recvonly', 'sendrecv'], name);
          assert.deepEqual(versions, [1, 2, 3, 4, 5], name);
        }
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
        await pass(3000); // the best second counts
        peer.markEnd();
        const [atUser, atPbx] = [await peer.report(), await pbx.report()];
        assert.ok(Math.abs((atUser.hz ?? 0) - 620) < 6 && (atUser.purity ?? 0) > PURITY, `${atUser.purity}`);
        assert.ok(Math.abs((atPbx.hz ?? 0) - 440) < 6 && (atPbx.purity ?? 0) > PURITY, `${atPbx.purity}`);
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
        await pass(500);
        peer.markEnd();
        const { digits } = await peer.report();
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
