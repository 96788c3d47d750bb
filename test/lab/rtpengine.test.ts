import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { requireComponent } from '../../lab/components/index.js';
import { bdecode, bencode } from '../../lab/processes/ng.js';
import { reservePorts, startRtpengine } from '../../lab/processes/index.js';

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';

for (const name of ['rtpengine-26', 'rtpengine-10'] as const) {
  test(`${name} starts, has a session, and leaves nothing behind`, async () => {
    const rtpengine = await startRtpengine({ component: requireComponent(name), mediaPorts: 40 });
    const { pid } = rtpengine.process;
    try {
      const offer = await rtpengine.ng({ command: 'offer', 'call-id': 'one', 'from-tag': 'a', sdp: SDP });
      assert.equal(offer.result, 'ok');
      assert.deepEqual(await rtpengine.sessions(), ['one']);
      const port = Number(/m=audio (\d+)/.exec(String(JSON.stringify(offer.sdp)))?.[1]);
      assert.ok(port >= rtpengine.mediaPorts.min && port <= rtpengine.mediaPorts.max, `port ${port}`);
      assert.match(await (await fetch(`http://127.0.0.1:${rtpengine.httpPort}/ping`)).text(), /pong/);
      const { cpuMs, rssKb } = rtpengine.process.usage();
      assert.ok(cpuMs > 0 && rssKb > 10_000, `${cpuMs} ms, ${rssKb} kB`);
    } finally {
      await Promise.all([rtpengine.close(), rtpengine.close()]);
    }
    assert.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' });
    assert.equal(existsSync(dirname(rtpengine.logFile)), false);
  });
}

test('an rtpengine that cannot start says why', async () => {
  const component = requireComponent('rtpengine-26');
  await assert.rejects(startRtpengine({ component, args: ['--no-such-option'] }), /ended with.*\n.*no-such-option/s);
});

test('a killed rtpengine can be started again on its ports', async () => {
  const component = requireComponent('rtpengine-26');
  const ports = await reservePorts(50);
  const first = await startRtpengine({ component, ports });
  first.process.signal('KILL');
  assert.deepEqual(await first.process.exited, { kind: 'signal', signal: 9 });
  await first.close();
  const second = await startRtpengine({ component, ports });
  assert.equal(second.ngPort, first.ngPort);
  await second.close();
  await ports.close();
});

test('bencoding is read back, bytes counted, and refused when cut', () => {
  const message = { command: 'ping', list: ['ä', 5], nested: { a: 'b' } };
  const bytes = Buffer.from(bencode(message));
  assert.deepEqual(bdecode(bytes), message);
  for (let end = 0; end < bytes.length; end++) assert.throws(() => bdecode(bytes.subarray(0, end)));
});
