/** What every supported rtpengine must hold; one test file a version runs it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PAIRS, runGate } from '../../bench/media/gate.js';
import { MediaFailure, type UserCallMedia } from '../../gateway/media/port.js';
import { requireComponent } from '../../lab/components/index.js';
import { type Rtpengine, startRtpengine } from '../../lab/processes/index.js';
import { createMediaShare } from '../../simulator/media/index.js';
import { call, eventually, mediaOn } from './helpers.js';
import { DTLS_OFFER, PBX_ANSWER } from './offers.js';

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
          assertKeys(atUser.digits, '5678', 120, name);
          assertKeys(atPbx.digits, '1234#', 100, name);
        }
      } finally {
        share.close();
        await media.close();
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
): void {
  assert.equal(digits.map((d) => d.key).join(''), keys, name);
  for (const digit of digits) {
    assert.equal(digit.via, 'rfc4733', name);
    assert.ok(Math.abs(digit.durationMs - durationMs) <= 20, `${name}: ${digit.key} lasted ${digit.durationMs} ms`);
  }
}
