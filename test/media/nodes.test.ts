import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { MediaFailure } from '../../gateway/media/port.js';
import { requireComponent } from '../../lab/components/index.js';
import { startRtpengine } from '../../lab/processes/index.js';
import { createMediaPeer, createMediaShare } from '../../simulator/media/index.js';
import { ScriptedPbx } from '../../bench/media/scripted-pbx.js';
import { businessCall, call, eventually, mediaOn } from './helpers.js';

test('a node that dies ends its calls and is unhealthy until it is back', async () => {
  const rtpengine = await startRtpengine({ component: requireComponent('rtpengine-26'), mediaPorts: 40 });
  const media = mediaOn([rtpengine.ngPort]);
  try {
    const lost = new Promise<string>((resolve, reject) => {
      media.openUserCall(call('dying', { onLost: resolve })).catch(reject);
    });
    await eventually('the session is there', async () => (await rtpengine.sessions()).length === 1);
    await rtpengine.close();
    assert.match(await lost, /does not answer/);
    assert.equal(media.healthy, false);
    await assert.rejects(
      media.openUserCall(call('late')),
      (error) =>
        error instanceof MediaFailure &&
        error.kind === 'unavailable' &&
        error.message.includes('did not answer "offer"'),
    );
  } finally {
    await media.close();
    await rtpengine.close();
  }
});

test('a full node is passed over; when all are full the failure says so', async () => {
  const component = requireComponent('rtpengine-26');
  const small = await startRtpengine({ component, mediaPorts: 40, args: ['--max-sessions=1'] });
  const media = mediaOn([small.ngPort]);
  try {
    await media.openUserCall(call('one'));
    await assert.rejects(
      media.openUserCall(call('two')),
      (error) => error instanceof MediaFailure && error.kind === 'full',
    );
  } finally {
    await media.close();
    await small.close();
  }
});

test('a silent node is left out; what it may have made is deleted when it answers', async () => {
  const rtpengine = await startRtpengine({ component: requireComponent('rtpengine-26'), mediaPorts: 40 });
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const received: string[] = [];
  let speaks = false;
  silent.on('message', (datagram, from) => {
    received.push(datagram.toString());
    if (speaks) silent.send(`${datagram.toString('latin1', 0, 36)} d6:result4:ponge`, from.port, from.address);
  });
  const media = mediaOn([silent.address().port, rtpengine.ngPort]);
  try {
    await media.openUserCall(call('fail-over'));
    assert.equal((await rtpengine.sessions()).length, 1);
    assert.equal(media.healthy, true);
    speaks = true;
    received.length = 0;
    await eventually('the delete to the node that was silent', () =>
      received.some((text) => text.includes('fail-over') && text.includes('6:delete')),
    );
  } finally {
    await media.close();
    await rtpengine.close();
    silent.close();
  }
});

test('a node too busy to answer keeps the calls that are heard, and loses them when they fall silent', async () => {
  const rtpengine = await startRtpengine({ component: requireComponent('rtpengine-26'), mediaPorts: 40 });
  const ng = await openNgProxy(rtpengine.ngPort);
  const media = mediaOn([ng.port], 'busy', 400);
  const peer = await createMediaPeer({ keying: 'sdes', codecs: ['opus'], address: '127.0.0.1' });
  const share = createMediaShare();
  const pbx = await ScriptedPbx.create('PCMA', share);
  const lost: string[] = [];
  const onLost = (what: string) => (reason: string) => void lost.push(`${what}: ${reason}`);
  try {
    const request = { pbxOffer: pbx.offer('PCMA'), onLost: onLost('talking') };
    const session = await media.openBusinessCall(businessCall('talking', request));
    pbx.agree(await session.answer(peer.answerSdp(session.whatsappOffer)));
    session.start();
    peer.markAck();
    await media.openUserCall(call('ringing', { onLost: onLost('ringing') }));
    ng.deaf = true;
    await eventually('the call without media is lost', () => lost.length > 0);
    assert.match(lost[0] ?? '', /^ringing: rtpengine .* does not answer/);
    ng.deaf = false;
    await eventually('the node answers again', () => media.healthy);
    assert.equal(lost.length, 1);
    ng.deaf = true;
    await peer.close();
    await eventually('the silent call is lost', () => lost.length > 1);
    assert.match(lost[1] ?? '', /^talking/);
  } finally {
    ng.deaf = false;
    await media.close();
    await peer.close();
    pbx.close();
    share.close();
    ng.close();
    await rtpengine.close();
  }
});

/** Between a gateway and its rtpengine; while it is deaf, commands get no reply. */
async function openNgProxy(to: number): Promise<{ readonly port: number; deaf: boolean; close(): void }> {
  const [front, back] = [createSocket('udp4').bind(0, '127.0.0.1'), createSocket('udp4').bind(0, '127.0.0.1')];
  await Promise.all([once(front, 'listening'), once(back, 'listening')]);
  let client = 0;
  const proxy = {
    port: front.address().port,
    deaf: false,
    close: () => {
      front.close();
      back.close();
    },
  };
  front.on('message', (datagram, { port }) => {
    client = port;
    if (!proxy.deaf) back.send(datagram, to, '127.0.0.1');
  });
  back.on('message', (datagram) => front.send(datagram, client, '127.0.0.1'));
  return proxy;
}
