import assert from 'node:assert/strict';
import { once } from 'node:events';
import { StreamListener, UdpPeer, type Msg } from '../support/peer.js';
import { connectSrf, disconnect, type SrfRequest } from '../support/srf.js';
import { response, SDP, unique } from '../support/texts.js';
import { finalOk } from './calls-in.js';
import type { Case } from './far-end.js';

const FROM = { From: '<sip:+4930@gw.example.com>' };

/** Contact of a test peer on UDP. */
function at(peer: UdpPeer, params = ''): string {
  return `<sip:callee@127.0.0.1:${peer.port}${params}>`;
}

export const callsOut: Case[] = [
  {
    name: 'an INVITE of the app is answered, ACKed to the opaque target by the reversed route set, and ended',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const statuses: number[] = [];
      const call = srf.createUAC(
        `sip:+4940@127.0.0.1:${peer.port}`,
        { localSdp: SDP, headers: { ...FROM, 'X-Custom': 'a', 'User-Agent': 'contract' } },
        { cbProvisional: (res) => statuses.push(res.status) },
      );
      const invite = await peer.expect('INVITE');
      assert.match(invite.get('from'), /^<sip:\+4930@gw\.example\.com>;tag=.+/);
      assert.equal(invite.get('max-forwards'), '70');
      assert.equal(invite.get('content-type'), 'application/sdp');
      assert.equal(invite.get('x-custom'), 'a');
      assert.equal(invite.get('user-agent'), 'contract');
      assert.equal(invite.body, SDP);
      assert.match(invite.branch, /^z9hG4bK/);
      const routes = ['<sip:first.invalid;lr>', `<sip:127.0.0.1:${peer.port};lr>`];
      const headers = routes.map((r) => `Record-Route: ${r}`);
      const contact = at(peer, ';transport=udp;ob;X-FB-Sip-Smc-Tier=a.b');
      peer.send(response(invite, 100, 'Trying'));
      peer.send(response(invite, 180, 'Ringing', { tag: 'callee', contact, headers }));
      peer.send(response(invite, 200, 'OK', { tag: 'callee', contact, headers, body: SDP }));
      const dlg = await call;
      assert.deepEqual(statuses, [180]);
      assert.equal(dlg.id, `${invite.get('call-id')};from-tag=${dlg.sip.localTag}`);
      assert.equal(dlg.sip.remoteTag, 'callee');
      const ack = await peer.expect('ACK');
      assert.equal(`<${ack.uri}>`, contact);
      assert.equal(ack.all('route').join(', '), [...routes].reverse().join(', '));
      assert.notEqual(ack.branch, invite.branch);
      assert.equal(ack.get('cseq'), invite.get('cseq').replace('INVITE', 'ACK'));
      peer.send(response(invite, 200, 'OK', { tag: 'callee', contact, headers, body: SDP }));
      const again = await peer.expect('ACK');
      assert.equal(again.get('cseq'), ack.get('cseq'), 'a repeated 2xx is ACKed again');
      const ended = dlg.destroy();
      const bye = await peer.expect('BYE');
      assert.equal(Number(bye.get('cseq').split(' ')[0]), Number(invite.get('cseq').split(' ')[0]) + 1);
      peer.send(finalOk(bye));
      await ended;
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'a refusal rejects with its status and is ACKed by the far end',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const call = srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
      const rejected = assert.rejects(call, { status: 486, reason: 'Busy Here' });
      const invite = await peer.expect('INVITE');
      peer.send(response(invite, 486, 'Busy Here', { tag: 'callee' }));
      const ack = await peer.expect('ACK');
      assert.equal(ack.branch, invite.branch);
      assert.equal(ack.tag, 'callee');
      await rejected;
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'a CANCEL waits for the first provisional response',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      let sent: (req: SrfRequest) => void = () => undefined;
      const request = new Promise<SrfRequest>((resolve) => (sent = resolve));
      const call = srf.createUAC(
        `sip:1@127.0.0.1:${peer.port}`,
        { localSdp: SDP, headers: FROM },
        {
          cbRequest: (_error, req) => {
            sent(req);
          },
        },
      );
      const rejected = assert.rejects(call, { status: 487 });
      const invite = await peer.expect('INVITE');
      const req = await request;
      const asked = new Promise((resolve) => {
        req.cancel({ headers: { Reason: 'SIP;cause=200' } }, resolve);
      });
      await asked;
      assert.equal(peer.log.filter((m) => m.method === 'CANCEL').length, 0);
      peer.send(response(invite, 100, 'Trying'));
      const cancel = await peer.expect('CANCEL');
      assert.equal(cancel.branch, invite.branch);
      assert.equal(cancel.uri, invite.uri);
      assert.equal(cancel.get('cseq'), invite.get('cseq').replace('INVITE', 'CANCEL'));
      peer.send(finalOk(cancel));
      peer.send(response(invite, 487, 'Request Terminated', { tag: 'callee' }));
      await peer.expect('ACK');
      await rejected;
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'requests over TCP share one connection',
    run: async (far) => {
      const listener = await StreamListener.open();
      const srf = await connectSrf(far);
      const uri = `sip:1@127.0.0.1:${listener.port};transport=tcp`;
      const call = srf.createUAC(uri, { localSdp: SDP, headers: FROM });
      const peer = await listener.connection();
      const invite = await peer.expect('INVITE');
      assert.match(invite.get('via'), /^SIP\/2\.0\/TCP /);
      peer.send(response(invite, 200, 'OK', { tag: 'x', contact: `<${uri}>`, body: SDP }));
      const dlg = await call;
      await peer.expect('ACK');
      const ended = dlg.destroy();
      peer.send(finalOk(await peer.expect('BYE')));
      await ended;
      assert.equal(listener.accepted, 1);
      await disconnect(srf);
      await listener.close();
    },
  },
  {
    name: 'the app answers a digest challenge with its own second INVITE on the same Call-ID',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const call = srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, {
        localSdp: SDP,
        headers: FROM,
        auth: { username: 'u', password: 'p' },
      });
      const first = await peer.expect('INVITE');
      const challenge = 'Proxy-Authenticate: Digest realm="wa.meta.vc",nonce="1",opaque="2",algorithm=MD5,qop="auth"';
      peer.send(response(first, 407, 'Proxy Authentication Required', { tag: 'x', headers: [challenge] }));
      await peer.expect('ACK');
      const second = await peer.expect('INVITE');
      assert.equal(second.get('call-id'), first.get('call-id'));
      assert.equal(second.get('from'), first.get('from'));
      assert.match(second.get('proxy-authorization'), /opaque="2"/);
      peer.send(response(second, 200, 'OK', { tag: 'y', contact: at(peer), body: SDP }));
      const ack = await peer.expect('ACK');
      assert.equal(ack.get('cseq'), second.get('cseq').replace('INVITE', 'ACK'));
      const dlg = await call;
      const ended = dlg.destroy();
      peer.send(finalOk(await peer.expect('BYE')));
      await ended;
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'the peer ends a call of the app',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const call = srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
      const invite = await peer.expect('INVITE');
      peer.send(response(invite, 200, 'OK', { tag: 'x', contact: at(peer), body: SDP }));
      const dlg = await call;
      await peer.expect('ACK');
      const destroyed = once(dlg, 'destroy');
      peer.send(byeOfCallee(invite, 'x', peer.port));
      await peer.expect((m) => m.status === 200 && m.get('cseq').endsWith('BYE'));
      await destroyed;
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'a request in a dialog carries its headers and body and brings the response',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const call = srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
      const invite = await peer.expect('INVITE');
      peer.send(response(invite, 200, 'OK', { tag: 'x', contact: at(peer), body: SDP }));
      const dlg = await call;
      const answer = dlg.request({ method: 'INFO', headers: { 'Content-Type': 'text/plain' }, body: 'grüße' });
      const info = await peer.expect('INFO');
      assert.equal(Buffer.from(info.body, 'latin1').toString(), 'grüße');
      assert.equal(info.get('content-length'), '7');
      peer.send(finalOk(info));
      assert.equal((await answer).status, 200);
      const ended = dlg.destroy();
      peer.send(finalOk(await peer.expect('BYE')));
      await ended;
      await assert.rejects(dlg.request({ method: 'INFO', headers: {} }), { code: 'ENODIALOG' });
      await disconnect(srf);
      await peer.close();
    },
  },
];

/** What only the embedded server does: a drachtio-server may look up the Route of an ACK all the same. */
export const embeddedOnly: Case[] = [
  {
    name: 'a proxy given with the INVITE is the next hop of the whole dialog',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const call = srf.createUAC('sip:+4940@wa.meta.invalid', {
        localSdp: SDP,
        headers: FROM,
        proxy: `sip:127.0.0.1:${peer.port};transport=udp`,
      });
      const invite = await peer.expect('INVITE');
      assert.equal(invite.uri, 'sip:+4940@wa.meta.invalid');
      const headers = [
        'Record-Route: <sip:onevc.fbinfra.invalid:8191;transport=tls;lr>',
        'Record-Route: <sip:wa.meta.invalid;transport=tls;lr>',
      ];
      peer.send(
        response(invite, 200, 'OK', { tag: 'x', contact: '<sip:+4940@wa.meta.invalid;ob>', headers, body: SDP }),
      );
      const dlg = await call;
      const ack = await peer.expect('ACK');
      assert.match(ack.all('route').join(', '), /^<sip:wa\.meta\.invalid.*fbinfra/);
      const ended = dlg.destroy();
      const bye = await peer.expect('BYE');
      assert.equal(bye.uri, 'sip:+4940@wa.meta.invalid;ob');
      peer.send(finalOk(bye));
      await ended;
      await disconnect(srf);
      await peer.close();
    },
  },
];

function byeOfCallee(invite: Msg, tag: string, port: number): string {
  return [
    `BYE ${/<([^>]+)>/.exec(invite.get('contact'))?.[1] ?? ''} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${port};rport;branch=${unique('z9hG4bKb')}`,
    'Max-Forwards: 70',
    `From: ${invite.get('to')};tag=${tag}`,
    `To: ${invite.get('from')}`,
    `Call-ID: ${invite.get('call-id')}`,
    'CSeq: 7 BYE',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
