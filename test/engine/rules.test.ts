import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { finalOk } from './contract/calls-in.js';
import { openLab, T1, type Lab } from './support/lab.js';
import { StreamPeer, UdpPeer, type Msg } from './support/peer.js';
import { disconnect, type SrfDialog, type SrfRequest, type SrfResponse } from './support/srf.js';
import { request, response, SDP, unique } from './support/texts.js';

const FROM = { From: '<sip:me@gw.example.com>' };

interface Answering {
  lab: Lab;
  dialog: Promise<SrfDialog>;
}

async function answering(options: Parameters<typeof openLab>[0] = {}): Promise<Answering> {
  let answered: (dialog: SrfDialog) => void = () => undefined;
  const dialog = new Promise<SrfDialog>((resolve) => (answered = resolve));
  const lab: Lab = await openLab(options, {
    invite: (req, res) => {
      void lab.srf.createUAS(req, res, { localSdp: SDP }).then(answered);
    },
  });
  return { lab, dialog };
}

async function holding(): Promise<{ lab: Lab; invites: { req: SrfRequest; res: SrfResponse }[] }> {
  const invites: { req: SrfRequest; res: SrfResponse }[] = [];
  const lab = await openLab({}, { invite: (req, res) => invites.push({ req, res }) });
  return { lab, invites };
}

interface Call {
  lab: Lab;
  peer: UdpPeer;
  ok: Msg;
  dlg: SrfDialog;
  send: (method: string, seq: number, more?: object) => void;
}

/** A call from a UDP peer that is up. */
async function upCall(run: (call: Call) => Promise<void>): Promise<void> {
  const { lab, dialog } = await answering();
  const peer = await UdpPeer.open(lab.at('udp'));
  const parts = { uri: 'sip:1@gw.example.com', transport: 'udp', port: peer.port, callId: unique('c') };
  peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
  const ok = await peer.expect(200);
  const dlg = await dialog;
  const acked = once(dlg, 'ack');
  peer.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
  await acked;
  const send = (method: string, seq: number, more: object = {}): void => {
    peer.send(request({ ...parts, method, to: ok.get('to'), seq, ...more }));
  };
  await run({ lab, peer, ok, dlg, send });
  await lab.close();
  await peer.close();
}

describe('requests that are refused by the engine itself', () => {
  const cases: [name: string, status: number, parts: object, header?: [string, RegExp]][] = [
    ['a method that no app takes', 405, { method: 'PUBLISH' }, ['allow', /INVITE/]],
    [
      'an extension that is required',
      420,
      { method: 'INVITE', headers: ['Require: 100rel'] },
      ['unsupported', /100rel/],
    ],
    ['an unknown dialog', 481, { method: 'BYE', to: '<sip:x@y.z>;tag=none' }],
    ['a CANCEL of nothing', 481, { method: 'CANCEL' }],
    ['no hops left', 483, { method: 'INVITE', headers: [] }],
    ['a URI scheme', 416, { method: 'INVITE', uri: 'mailto:a@b.c' }],
  ];
  for (const [name, status, parts, header] of cases) {
    test(`${name}: ${status}`, async () => {
      const { lab } = await answering();
      const peer = await UdpPeer.open(lab.at('udp'));
      let text = request({ method: 'INVITE', uri: 'sip:1@y.z', transport: 'udp', port: peer.port, ...parts });
      if (status === 483) text = text.replace('Max-Forwards: 70', 'Max-Forwards: 0');
      peer.send(text);
      const refused = await peer.expect(status);
      assert.notEqual(refused.tag, '');
      if (header) assert.match(refused.get(header[0]), header[1]);
      await lab.close();
      await peer.close();
    });
  }

  test('the same request by another way: 482', async () => {
    const { lab, invites } = await holding();
    const peer = await UdpPeer.open(lab.at('udp'));
    const parts = {
      method: 'INVITE',
      uri: 'sip:1@y.z',
      transport: 'udp',
      port: peer.port,
      callId: unique('c'),
      body: SDP,
    };
    peer.send(request(parts));
    await peer.expect(100);
    peer.send(request(parts));
    await peer.expect(482);
    assert.equal(invites.length, 1);
    await lab.close();
    await peer.close();
  });

  test('a repeated request reaches the app once', async () => {
    const { lab, invites } = await holding();
    const peer = await UdpPeer.open(lab.at('udp'));
    const text = request({ method: 'INVITE', uri: 'sip:1@y.z', transport: 'udp', port: peer.port, body: SDP });
    peer.send(text);
    await peer.expect(100);
    peer.send(text);
    await peer.expect(100);
    peer.send(text);
    await peer.expect(100);
    assert.equal(invites.length, 1);
    assert.ok(lab.engine.stats().retransmissions.responses >= 2);
    await lab.close();
    await peer.close();
  });
});

describe('in a dialog', () => {
  test('a CSeq from the past: 500', () =>
    upCall(async ({ peer, send }) => {
      send('INFO', 5);
      await peer.expect((m) => m.status === 200 && m.get('cseq') === '5 INFO');
      send('INFO', 4);
      await peer.expect(500);
    }));

  test('re-INVITEs that meet: 491; a second one while the first is open: 500', () =>
    upCall(async ({ peer, dlg, send }) => {
      const modified = dlg.modify(SDP);
      const ours = await peer.expect('INVITE');
      send('INVITE', 2, { body: SDP });
      await peer.expect(491);
      peer.send(response(ours, 200, 'OK', { contact: `<sip:new@127.0.0.1:${peer.port}>`, body: SDP }));
      await modified;
      const ack = await peer.expect('ACK');
      assert.equal(ack.uri, `sip:new@127.0.0.1:${peer.port}`, 'a 2xx refreshes the target');
      dlg.on('modify', () => undefined);
      send('INVITE', 3, { body: SDP });
      await peer.expect((m) => m.status === 100 && m.get('cseq') === '3 INVITE');
      send('INVITE', 4, { body: SDP });
      const second = await peer.expect(500);
      assert.notEqual(second.get('retry-after'), '');
    }));

  test('the target moves with a re-INVITE of the peer', () =>
    upCall(async ({ peer, dlg, send }) => {
      send('INVITE', 2, { body: SDP, contact: `<sip:moved@127.0.0.1:${peer.port}>` });
      const ok = await peer.expect((m) => m.status === 200 && m.get('cseq') === '2 INVITE');
      send('ACK', 2, { to: ok.get('to') });
      const ended = dlg.destroy();
      const bye = await peer.expect('BYE');
      assert.equal(bye.uri, `sip:moved@127.0.0.1:${peer.port}`);
      peer.send(finalOk(bye));
      await ended;
    }));

  test('a BYE before the answer ends the INVITE', async () => {
    const { lab, invites } = await holding();
    const peer = await UdpPeer.open(lab.at('udp'));
    const parts = { uri: 'sip:1@y.z', transport: 'udp', port: peer.port, callId: unique('c') };
    peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
    await peer.expect(100);
    const call = invites[0] ?? assert.fail();
    call.res.send(180);
    const ringing = await peer.expect(180);
    const cancelled = once(call.req, 'cancel');
    peer.send(request({ ...parts, method: 'BYE', to: ringing.get('to'), seq: 2 }));
    await peer.expect((m) => m.status === 200 && m.get('cseq') === '2 BYE');
    await peer.expect(487);
    await cancelled;
    assert.equal(lab.engine.stats().dialogs, 0);
    await lab.close();
    await peer.close();
  });

  test('an app that goes away: its calls get a BYE, its open INVITEs 503', async () => {
    const { lab, dialog } = await answering();
    const peer = await UdpPeer.open(lab.at('udp'));
    const parts = { uri: 'sip:1@y.z', transport: 'udp', port: peer.port, callId: unique('c') };
    peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
    const ok = await peer.expect(200);
    const acked = once(await dialog, 'ack');
    peer.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
    await acked;
    await disconnect(lab.srf);
    const bye = await peer.expect('BYE');
    assert.match(bye.get('reason'), /Application gone/);
    peer.send(finalOk(bye));
    assert.equal(lab.engine.stats().dialogs, 0);
    await lab.engine.close();
    await peer.close();
  });
});

describe('INVITEs of the app', () => {
  test('a second answer of a fork is ACKed and ended, the first call goes on', async () => {
    const lab = await openLab();
    const peer = await UdpPeer.open();
    const call = lab.srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
    const invite = await peer.expect('INVITE');
    const answer = (tag: string): void => {
      peer.send(response(invite, 200, 'OK', { tag, contact: `<sip:${tag}@127.0.0.1:${peer.port}>`, body: SDP }));
    };
    answer('one');
    const dlg = await call;
    await peer.expect('ACK');
    answer('two');
    const ack = await peer.expect('ACK');
    assert.equal(ack.uri, `sip:two@127.0.0.1:${peer.port}`);
    const bye = await peer.expect('BYE');
    assert.equal(bye.tag, 'two');
    peer.send(finalOk(bye));
    // A round trip through the app link: a BYE told to the app would have come by now.
    await lab.srf.request(`sip:1@127.0.0.1:${peer.port}`, { method: 'OPTIONS', headers: {} });
    assert.equal(dlg.connected, true);
    const ended = dlg.destroy();
    const own = await peer.expect('BYE');
    assert.equal(own.tag, 'one');
    peer.send(finalOk(own));
    await ended;
    assert.equal(lab.engine.stats().dialogs, 0);
    await lab.close();
    await peer.close();
  });

  test('a CANCEL that no one answers ends in 408', async () => {
    const lab = await openLab();
    const peer = await UdpPeer.open();
    let sent: (req: SrfRequest) => void = () => undefined;
    const asked = new Promise<SrfRequest>((resolve) => (sent = resolve));
    const call = lab.srf.createUAC(
      `sip:1@127.0.0.1:${peer.port}`,
      { localSdp: SDP, headers: FROM },
      {
        cbRequest: (_e, req) => {
          sent(req);
        },
      },
    );
    const rejected = assert.rejects(call, { status: 408 });
    peer.send(response(await peer.expect('INVITE'), 180, 'Ringing', { tag: 'a' }));
    (await asked).cancel(() => undefined);
    await peer.expect('CANCEL');
    await rejected;
    assert.equal(lab.engine.stats().dialogs, 0);
    await lab.close();
    await peer.close();
  });

  test('an app that goes away: the INVITE is cancelled, a late answer is ACKed and ended', async () => {
    const lab = await openLab();
    const peer = await UdpPeer.open();
    const call = lab.srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
    call.catch(() => undefined);
    const invite = await peer.expect('INVITE');
    peer.send(response(invite, 180, 'Ringing', { tag: 'a' }));
    await disconnect(lab.srf);
    await peer.expect('CANCEL');
    peer.send(response(invite, 200, 'OK', { tag: 'a', contact: `<sip:x@127.0.0.1:${peer.port}>`, body: SDP }));
    await peer.expect('ACK');
    peer.send(finalOk(await peer.expect('BYE')));
    await lab.engine.close();
    await peer.close();
  });
});

describe('limits', () => {
  test('an untrusted source: silence over UDP, no answer and a closed connection over TCP', async () => {
    const seen: string[] = [];
    const { lab } = await answering({
      accept: (source) => {
        seen.push(`${source.transport} ${source.address} ${source.listen.port > 0}`);
        return false;
      },
    });
    const udp = await UdpPeer.open(lab.at('udp'));
    udp.send(request({ method: 'OPTIONS', uri: 'sip:1@y.z', transport: 'udp', port: udp.port }));
    const tcp = await StreamPeer.tcp(lab.at('tcp'));
    await tcp.closed;
    while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen.sort(), ['tcp 127.0.0.1 true', 'udp 127.0.0.1 true']);
    assert.equal(lab.engine.stats().drops['not-accepted'], 2);
    assert.deepEqual([...udp.log, ...tcp.log], []);
    await lab.close();
    await udp.close();
  });

  test('too large a message: 413, and the connection goes on', async () => {
    const { lab } = await answering();
    const peer = await StreamPeer.tcp(lab.at('tcp'));
    const parts = { method: 'INVITE', uri: 'sip:1@y.z', transport: 'tcp', port: peer.localPort };
    peer.send(request({ ...parts, body: 'x'.repeat(100_000) }));
    await peer.expect(413);
    peer.send('\r\n\r\n');
    await once(peer.socket, 'pong');
    peer.send(request({ ...parts, body: SDP }));
    await peer.expect(200);
    await peer.close();
    await lab.close();
  });

  test('garbage closes the connection, a missing Content-Length after a 400', async () => {
    const { lab } = await answering();
    const garbage = await StreamPeer.tcp(lab.at('tcp'));
    garbage.send('GET / HTTP/1.1\r\n\r\n');
    await garbage.closed;
    const unframed = await StreamPeer.tcp(lab.at('tcp'));
    unframed.send(
      request({ method: 'OPTIONS', uri: 'sip:1@y.z', transport: 'tcp', port: 1 }).replace(/Content-Length.*\r\n/, ''),
    );
    await unframed.expect(400);
    await unframed.closed;
    await lab.close();
  });

  test('a message that does not come to its end closes the connection', async () => {
    const { lab } = await answering();
    const peer = await StreamPeer.tcp(lab.at('tcp'));
    peer.send('OPTIONS sip:x SIP/2.0\r\nVia');
    await peer.closed;
    assert.equal(lab.engine.stats().drops['incomplete-message'], 1);
    await lab.close();
  });

  test('a connection that idles is closed, one with a dialog is not', async () => {
    const { lab } = await answering({ timers: { t1: T1, idle: 100 } });
    const idle = await StreamPeer.tcp(lab.at('tcp'));
    const busy = await StreamPeer.tcp(lab.at('tcp'));
    const parts = { uri: 'sip:1@y.z', transport: 'tcp', port: 1, callId: unique('c') };
    busy.send(request({ ...parts, method: 'INVITE', body: SDP }));
    const ok = await busy.expect(200);
    busy.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
    await idle.closed;
    const late = await StreamPeer.tcp(lab.at('tcp'));
    await late.closed;
    busy.send(request({ ...parts, method: 'BYE', to: ok.get('to'), seq: 2 }));
    await busy.expect((m) => m.get('cseq') === '2 BYE');
    await busy.close();
    await lab.close();
  });

  test('too many transactions: 503 with Retry-After for new INVITEs', async () => {
    const { lab } = await answering({ limits: { transactions: 1 } });
    const peer = await UdpPeer.open(lab.at('udp'));
    peer.send(request({ method: 'INVITE', uri: 'sip:1@y.z', transport: 'udp', port: peer.port, body: SDP }));
    await peer.expect(200);
    peer.send(
      request({ method: 'INVITE', uri: 'sip:1@y.z', transport: 'udp', port: peer.port, body: SDP, fromTag: 'other' }),
    );
    const refused = await peer.expect(503);
    assert.notEqual(refused.get('retry-after'), '');
    await lab.close();
    await peer.close();
  });

  test('too many connections: the next one is closed', async () => {
    const { lab } = await answering({ limits: { connections: 1 } });
    const first = await StreamPeer.tcp(lab.at('tcp'));
    first.send('\r\n\r\n');
    await once(first.socket, 'pong');
    const second = await StreamPeer.tcp(lab.at('tcp'));
    await second.closed;
    assert.equal(lab.engine.stats().drops['too-many-connections'], 1);
    await first.close();
    await lab.close();
  });

  test('proxy is refused in words', async () => {
    const { lab, invites } = await holding();
    const peer = await UdpPeer.open(lab.at('udp'));
    peer.send(request({ method: 'INVITE', uri: 'sip:1@y.z', transport: 'udp', port: peer.port, body: SDP }));
    await peer.expect(100);
    await assert.rejects((invites[0] ?? assert.fail()).req.proxy({ destination: 'sip:a@b' }), /not supported/);
    await lab.close();
    await peer.close();
  });

  test('advertised addresses stand in Via and Contact', async () => {
    const engineListen = [
      { transport: 'udp' as const, host: '127.0.0.1', port: 0, advertised: { host: 'gw.example.com', port: 5099 } },
    ];
    const lab = await openLab({ listen: engineListen });
    const peer = await UdpPeer.open();
    const call = lab.srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP });
    const rejected = assert.rejects(call, { status: 486 });
    const invite = await peer.expect('INVITE');
    assert.match(invite.get('via'), /^SIP\/2\.0\/UDP gw\.example\.com:5099;/);
    assert.equal(invite.get('contact'), '<sip:gw.example.com:5099>');
    peer.send(response(invite, 486, 'Busy', { tag: 'a' }));
    await rejected;
    await lab.close();
    await peer.close();
  });
});
