import assert from 'node:assert/strict';
import { once } from 'node:events';
import { StreamPeer, UdpPeer, type Msg, type Peer } from '../support/peer.js';
import {
  connectSrf,
  disconnect,
  type Srf,
  type SrfDialog,
  type SrfMessage,
  type SrfRequest,
  type SrfResponse,
} from '../support/srf.js';
import { request, SDP, unique } from '../support/texts.js';
import type { Case, FarEndUnderTest } from './far-end.js';

/** An app that answers every INVITE, and the dialog it gets. */
export async function answering(far: FarEndUnderTest): Promise<{ srf: Srf; dialog: Promise<SrfDialog> }> {
  let answered: (dialog: SrfDialog) => void = () => undefined;
  const dialog = new Promise<SrfDialog>((resolve) => (answered = resolve));
  const srf = await connectSrf(far, {
    invite: (req, res) => {
      void srf.createUAS(req, res, { localSdp: SDP, headers: { 'X-Answer': 'yes' } }).then(answered);
    },
  });
  return { srf, dialog };
}

/** An app that lets the test answer. */
export async function holding(
  far: FarEndUnderTest,
): Promise<{ srf: Srf; invite: Promise<{ req: SrfRequest; res: SrfResponse }> }> {
  let arrived: (call: { req: SrfRequest; res: SrfResponse }) => void = () => undefined;
  const invite = new Promise<{ req: SrfRequest; res: SrfResponse }>((resolve) => (arrived = resolve));
  const srf = await connectSrf(far, {
    invite: (req, res) => {
      arrived({ req, res });
    },
  });
  return { srf, invite };
}

const isBye200 = (m: Msg): boolean => m.status === 200 && m.get('cseq').endsWith('BYE');

async function plainCall(far: FarEndUnderTest, peer: Peer, transport: string, port: number): Promise<void> {
  const { srf, dialog } = await answering(far);
  const parts = {
    uri: 'sip:100@127.0.0.1',
    transport,
    port,
    callId: `outgoing:${unique('wacid.HBgL')}==`,
    fromTag: 'f1',
  };
  try {
    const via = 'SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKouter;alias';
    peer.send(request({ ...parts, method: 'INVITE', body: SDP, headers: [`Via: ${via}`] }));
    const ok = await peer.expect(200);
    assert.notEqual(ok.tag, '');
    assert.match(ok.get('contact'), /^<sips?:/);
    assert.equal(ok.get('x-answer'), 'yes');
    assert.equal(ok.body, SDP);
    assert.match(ok.all('via').join(', '), /rport=\d+.*2001:db8::1/s, 'all Vias come back in order');
    const dlg = await dialog;
    assert.equal(dlg.id, `${parts.callId};from-tag=f1`);
    assert.equal(dlg.sip.localTag, ok.tag);
    const acked = once(dlg, 'ack');
    peer.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
    await acked;
    const destroyed = once(dlg, 'destroy');
    peer.send(request({ ...parts, method: 'BYE', to: ok.get('to'), seq: 2 }));
    await peer.expect(isBye200);
    await destroyed;
  } finally {
    await disconnect(srf);
    await peer.close();
  }
}

/** RFC 3261 section 17.2.1: nobody waits for longer than 200 ms without a word. */
async function slowApp(far: FarEndUnderTest, peer: Peer, transport: string, port: number): Promise<void> {
  const { srf, invite } = await holding(far);
  try {
    const parts = { uri: 'sip:100@127.0.0.1', transport, port, callId: unique('slow'), fromTag: 'f1' };
    peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
    const trying = await peer.expect(100);
    assert.equal(trying.get('call-id'), parts.callId);
    assert.equal(trying.tag, '');
    const { res } = await invite;
    res.send(486);
    const busy = await peer.expect(486);
    peer.send(request({ ...parts, method: 'ACK', to: busy.get('to') }));
  } finally {
    await disconnect(srf);
    await peer.close();
  }
}

export const callsIn: Case[] = [
  {
    name: 'an app that takes its time: the peer gets 100, over UDP and TLS',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      await slowApp(far, peer, 'udp', peer.port);
      const tls = await StreamPeer.tls(far.tls, { rejectUnauthorized: false });
      await slowApp(far, tls, 'tls', tls.localPort);
    },
  },
  {
    name: 'a call over UDP is answered, ACKed and ended by the peer',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      await plainCall(far, peer, 'udp', peer.port);
    },
  },
  {
    name: 'a call over TCP is answered, ACKed and ended by the peer',
    run: async (far) => {
      const peer = await StreamPeer.tcp(far.tcp);
      await plainCall(far, peer, 'tcp', peer.localPort);
    },
  },
  {
    name: 'a call over TLS is answered, ACKed and ended by the peer',
    run: async (far) => {
      const peer = await StreamPeer.tls(far.tls, { rejectUnauthorized: false });
      await plainCall(far, peer, 'tls', peer.localPort);
    },
  },
  {
    name: 'the app sees source, transport and raw headers of an INVITE',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const { srf, invite } = await holding(far);
      const headers = ['x-wa-meta-wacid: abc', 'X-FB-External-Domain: wa.meta.vc'];
      peer.send(
        request({
          method: 'INVITE',
          uri: 'sip:+49;tgrp=a@127.0.0.1',
          transport: 'udp',
          port: peer.port,
          body: SDP,
          headers,
        }),
      );
      const { req, res } = await invite;
      assert.equal(req.source_address, '127.0.0.1');
      assert.equal(req.source_port, peer.port);
      assert.equal(req.protocol, 'udp');
      assert.equal(req.uri, 'sip:+49;tgrp=a@127.0.0.1');
      assert.equal(req.get('X-WA-Meta-WACID'), 'abc');
      assert.equal(req.body, SDP);
      res.send(486);
      const busy = await peer.expect(486);
      assert.notEqual(busy.tag, '');
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'a BYE of the app follows the route set to the opaque remote target',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const { srf, dialog } = await answering(far);
      const target = `sip:+1@127.0.0.1:${peer.port};ob;X-FB-Sip-Smc-Tier=collaboration.sip`;
      const routes = [`<sip:127.0.0.1:${peer.port};lr;x=1>`, '<sip:second.invalid:8191;transport=tls;lr>'];
      const parts = {
        uri: 'sip:100@127.0.0.1',
        transport: 'udp',
        port: peer.port,
        callId: unique('c'),
        contact: `<${target}>;isfocus`,
      };
      const recordRoutes = routes.map((r) => `Record-Route: ${r}`);
      peer.send(request({ ...parts, method: 'INVITE', body: SDP, headers: recordRoutes }));
      const ok = await peer.expect(200);
      assert.deepEqual(ok.all('record-route').join(', '), routes.join(', '));
      const dlg = await dialog;
      const acked = once(dlg, 'ack');
      peer.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
      await acked;
      const ended = dlg.destroy({ headers: { Reason: 'Q.850;cause=16' } });
      const bye = await peer.expect('BYE');
      assert.equal(bye.uri, target);
      assert.equal(bye.all('route').join(', '), routes.join(', '));
      assert.equal(bye.get('reason'), 'Q.850;cause=16');
      assert.equal(bye.get('from'), ok.get('to'));
      peer.send(finalOk(bye));
      await ended;
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'CANCEL: 200, 487 and the app hears of it',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const { srf, invite } = await holding(far);
      const parts = {
        uri: 'sip:100@127.0.0.1',
        transport: 'udp',
        port: peer.port,
        callId: unique('c'),
        branch: unique('z9hG4bKc'),
      };
      peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
      const { req, res } = await invite;
      res.send(180);
      await peer.expect(180);
      const cancelled = once(req, 'cancel') as Promise<[SrfMessage]>;
      peer.send(request({ ...parts, method: 'CANCEL', headers: ['Reason: SIP;cause=200'] }));
      await peer.expect((m) => m.status === 200 && m.get('cseq').endsWith('CANCEL'));
      const refused = await peer.expect(487);
      assert.match(refused.get('cseq'), /INVITE$/);
      const [cancel] = await cancelled;
      assert.equal(cancel.get('Reason'), 'SIP;cause=200');
      peer.send(request({ ...parts, method: 'ACK', to: refused.get('to') }));
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'a 2xx is repeated until its ACK comes',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const { srf, dialog } = await answering(far);
      const parts = { uri: 'sip:100@127.0.0.1', transport: 'udp', port: peer.port, callId: unique('c') };
      peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
      const first = await peer.expect(200);
      const second = await peer.expect(200);
      assert.equal(second.raw, first.raw);
      const dlg = await dialog;
      const acked = once(dlg, 'ack');
      peer.send(request({ ...parts, method: 'ACK', to: first.get('to') }));
      await acked;
      peer.send(request({ ...parts, method: 'BYE', to: first.get('to'), seq: 2 }));
      await peer.expect(isBye200);
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'without an ACK the peer gets a BYE and the dialog of the app ends',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const { srf, dialog } = await answering(far);
      const parts = { uri: 'sip:100@127.0.0.1', transport: 'udp', port: peer.port, callId: unique('c') };
      peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
      const dlg = await dialog;
      const destroyed = once(dlg, 'destroy') as Promise<[SrfRequest, string]>;
      const bye = await peer.expect('BYE', 80 * far.t1);
      peer.send(finalOk(bye));
      const [, reason] = await destroyed;
      assert.match(reason, /ACK/i);
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'a re-INVITE reaches the dialog of the app and is answered',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const { srf, dialog } = await answering(far);
      const parts = { uri: 'sip:100@127.0.0.1', transport: 'udp', port: peer.port, callId: unique('c') };
      peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
      const ok = await peer.expect(200);
      peer.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
      const dlg = await dialog;
      dlg.on('modify', (_req: SrfRequest, res: SrfResponse) => {
        res.send(200, { body: SDP, headers: { Contact: dlg.local.contact } });
      });
      peer.send(request({ ...parts, method: 'INVITE', to: ok.get('to'), seq: 2, body: SDP.replace('- 1 1', '- 1 2') }));
      const again = await peer.expect((m) => m.status === 200 && m.get('cseq') === '2 INVITE');
      peer.send(request({ ...parts, method: 'ACK', to: again.get('to'), seq: 2 }));
      peer.send(request({ ...parts, method: 'BYE', to: ok.get('to'), seq: 3 }));
      await peer.expect(isBye200);
      await disconnect(srf);
      await peer.close();
    },
  },
];

export function finalOk(to: Msg): string {
  const vias = to.all('via').map((via) => `Via: ${via}`);
  const rest = ['from', 'to', 'call-id', 'cseq'].map((name) => `${name}: ${to.get(name)}`);
  return ['SIP/2.0 200 OK', ...vias, ...rest, 'Content-Length: 0', '', ''].join('\r\n');
}
