import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startEngine, type Engine } from '../../gateway/engine/index.js';
import { parseMessage } from '../../gateway/engine/sip/message.js';
import { checkRequest } from '../../gateway/engine/sip/check.js';
import { Msg, UdpPeer } from './support/peer.js';
import { request, unique } from './support/texts.js';
import { TORTURE } from './torture-messages.js';

describe('RFC 4475 torture messages over UDP', () => {
  let engine: Engine;
  let peer: UdpPeer;

  before(async () => {
    engine = await startEngine({
      admin: { host: '127.0.0.1', port: 0, secret: 's' },
      listen: [{ transport: 'udp', host: '127.0.0.1', port: 0 }],
      timers: { t1: 40 },
    });
    peer = await UdpPeer.open({ address: '127.0.0.1', port: engine.addresses[0]?.port ?? 0 });
  });

  after(async () => {
    await peer.close();
    await engine.close();
  });

  for (const { name, section, text, expect } of TORTURE) {
    test(`${section} ${name}`, async () => {
      const drops = sum(engine.stats().drops);
      const { callId, fence } = { callId: new Msg(text).get('call-id'), fence: unique('fence') };
      peer.send(text);
      // No app: what is understood gets 503.
      const status = 'status' in expect ? expect.status : 503;
      if (!('dropped' in expect)) await peer.expect((m) => m.status === status && m.get('call-id') === callId);
      // The engine lives and goes on.
      peer.send(request({ method: 'OPTIONS', uri: 'sip:x@y.z', transport: 'udp', port: peer.port, callId: fence }));
      await peer.expect((m) => m.status === 503 && m.get('call-id') === fence);
      if (!('dropped' in expect)) return;
      assert.equal(peer.log.filter((m) => m.get('call-id') === callId).length, 0);
      assert.equal(sum(engine.stats().drops), drops + 1);
    });
  }
});

test('wsinv is read through its folding and white space', () => {
  const message = parseMessage(TORTURE[0]?.text ?? '');
  assert.ok(message);
  assert.equal(checkRequest(message), undefined);
  assert.equal(message.fromTag, '98asjd8');
  assert.deepEqual(message.cseq, { seq: 9, method: 'INVITE' });
  assert.equal(message.via?.host, '192.0.2.2');
  assert.equal(message.list('via').length, 3);
  assert.equal(message.first('newfangledheader'), 'newfangled value continued newfangled value');
  assert.equal(message.to?.uri, 'sip:vivekg@chair-dnrc.example.com');
});

function sum(drops: Record<string, number>): number {
  return Object.values(drops).reduce((a, b) => a + b, 0);
}
