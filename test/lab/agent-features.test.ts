/** The demo's features, played against a scripted peer in the gateway's place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireComponent } from '../../lab/components/index.js';
import { FEATURES, openAgents, play } from '../../lab/demo/agent-features.js';
import { Phone } from '../../lab/phone/phone.js';
import { reservePorts, startAsterisk } from '../../lab/processes/index.js';

const USER_HZ = 440;

test('every feature on every kind of trunk ends with the right two hearing each other', async (t) => {
  const ports = await reservePorts(10);
  t.after(() => ports.close());
  const asterisk = await startAsterisk({
    component: requireComponent('asterisk'),
    trunk: `127.0.0.1:${ports.min}`,
    outbound: [{ prefix: '901', number: '+15550100001', trunk: 'wa-trunk-hold' }],
  });
  t.after(() => asterisk.close());
  const agents = await openAgents(asterisk);
  t.after(() => agents.close());
  const peer = { address: '127.0.0.1', port: asterisk.sipPort };
  const gateway = await Phone.open({ user: 'gateway', address: '127.0.0.1', port: ports.min, peer, hz: USER_HZ });
  t.after(() => gateway.close());
  for (const prefix of ['', '901']) {
    for (const feature of FEATURES) {
      await t.test(`${feature}, ${prefix === '' ? 'music on hold' : 'hold passed on'}`, async () => {
        const call = await agents.ann.call(`${prefix}+12195550714`);
        const user = await gateway.answers();
        assert.equal(await call.answered, true);
        const listen = (hz: number): Promise<unknown> => user.media.hears(hz);
        const last = await play(feature, { agents, call, userHz: USER_HZ, listen }, prefix === '');
        await user.hangup();
        assert.equal((await last.ended).by, 'peer');
      });
    }
  }
});
