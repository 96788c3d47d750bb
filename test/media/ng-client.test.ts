import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { test } from 'node:test';
import { NgClient, NgRefusal, NgTimeout } from '../../gateway/media/ng/client.js';

/** A node that says what a test wants it to say. */
class FakeNode {
  readonly received: string[] = [];
  readonly #socket: Socket = createSocket('udp4');
  #onDatagram: (cookie: string, from: RemoteInfo) => void = () => undefined;

  static async start(): Promise<FakeNode> {
    const node = new FakeNode();
    node.#socket.on('message', (datagram, from) => {
      node.received.push(datagram.toString());
      node.#onDatagram(datagram.toString('latin1', 0, 36), from);
    });
    await new Promise<void>((resolve) => node.#socket.bind(0, '127.0.0.1', () => resolve()));
    return node;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  onDatagram(react: (cookie: string, from: RemoteInfo) => void): void {
    this.#onDatagram = react;
  }

  say(text: string, to: RemoteInfo): void {
    this.#socket.send(text, to.port, to.address);
  }

  close(): void {
    this.#socket.close();
  }
}

async function withNode(run: (node: FakeNode, client: NgClient) => Promise<void>, timeoutMs = 300): Promise<void> {
  const node = await FakeNode.start();
  const client = new NgClient({ host: '127.0.0.1', port: node.port, timeoutMs });
  try {
    await run(node, client);
  } finally {
    client.close();
    client.close();
    node.close();
  }
}

test('a reply comes back as its dictionary', async () => {
  await withNode(async (node, client) => {
    node.onDatagram((cookie, from) => node.say(`${cookie} d6:result4:ponge`, from));
    assert.deepEqual(await client.request('ping'), { result: 'pong' });
    assert.match(node.received[0] ?? '', /^[0-9a-f-]{36} d7:command4:pinge$/);
  });
});

test('a lost command is sent again under its cookie', async () => {
  await withNode(async (node, client) => {
    node.onDatagram((cookie, from) => {
      if (node.received.length === 2) node.say(`${cookie} d6:result2:oke`, from);
    });
    assert.deepEqual(await client.request('offer', { 'call-id': 'x' }), { result: 'ok' });
    assert.equal(node.received[0], node.received[1]);
  });
});

test('a silent node is a time-out after three tries', async () => {
  await withNode(async (node, client) => {
    const started = performance.now();
    await assert.rejects(client.request('offer'), NgTimeout);
    const took = performance.now() - started;
    assert.ok(took > 280 && took < 1500, `${took} ms`);
    assert.equal(node.received.length, 3);
  });
});

test('late, foreign and garbled replies do no harm', async () => {
  await withNode(async (node, client) => {
    let late: (() => void) | undefined;
    node.onDatagram((cookie, from) => {
      late = () => node.say(`${cookie} d6:result2:oke`, from);
    });
    await assert.rejects(client.request('offer'), NgTimeout);
    late?.();
    node.onDatagram((cookie, from) => {
      node.say('garbage', from);
      node.say(`${cookie} not bencode`, from);
      node.say(`${'0'.repeat(36)} d6:result2:oke`, from);
      node.say(`${cookie} d6:result4:ponge`, from);
    });
    assert.deepEqual(await client.request('ping'), { result: 'pong' });
  });
});

test('errors are refusals; limits say that the node is full', async () => {
  const replies: readonly (readonly [string, boolean, RegExp])[] = [
    ['d6:result5:error12:error-reason15:Unknown call-ide', false, /Unknown call-id/],
    ['d6:result5:error12:error-reason30:Parallel session limit reachede', true, /Parallel session limit reached/],
    ['d6:result10:load limit7:message24:CPU usage limit exceedede', true, /CPU usage/],
  ];
  for (const [reply, full, reason] of replies) {
    await withNode(async (node, client) => {
      node.onDatagram((cookie, from) => node.say(`${cookie} ${reply}`, from));
      await assert.rejects(client.request('offer'), (error) => {
        assert.ok(error instanceof NgRefusal);
        assert.equal(error.full, full);
        assert.match(error.message, reason);
        return true;
      });
    });
  }
});

test('closing fails what is in flight', async () => {
  await withNode(async (_node, client) => {
    const pending = client.request('offer');
    client.close();
    await assert.rejects(pending, NgTimeout);
    await assert.rejects(client.request('offer'), NgTimeout);
  });
});
