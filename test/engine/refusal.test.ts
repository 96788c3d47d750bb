import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { UdpRefusals } from '../../gateway/engine/transport/udp-refusal.js';
import { openLab } from './support/lab.js';
import { StreamListener, UdpPeer } from './support/peer.js';
import { request, response, SDP } from './support/texts.js';
import type { Resolver } from '../../gateway/engine/index.js';

const FROM = { From: '<sip:me@gw.example.com>' };
const LISTENING = { timers: { t1: 500, t2: 4000, connectTimeout: 4000 } };

/** One name, whose services are tried in this order. */
function inOrder(ports: readonly number[], protocol: 'udp' | 'tcp' = 'udp'): Resolver {
  return {
    resolveSrv: (name) =>
      Promise.resolve(
        name === `_sip._${protocol}.pbx.example`
          ? ports.map((port, priority) => ({ name: 'host.example', port, priority, weight: 0 }))
          : [],
      ),
    lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  };
}

/** A UDP port that was ours a moment ago and is closed now. */
async function closedPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

describe('hosts that refuse', () => {
  for (const protocol of ['udp', 'tcp'] as const) {
    test(`two of three over ${protocol}: the call arrives at the third`, async () => {
      const udp = await UdpPeer.open();
      const tcp = await StreamListener.open();
      const living = protocol === 'udp' ? udp.port : tcp.port;
      // Free for UDP and, as far as a test can know, for TCP.
      const resolver = inOrder([await closedPort(), await closedPort(), living], protocol);
      const lab = await openLab({ ...LISTENING, resolver });
      const begun = performance.now();
      const uri = `sip:100@pbx.example;transport=${protocol}`;
      const call = lab.srf.createUAC(uri, { localSdp: SDP, headers: FROM });
      const rejected = assert.rejects(call, { status: 486 });
      const peer = protocol === 'udp' ? udp : await tcp.connection();
      const invite = await peer.expect('INVITE');
      // The limits that it must beat are 64*T1 and the connect timeout: 4 s and more.
      assert.ok(performance.now() - begun < 2000);
      peer.send(response(invite, 486, 'Busy Here', { tag: 'x' }));
      await rejected;
      await lab.close();
      await udp.close();
      await tcp.close();
    });
  }

  test('a living peer that takes its time is asked, not disturbed, and not given up', async () => {
    const peer = await UdpPeer.open();
    const spare = await UdpPeer.open();
    const lab = await openLab({ ...LISTENING, resolver: inOrder([peer.port, spare.port]) });
    const call = lab.srf.createUAC('sip:100@pbx.example', { localSdp: SDP, headers: FROM });
    const rejected = assert.rejects(call, { status: 486 });
    const invite = await peer.expect('INVITE');
    await peer.expect((m) => m.raw === '\r\n');
    peer.send(response(invite, 180, 'Ringing', { tag: 'x' }));
    await sleep(700); // more than the two further questions would have taken
    assert.equal(peer.log.filter((m) => m.raw === '\r\n').length, 1);
    peer.send(response(invite, 486, 'Busy Here', { tag: 'x' }));
    await rejected;
    assert.equal(spare.log.length, 0);
    await lab.close();
    await peer.close();
    await spare.close();
  });

  test('who answers at once is asked nothing', async () => {
    const peer = await UdpPeer.open();
    const lab = await openLab(LISTENING);
    const call = lab.srf.createUAC(`sip:100@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
    const rejected = assert.rejects(call, { status: 486 });
    const invite = await peer.expect('INVITE');
    peer.send(response(invite, 100, 'Trying'));
    await sleep(500);
    assert.ok(peer.log.every((m) => m.raw !== '\r\n'));
    peer.send(response(invite, 486, 'Busy Here', { tag: 'x' }));
    await rejected;
    await lab.close();
    await peer.close();
  });
});

describe('refusals of a UDP port', () => {
  let refusals: UdpRefusals;
  let port: number;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    refusals = new UdpRefusals('udp4', '127.0.0.1');
    port = await closedPort();
  });
  afterEach(() => {
    refusals.close();
    for (const socket of sockets.splice(0)) socket.close();
  });

  const at = () => ({ address: '127.0.0.1', port });
  const refusal = (): Promise<void> =>
    new Promise((resolve) => {
      refusals.watch(at(), resolve);
    });

  test('all who wait are told, once', async () => {
    let told = 0;
    const end = refusals.watch(at(), () => told++);
    refusals.watch(at(), () => told++);
    const ended = refusals.watch(at(), () => assert.fail('ended'));
    ended();
    ended();
    await refusal();
    assert.equal(told, 2);
    end();
    await refusal();
    assert.equal(told, 2);
  });

  test('who answers after a refusal, or registers, stands behind something else that refuses: no longer believed', async () => {
    await refusal();
    refusals.heard(at(), 'SIP/2.0 100 Trying');
    refusals.watch(at(), () => assert.fail('believed'));
    const other = await closedPort();
    refusals.heard({ address: '127.0.0.1', port: other }, 'REGISTER sip:gw SIP/2.0');
    refusals.watch({ address: '127.0.0.1', port: other }, () => assert.fail('believed'));
    // A third port, asked at the same time, shows that the others would have been told by now.
    port = await closedPort();
    await refusal();
    await sleep(100);
  });

  test('one that merely sends is believed', async () => {
    refusals.heard(at(), 'INVITE sip:gw SIP/2.0');
    await refusal();
  });

  test('a port that is open is asked less and less often until the watch ends', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'listening');
    port = socket.address().port;
    const end = refusals.watch(at(), () => assert.fail('refused'));
    for (let i = 0; i < 2; i++) {
      const [packet] = (await once(socket, 'message')) as [Buffer];
      assert.equal(packet.toString(), '\r\n');
    }
    end();
    let more = 0;
    socket.on('message', () => more++);
    await sleep(700);
    assert.equal(more, 0);
  });

  test('a registered peer is called without a question', async () => {
    const lab = await openLab(LISTENING);
    const to = lab.at('udp');
    const registering = await UdpPeer.open(to);
    registering.send(request({ method: 'REGISTER', uri: 'sip:gw', transport: 'udp', port: registering.port }));
    await registering.expect((m) => m.status >= 400);
    const call = lab.srf.createUAC(`sip:100@127.0.0.1:${registering.port}`, { localSdp: SDP, headers: FROM });
    const rejected = assert.rejects(call, { status: 486 });
    const invite = await registering.expect('INVITE');
    await sleep(400);
    assert.ok(registering.log.every((m) => m.raw !== '\r\n'));
    registering.send(response(invite, 486, 'Busy Here', { tag: 'x' }));
    await rejected;
    await lab.close();
    await registering.close();
  });
});

test('the answer to a challenge goes to the host that challenged, though the name now leads to another first', async (t) => {
  const [first, second] = [await UdpPeer.open(), await UdpPeer.open()];
  const order = [first.port, second.port];
  const resolver: Resolver = {
    resolveSrv: () => Promise.resolve(order.map((port, priority) => ({ name: 'h', port, priority, weight: 0 }))),
    lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  };
  const lab = await openLab({ ...LISTENING, resolver });
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const headers = { ...FROM, 'Call-ID': 'challenged', CSeq: '1 INVITE' };
  const req = await lab.srf.request('sip:100@pbx.example;transport=udp', { method: 'INVITE', headers, body: SDP });
  const challenged = once(req, 'response');
  first.send(response(await first.expect('INVITE'), 407, 'Challenge', { tag: 'x' }));
  await challenged;
  // What the name led to is forgotten after 30 s, and its addresses come in another order.
  t.mock.timers.tick(31_000);
  order.reverse();
  const again = { ...headers, CSeq: '2 INVITE', 'Proxy-Authorization': 'Digest x="y"' };
  const answer = await lab.srf.request('sip:100@pbx.example;transport=udp', {
    method: 'INVITE',
    headers: again,
    body: SDP,
  });
  const refused = once(answer, 'response');
  const invite = await first.expect((m) => m.method === 'INVITE' && m.get('cseq') === '2 INVITE');
  first.send(response(invite, 486, 'Busy Here', { tag: 'x' }));
  await refused;
  assert.equal(second.log.length, 0);
  // Only that one: another call goes by the name.
  const other = await lab.srf.request('sip:100@pbx.example;transport=udp', {
    method: 'INVITE',
    headers: FROM,
    body: SDP,
  });
  const busy = once(other, 'response');
  second.send(response(await second.expect('INVITE'), 486, 'Busy Here', { tag: 'x' }));
  await busy;
  t.mock.timers.reset();
  await lab.close();
  await Promise.all([first.close(), second.close()]);
});
