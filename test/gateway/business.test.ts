/** Calls from a PBX to WhatsApp, through a real rtpengine; a phone stands for the PBX, so that each message is the test's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaLess, REFUSALS, type BusinessCall, type RefusalId } from '../../simulator/index.js';
import { createMediaPeer, createMediaShare } from '../../simulator/media/index.js';
import { header } from '../../simulator/sip/sip-text.js';
import { Phone } from '../../lab/phone/phone.js';
import { nothingLeft, startBench, type Bench } from './support.js';

const NUMBER = { number: '+15550001000', extension: '607', keying: 'sdes' } as const;
const DTLS_NUMBER = { number: '+15550001001', extension: '607', keying: 'dtls' } as const;
const USER = '+12195550714';
const [USER_HZ, PBX_HZ] = [440, 620];

async function pbx(bench: Bench, from: string = NUMBER.number): Promise<Phone> {
  const peer = { address: '127.0.0.1', port: bench.pbxPort };
  return Phone.open({ user: from, address: '127.0.0.1', peer, hz: PBX_HZ });
}

test('business calls', { timeout: 90_000 }, async (t) => {
  const bench = await startBench(t, { numbers: [NUMBER, DTLS_NUMBER] });
  const share = createMediaShare();
  t.after(() => share.close());
  const phone = await pbx(bench);
  t.after(() => phone.close());

  const answered = async (): Promise<{ meta: BusinessCall; call: Awaited<ReturnType<Phone['call']>> }> => {
    bench.edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) }));
    const coming = bench.edge.nextBusinessCall(USER);
    const call = await phone.call(USER);
    const meta = await coming;
    assert.equal(await call.answered, true);
    return { meta, call };
  };

  for (const number of [NUMBER, DTLS_NUMBER]) {
    await t.test(`both hear each other, ${number.keying}`, async () => {
      const from = await pbx(bench, number.number);
      try {
        const media = await createMediaPeer({ keying: number.keying, codecs: ['opus'], address: '127.0.0.1', share });
        media.play({ kind: 'tone', hz: USER_HZ });
        bench.edge.onBusinessCall(() => ({ kind: 'answer', media, afterMs: 50 }));
        const coming = bench.edge.nextBusinessCall(USER);
        const call = await from.call(USER);
        const meta = await coming;
        assert.equal(await call.answered, true);
        await call.media.hears(USER_HZ);
        await new Promise((resolve) => setTimeout(resolve, 1500));
        await call.hangup();
        const ended = await meta.ended;
        assert.equal(ended.by, 'business');
        const report = await meta.report();
        assert.ok(Math.abs((report?.hz ?? 0) - PBX_HZ) < 7, `the user heard ${report?.hz} Hz`);
        assert.equal(report?.ssrcs, 1);
        assert.deepEqual(meta.violations, []);
        assert.deepEqual(report.violations, []);
      } finally {
        await from.close();
      }
      await nothingLeft(bench);
    });
  }

  await t.test('the user hangs up', async () => {
    const { meta, call } = await answered();
    await meta.hangup();
    assert.equal((await call.ended).by, 'peer');
    await nothingLeft(bench);
  });

  await t.test('the PBX gives up while it rings', async () => {
    bench.edge.onBusinessCall(() => ({ kind: 'ring' }));
    const coming = bench.edge.nextBusinessCall(USER);
    const call = await phone.call(USER);
    const meta = await coming;
    assert.equal(await meta.ringing, 180);
    await call.hangup();
    assert.equal((await meta.ended).cause, 'cancelled');
    assert.deepEqual(meta.violations, []);
    await nothingLeft(bench);
  });

  await t.test('a CANCEL that crosses the 200 leaves no ghost', async () => {
    bench.edge.onBusinessCall(() => ({
      ...{ kind: 'answer', media: mediaLess({ keying: 'sdes' }), afterMs: 60_000, crossesCancel: true },
    }));
    const coming = bench.edge.nextBusinessCall(USER);
    const call = await phone.call(USER);
    const meta = await coming;
    await meta.ringing;
    await call.hangup();
    assert.equal((await meta.ended).by, 'business');
    assert.deepEqual(meta.violations, []);
    await nothingLeft(bench);
  });

  for (const id of Object.keys(REFUSALS) as RefusalId[]) {
    await t.test(`refused: ${id}`, async () => {
      bench.edge.onBusinessCall(() => ({ kind: 'refuse', refusal: id }));
      const call = await phone.call(USER);
      assert.equal(await call.answered, false);
      const { message } = await call.ended;
      assert.equal(message && header(message, 'x-wa-error'), id, message?.startLine);
      assert.ok(message?.startLine.endsWith(`(${id})`), message?.startLine);
      await nothingLeft(bench);
    });
  }

  await t.test('hold, resume and blind refresh never reach Meta', async () => {
    const { meta, call } = await answered();
    assert.equal(await call.hold(), 200);
    assert.equal(await call.resume(), 200);
    assert.equal(await call.hold('inactive'), 200);
    assert.equal(await call.resume(), 200);
    await call.hangup();
    await meta.ended;
    const methods = meta.ladder().flatMap(({ direction, raw }) => (direction === 'in' ? [raw.split(' ')[0]] : []));
    assert.deepEqual(
      methods.filter((m) => m !== 'SIP/2.0'),
      ['INVITE', 'ACK', 'INVITE', 'ACK', 'BYE'],
    );
    assert.deepEqual(meta.violations, []);
    await nothingLeft(bench);
  });

  await t.test('what is no number is refused by the gateway', async () => {
    const wrong = await phone.call('abc');
    assert.equal(await wrong.answered, false);
    assert.equal((await wrong.ended).status, 484);
  });
});
