import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { createDecoder } from '../../gateway/media/conditioner/codec.js';
import { Conditioner } from '../../gateway/media/conditioner/conditioner.js';
import type { NodeRoute, PbxRoute } from '../../gateway/media/conditioner/messages.js';
import { toneShare } from '../../simulator/media/index.js';

async function bound(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  return socket;
}

const toNode = (node: Socket): NodeRoute => ({
  endpoint: { address: '127.0.0.1', port: node.address().port },
  audio: { payloadType: 111, codec: 'opus' },
  event: 126,
});

function toPbx(pbx: Socket, more: Partial<PbxRoute> = {}): PbxRoute {
  const audio = { payloadType: 107, codec: 'opus' } as const;
  return {
    endpoint: { address: '127.0.0.1', port: pbx.address().port },
    addresses: ['127.0.0.1'],
    audio,
    formats: [audio],
    event: { payloadType: 110, khz: 48 },
    events: [110],
    receives: true,
    sends: true,
    ...more,
  };
}

const OPTIONS = { address: '127.0.0.1', silenceMs: 5000 };
/** Opus payloads of 20 ms. */
const [MOVED, STRANGER] = [Buffer.from([0xf8, 1, 2, 3]), Buffer.from([0xf8, 7, 7, 7])];
const QUIET = { onLost: () => undefined };

function rtp(type: number, sequence: number, payload: Buffer): Buffer {
  const header = Buffer.from([0x80, type, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 9]);
  return Buffer.concat([header, payload]);
}

async function next(socket: Socket, type: number): Promise<Buffer> {
  for (;;) {
    const [packet] = (await once(socket, 'message')) as [Buffer];
    if ((packet.readUInt8(1) & 0x7f) === type) return packet;
  }
}

test('relays both ways under the payload types of each side', async () => {
  const conditioner = new Conditioner(() => undefined);
  const [node, pbx, moved, stranger] = [await bound(), await bound(), await bound(), await bound('127.0.0.2')];
  try {
    const relay = await conditioner.open(OPTIONS, QUIET);
    const silence = next(node, 111);
    relay.pbx(toPbx(pbx));
    relay.start(toNode(node));
    assert.equal((await silence).subarray(12).toString('hex'), 'f8fffe');

    const audio = next(node, 111);
    moved.send(rtp(107, 2, MOVED), relay.port, '127.0.0.1');
    stranger.send(rtp(107, 3, STRANGER), relay.port, '127.0.0.1');
    let heard = (await audio).subarray(12);
    while (!heard.equals(MOVED)) heard = (await next(node, 111)).subarray(12);

    // The PBX is answered where its packets come from, events with the durations it agreed to.
    const key = next(moved, 110);
    node.send(rtp(126, 1, Buffer.from([5, 10, 0, 160])), relay.port, '127.0.0.1');
    assert.equal((await key).readUInt16BE(14), 960);

    const counters = await relay.close();
    assert.equal(counters?.fromPbx.packets, 1);
    assert.equal(counters.toPbx.packets, 1);
    assert.equal(await relay.close(), counters);
  } finally {
    await conditioner.close();
    for (const socket of [node, pbx, moved, stranger]) socket.close();
  }
});

test('a ringing tone goes to the PBX alone, until media flows', async () => {
  const conditioner = new Conditioner(() => undefined);
  const [node, pbx] = [await bound(), await bound()];
  try {
    const relay = await conditioner.open(OPTIONS, QUIET);
    const audio = { payloadType: 8, codec: 'PCMA' } as const;
    relay.pbx(toPbx(pbx, { audio, formats: [audio], events: [] }));
    let toWhatsApp = 0;
    node.on('message', () => (toWhatsApp += 1));
    const rung: Buffer[] = [];
    pbx.on('message', (packet) => rung.push(packet));
    relay.ring();
    while (rung.length < 40) await once(pbx, 'message');
    const began = rung[0]?.readUInt32BE(4) ?? 0;
    for (const packet of rung) {
      if ((packet.readUInt32BE(4) - began) >>> 0 >= 8000) break; // the pause, where this machine was that slow
      const share = toneShare(createDecoder('PCMA').decode(packet.subarray(12)), 8000, 425);
      assert.ok(share > 0.95, `${share} of a packet is the tone`);
    }
    assert.equal(toWhatsApp, 0);
    relay.start(toNode(node));
    await next(node, 111);
    const ssrc = rung[0]?.readUInt32BE(8);
    // What was on its way has come when a packet of WhatsApp's has.
    const answered = next(pbx, 8);
    node.send(rtp(111, 1, MOVED), relay.port, '127.0.0.1');
    assert.notEqual((await answered).readUInt32BE(8), ssrc);
  } finally {
    await conditioner.close();
    for (const socket of [node, pbx]) socket.close();
  }
});

test('on hold nothing is sent to the PBX, its music still comes; its comfort noise and other types are no audio', async () => {
  const conditioner = new Conditioner(() => undefined);
  const [node, pbx] = [await bound(), await bound()];
  try {
    const relay = await conditioner.open(OPTIONS, QUIET);
    relay.pbx(toPbx(pbx, { receives: false, sends: false }));
    relay.start(toNode(node));
    await next(node, 111);
    let toPbxPackets = 0;
    pbx.on('message', () => (toPbxPackets += 1));
    node.send(rtp(111, 1, MOVED), relay.port, '127.0.0.1');
    pbx.send(rtp(13, 1, Buffer.of(40)), relay.port, '127.0.0.1');
    pbx.send(rtp(9, 2, STRANGER), relay.port, '127.0.0.1');
    pbx.send(rtp(200, 3, STRANGER), relay.port, '127.0.0.1');
    pbx.send(rtp(107, 4, MOVED), relay.port, '127.0.0.1');
    let heard = (await next(node, 111)).subarray(12);
    while (!heard.equals(MOVED)) {
      assert.notDeepEqual(heard, STRANGER);
      heard = (await next(node, 111)).subarray(12);
    }
    const counters = await relay.close();
    assert.equal(counters?.fromPbx.packets, 2);
    assert.equal(counters.toPbx.packets, 0);
    assert.equal(toPbxPackets, 0);
  } finally {
    await conditioner.close();
    for (const socket of [node, pbx]) socket.close();
  }
});

test('an address that is not ours is an error that names it', async () => {
  const conditioner = new Conditioner(() => undefined);
  await assert.rejects(
    conditioner.open({ ...OPTIONS, address: '192.0.2.1' }, QUIET),
    /no RTP port on 192\.0\.2\.1: .*EADDRNOTAVAIL/,
  );
  await conditioner.close();
  await assert.rejects(conditioner.open(OPTIONS, QUIET), /closed/);
});

test('a crash ends the calls it carried, and the next call has a new thread', async () => {
  let crashes = 0;
  const conditioner = new Conditioner(() => (crashes += 1));
  try {
    let relay: Awaited<ReturnType<Conditioner['open']>> | undefined;
    const lost = new Promise<string>((resolve, reject) => {
      conditioner.open(OPTIONS, { onLost: resolve }).then((opened) => {
        relay = opened;
        opened.start(undefined as unknown as NodeRoute);
      }, reject);
    });
    assert.match(await lost, /the media conditioner crashed/);
    assert.equal(crashes, 1);
    assert.equal(await relay?.close(), undefined);
    const again = await conditioner.open(OPTIONS, QUIET);
    assert.ok(again.port > 0);
  } finally {
    await conditioner.close();
  }
});
