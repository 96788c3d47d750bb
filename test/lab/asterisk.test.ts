import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { requireComponent } from '../../lab/components/index.js';
import { type Asterisk, type AsteriskCall, type Sipp, startAsterisk, startSipp } from '../../lab/processes/index.js';
import { opus, pcma, purity, RtpPeer } from './rtp-peer.js';
import { answeredCall, callUntilTold, cancelledCall, endedByCallee, hangUpNow, refusedCall } from './scenarios.js';

let asterisk: Asterisk;

before(async () => {
  asterisk = await startAsterisk({ component: requireComponent('asterisk') });
});
after(() => asterisk.close());

const SDP = `v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 9 RTP/AVP 8`;
const OPUS_SDP = SDP.replace('AVP 8', 'AVP 111\na=rtpmap:111 opus/48000/2');

function call(user: string, scenario: string, port = asterisk.sipPort): Promise<Sipp> {
  return startSipp({
    component: requireComponent('sipp'),
    scenario,
    target: `127.0.0.1:${port}`,
    user,
    timeoutMs: 60_000,
  });
}

function tell(port: number, message: string): void {
  const socket = createSocket('udp4');
  socket.send(message, port, '127.0.0.1', () => socket.close());
}

async function succeeds(sipp: Sipp): Promise<string> {
  const result = await sipp.result;
  await sipp.close();
  assert.equal(result.ok, true, result.errors);
  assert.deepEqual([result.successful, result.failed], [1, 0]);
  return result.messages;
}

for (const [name, codec, port] of [
  ['alaw', pcma, () => asterisk.pcmaSipPort],
  ['opus', opus, () => asterisk.opusSipPort],
] as const) {
  test(`600 with ${name}: tone both ways, keys both ways, the caller hangs up`, async (t) => {
    const format = codec();
    const peer = await RtpPeer.open(440, format);
    t.after(() => peer.close());
    const headers = 'X-WA-Wacid: outgoing:wacid.ABC=, "x";y\nX-WA-Country: DE\n';
    const sipp = await call('600', callUntilTold(peer.sdp, headers), port());
    await peer.startTone();
    const talks = (one: AsteriskCall): boolean => one.codec === name;
    const under = await asterisk.awaitCall(talks);
    assert.equal(under.headers.get('x-wa-wacid'), 'outgoing:wacid.ABC=, "x";y');
    assert.equal(under.headers.get('x-wa-country'), 'DE');
    await peer.hears(1.5 * format.rate);
    await peer.press('1234#');
    const { callId } = await asterisk.awaitCall((one) => talks(one) && one.digitsSent !== undefined, 30_000);
    const ends = asterisk.awaitCall((one) => talks(one) && one.endedAt !== undefined);
    tell(sipp.port, hangUpNow(callId));
    const [ended] = await Promise.all([ends, succeeds(sipp)]);

    assert.equal(ended.caller, '+491701234567');
    assert.equal(ended.callerName, 'Ana');
    assert.equal(ended.digits, '1234#');
    assert.equal(ended.digitsSent, '5678');
    assert.equal(ended.hangupSource, ended.channel);
    assert.equal(ended.rtp.get('lp'), 0);
    const keys = await asterisk.receivedDigits(ended.channel);
    assert.equal(keys.map((key) => key.digit).join(''), '1234#');
    for (const { durationMs } of keys) assert.ok(Math.abs(durationMs - 100) <= 20, `${durationMs} ms`);

    const sent = [...peer.keys.values()];
    assert.equal(sent.map((key) => key.digit).join(''), '5678');
    for (const { duration } of sent) assert.ok(Math.abs(duration / format.rate - 0.16) <= 0.02, `${duration} units`);
    const tone = peer.heard.slice(0.2 * format.rate, 1.2 * format.rate);
    assert.ok(purity(tone, 620, format.rate) > 0.99, `user: ${purity(tone, 620, format.rate)}`);
    const heard = samples(await readFile(ended.heardFile ?? '')).slice(2000, 10_000);
    assert.equal(heard.length, 8000);
    assert.ok(purity(heard, 440, 8000) > 0.99, `PBX: ${purity(heard, 440, 8000)}`);
  });
}

test('621 answers and hangs up after a second', async () => {
  await succeeds(await call('621', endedByCallee(SDP)));
  const ended = await asterisk.awaitCall(({ extension, endedAt }) => extension === '621' && endedAt !== undefined);
  assert.notEqual(ended.hangupSource, ended.channel);
  const seconds = (ended.endedAt ?? 0) - (ended.answeredAt ?? 0);
  assert.ok(seconds > 0.9 && seconds < 2, `${seconds} s`);
});

for (const [user, status] of [
  ['640', 486],
  ['641', 480],
  ['642', 603],
  ['643', 404],
] as const) {
  test(`${user} is refused with ${status}`, async () => {
    await succeeds(await call(user, refusedCall(SDP, status)));
  });
}

test('608 rings until the caller gives up', async () => {
  await succeeds(await call('608', cancelledCall(SDP)));
  const ended = await asterisk.awaitCall(({ extension, endedAt }) => extension === '608' && endedAt !== undefined);
  assert.equal(ended.answeredAt, undefined);
});

test('609 plays before it answers', async () => {
  const messages = await succeeds(await call('609', answeredCall(SDP, 100)));
  assert.match(messages, /SIP\/2.0 183 Session Progress[\s\S]*m=audio[\s\S]*SIP\/2.0 200 OK/);
});

test('the PBX with one codec has only that', async () => {
  const opus = await succeeds(await call('607', answeredCall(OPUS_SDP, 100), asterisk.opusSipPort));
  assert.match(opus, /SIP\/2.0 200 OK[\s\S]*a=rtpmap:\d+ opus\/48000\/2/);
  await succeeds(await call('607', refusedCall(SDP, 488), asterisk.opusSipPort));
  await succeeds(await call('607', refusedCall(OPUS_SDP, 488), asterisk.pcmaSipPort));
});

/** 16 bit mono of a WAV file with the usual 44 byte header. */
function samples(wav: Buffer): number[] {
  const data = wav.subarray(44);
  return Array.from({ length: data.length >> 1 }, (_, i) => data.readInt16LE(2 * i));
}
