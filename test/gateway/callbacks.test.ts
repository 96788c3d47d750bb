/** Calls that the gateway begins: a phone stands for the PBX's extension, Meta's stand-in for the user. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { loadedNumber, nothingLeft, startBench, type Bench } from './support.js';
import type { PhoneCall } from '../../lab/phone/call.js';
import { Phone } from '../../lab/phone/phone.js';
import { reservePorts } from '../../lab/processes/index.js';
import { mediaLess } from '../../simulator/index.js';
import { createMediaPeer, createMediaShare } from '../../simulator/media/index.js';
import { header } from '../../simulator/sip/sip-text.js';

const NUMBER = { number: '+15550001000', extension: '607', keying: 'sdes' } as const;
const USER = '+12195550714';
const EXTENSION = '500';
const [USER_HZ, AGENT_HZ] = [440, 620];

async function open(t: TestContext): Promise<{
  readonly bench: Bench;
  readonly agent: Phone;
  readonly callBack: () => ReturnType<Bench['gateway']['callBack']>;
}> {
  const ports = await reservePorts(2);
  t.after(() => ports.close());
  const bench = await startBench(t, { numbers: [{ ...NUMBER, hosts: [ports.min] }] });
  const peer = { address: '127.0.0.1', port: bench.pbxPort };
  const agent = await Phone.open({ user: EXTENSION, address: '127.0.0.1', port: ports.min, peer, hz: AGENT_HZ });
  t.after(() => agent.close());
  const number = loadedNumber(bench, NUMBER.number);
  return { bench, agent, callBack: () => bench.gateway.callBack({ number, user: USER, extension: EXTENSION }) };
}

test('callbacks', { timeout: 60_000 }, async (t) => {
  const { bench, agent, callBack } = await open(t);
  const share = createMediaShare();
  t.after(() => share.close());

  await t.test('the agent first, with a ringing tone; then the user; both hear each other', async () => {
    const media = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1', share });
    media.play({ kind: 'tone', hz: USER_HZ });
    bench.edge.onBusinessCall(() => ({ kind: 'answer', media, afterMs: 900 }));
    const coming = bench.edge.nextBusinessCall(USER);
    const result = callBack();
    const leg = await agent.answers();
    const invite = leg.incoming?.message;
    assert.match(invite === undefined ? '' : (header(invite, 'from') ?? ''), /sip:\+12195550714@/);
    assert.equal(invite && header(invite, 'x-wa-callback'), USER);
    await leg.media.hears(425);
    const meta = await coming;
    await leg.media.hears(USER_HZ);
    await delay(1500);
    await leg.hangup();
    assert.equal(await result, 'connected');
    const report = await meta.report();
    assert.ok(Math.abs((report?.hz ?? 0) - AGENT_HZ) < 7, `the user heard ${report?.hz} Hz`);
    assert.deepEqual([...meta.violations, ...(report?.violations ?? ['no report'])], []);
    await nothingLeft(bench);
  });

  await t.test('the user hangs up', async () => {
    bench.edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }) }));
    const coming = bench.edge.nextBusinessCall(USER);
    const result = callBack();
    const leg = await agent.answers();
    const meta = await coming;
    await joined(leg);
    await meta.hangup();
    assert.equal((await leg.ended).by, 'peer');
    assert.equal(await result, 'connected');
    await nothingLeft(bench);
  });

  await t.test('the user does not answer: the agent is told by the end of the call', async () => {
    bench.edge.onBusinessCall(() => ({ kind: 'refuse', refusal: 'no-answer' }));
    const result = callBack();
    const leg = await agent.answers();
    assert.equal((await leg.ended).by, 'peer');
    assert.equal(await result, 'unanswered');
    await nothingLeft(bench);
  });

  await t.test('the agent gives up while the user rings: the user stops ringing', async () => {
    bench.edge.onBusinessCall(() => ({ kind: 'ring' }));
    const coming = bench.edge.nextBusinessCall(USER);
    const result = callBack();
    const leg = await agent.answers();
    const meta = await coming;
    await meta.ringing;
    await leg.hangup();
    assert.equal((await meta.ended).cause, 'cancelled');
    assert.equal(await result, 'no-agent');
    await nothingLeft(bench);
  });

  await t.test('nobody at the extension: the user is not called', async () => {
    const result = callBack();
    const leg = await agent.rings();
    leg.refuse(486, 'Busy Here');
    assert.equal(await result, 'no-agent');
    await nothingLeft(bench);
  });

  await t.test('the agent changes the call while the user rings: 491, and it goes on', async () => {
    bench.edge.onBusinessCall(() => ({ kind: 'answer', media: mediaLess({ keying: 'sdes' }), afterMs: 800 }));
    const coming = bench.edge.nextBusinessCall(USER);
    const result = callBack();
    const leg = await agent.answers();
    const meta = await coming;
    await meta.ringing;
    assert.equal(await leg.hold(), 491);
    await joined(leg);
    await leg.hangup();
    assert.equal(await result, 'connected');
    await nothingLeft(bench);
  });
});

/** Until the user has answered, a change is refused with 491, and a PBX asks again. */
async function joined(leg: PhoneCall): Promise<void> {
  for (let status = 491; status === 491; await delay(50)) status = await leg.resume();
}
