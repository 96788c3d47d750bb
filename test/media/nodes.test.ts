import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { MediaFailure } from '../../gateway/media/port.js';
import { requireComponent } from '../../lab/components/index.js';
import { startRtpengine } from '../../lab/processes/index.js';
import { call, eventually, mediaOn } from './helpers.js';

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
