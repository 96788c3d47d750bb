/** What agents do with a call of a user, where the trunk has Opus and the phones have PCMA; and directed pick-up. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { AGENT_HZ, type Agents, FEATURES, openAgents, play } from '../../lab/demo/agent-features.js';
import type { PhoneCall } from '../../lab/phone/call.js';
import type { Call } from '../../simulator/index.js';
import { createMediaPeer, type MediaPeer } from '../../simulator/media/index.js';
import { nothingLeft, PASSWORD, startBench, USER, type Bench } from './support.js';

const OPUS = {
  ...{ number: '+15550001000', extension: '100', keying: 'sdes' as const },
  ...{ hosts: ['opus' as const], trunkCodecs: ['opus'] },
};
const PCMA = { number: '+15550001001', extension: '100', keying: 'dtls' as const };
const USER_HZ = 440;

interface User {
  readonly call: Call;
  readonly media: MediaPeer;
}

async function userCalls(bench: Bench, { number, keying }: typeof OPUS | typeof PCMA): Promise<User> {
  const media = await createMediaPeer({ keying, codecs: ['opus'], address: '127.0.0.1' });
  media.play({ kind: 'tone', hz: USER_HZ });
  return { media, call: bench.edge.call({ from: USER, to: number, media, password: PASSWORD }) };
}

/** The user hangs up; he heard one stream, and nobody broke a rule. */
async function ends(bench: Bench, { call, media }: User, last: PhoneCall): Promise<void> {
  await call.hangup();
  assert.equal((await last.ended).by, 'peer');
  const { ssrcs, violations } = media.counters();
  assert.equal(ssrcs, 1);
  assert.deepEqual([...violations, ...call.violations], []);
  await nothingLeft(bench);
}

async function setUp(t: TestContext): Promise<{ readonly bench: Bench; readonly agents: Agents }> {
  const bench = await startBench(t, { numbers: [OPUS, PCMA] });
  // Asterisk makes no Opus of a stream whose numbers are below those of the stream before: docs/decisions/0002-pbx-side.md.
  let next = 0;
  const agents = await openAgents(bench.asterisk, undefined, () => (next += 1000));
  t.after(() => agents.close());
  return { bench, agents };
}

test('features', { timeout: 240_000 }, async (t) => {
  const { bench, agents } = await setUp(t);

  const hangupAll = (): Promise<unknown> =>
    Promise.all([agents.ann, agents.bob, agents.cleo].map((phone) => phone.hangupAll()));

  for (const feature of FEATURES) {
    await t.test(`${feature} on a trunk with Opus`, async () => {
      const rings = agents.ann.answers();
      const user = await userCalls(bench, OPUS);
      const agent = await rings;
      await Promise.all([user.media.hears(AGENT_HZ.ann), agent.media.hears(USER_HZ)]);
      const listen = (hz: number): Promise<unknown> => user.media.hears(hz);
      const last = await play(feature, { agents, call: agent, userHz: USER_HZ, listen });
      await ends(bench, user, last);
      await hangupAll();
    });
  }

  for (const number of [OPUS, PCMA]) {
    await t.test(
      `directed pick-up, ${number === OPUS ? 'Opus' : 'PCMA'}: the call of 100 is taken at 101`,
      async () => {
        const user = await userCalls(bench, number);
        const ringing = await agents.ann.rings();
        const taken = await agents.bob.call('*8100');
        assert.equal(await taken.answered, true);
        assert.ok(await user.call.answered);
        await Promise.all([user.media.hears(AGENT_HZ.bob), taken.media.hears(USER_HZ)]);
        assert.equal((await ringing.ended).by, 'peer');
        await ends(bench, user, taken);
      },
    );
  }
});
