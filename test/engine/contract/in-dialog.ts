import assert from 'node:assert/strict';
import { once } from 'node:events';
import { UdpPeer, type Msg } from '../support/peer.js';
import { connectSrf, disconnect, type Srf, type SrfDialog, type SrfRequest, type SrfResponse } from '../support/srf.js';
import { request, response, SDP, unique } from '../support/texts.js';
import { answering, finalOk } from './calls-in.js';
import type { Case, FarEndUnderTest } from './far-end.js';

const FROM = { From: '<sip:+4930@gw.example.com>' };
const OFFER = SDP.replace('40000', '40002');
const challenge = (algorithm: string): string =>
  `Digest realm="r", nonce="${algorithm}, n", algorithm=${algorithm}, qop="auth"`;

interface Incoming {
  readonly srf: Srf;
  readonly peer: UdpPeer;
  readonly dlg: SrfDialog;
  readonly ok: Msg;
  /** Sends a request of the peer in the dialog. */
  readonly say: (method: string, seq: number, body?: string, branch?: string) => void;
  readonly end: () => Promise<void>;
}

/** A call of the peer that the app has answered and that waits for its ACK. */
async function incoming(far: FarEndUnderTest, offer: string): Promise<Incoming> {
  const peer = await UdpPeer.open(far.udp);
  const { srf, dialog } = await answering(far);
  const parts = { uri: 'sip:100@127.0.0.1', transport: 'udp', port: peer.port, callId: unique('c') };
  peer.send(request({ ...parts, method: 'INVITE', body: offer }));
  const ok = await peer.expect(200);
  const dlg = await dialog;
  return {
    ...{ srf, peer, dlg, ok },
    say: (method, seq, body = '', branch = unique('z9hG4bKs')) => {
      peer.send(request({ ...parts, method, seq, body, branch, to: ok.get('to') }));
    },
    end: async () => {
      await disconnect(srf);
      await peer.close();
    },
  };
}

interface Outgoing {
  readonly srf: Srf;
  readonly peer: UdpPeer;
  readonly dlg: SrfDialog;
  readonly invite: Msg;
  readonly end: () => Promise<void>;
}

/** A call of the app that the peer has answered. */
async function outgoing(far: FarEndUnderTest): Promise<Outgoing> {
  const peer = await UdpPeer.open();
  const srf = await connectSrf(far);
  const call = srf.createUAC(`sip:1@127.0.0.1:${peer.port}`, { localSdp: SDP, headers: FROM });
  const invite = await peer.expect('INVITE');
  const contact = `<sip:callee@127.0.0.1:${peer.port};ob>`;
  peer.send(response(invite, 200, 'OK', { tag: 'callee', contact, body: SDP }));
  const dlg = await call;
  await peer.expect('ACK');
  const end = async (): Promise<void> => {
    await disconnect(srf);
    await peer.close();
  };
  return { srf, peer, dlg, invite, end };
}

/** A request of the app by the lowest means: what an adapter of its own uses. */
function raw(srf: Srf, options: object): Promise<SrfRequest> {
  return new Promise((resolve, reject) => {
    srf.app.client.request(options, (error, req) => {
      if (error instanceof Error) reject(error);
      else resolve(req);
    });
  });
}

const seqOf = (m: Msg): number => Number(m.get('cseq').split(' ')[0]);

export const inDialog: Case[] = [
  {
    name: 'two challenges reach the app as two lines, and its second INVITE has Call-ID, From tag and CSeq as given',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const uri = `sip:1@127.0.0.1:${peer.port}`;
      const req = await raw(srf, { method: 'INVITE', uri, headers: { ...FROM }, body: SDP });
      const challenged = once(req, 'response') as Promise<[SrfResponse]>;
      const first = await peer.expect('INVITE');
      const headers = ['SHA-256', 'MD5'].map((algorithm) => `Proxy-Authenticate: ${challenge(algorithm)}`);
      peer.send(response(first, 407, 'Proxy Authentication Required', { tag: 'x', headers }));
      await peer.expect('ACK');
      const [res] = await challenged;
      const lines = headLines((res as unknown as { msg: { raw: string } }).msg.raw);
      assert.deepEqual(
        lines.filter((line) => /^proxy-authenticate/i.test(line)).map((line) => line.replace(/^[^:]*:\s*/, '')),
        [challenge('SHA-256'), challenge('MD5')],
      );

      const again = {
        From: first.get('from'),
        'Call-ID': first.get('call-id'),
        CSeq: `${seqOf(first) + 1} INVITE`,
        'Proxy-Authorization': 'Digest username="u"',
      };
      const second = await raw(srf, { method: 'INVITE', uri, headers: again, body: SDP });
      const refused = once(second, 'response') as Promise<[SrfResponse]>;
      const invite = await peer.expect((m) => m.method === 'INVITE' && seqOf(m) === seqOf(first) + 1);
      assert.equal(invite.get('call-id'), first.get('call-id'));
      assert.equal(invite.get('from'), first.get('from'));
      assert.equal(invite.get('proxy-authorization'), 'Digest username="u"');
      assert.notEqual(invite.branch, first.branch);
      assert.equal(second.get('call-id'), first.get('call-id'));

      // A CANCEL belongs to the one it was asked of.
      peer.send(response(invite, 180, 'Ringing', { tag: 'y' }));
      await refused;
      const done = once(second, 'response') as Promise<[SrfResponse]>;
      second.cancel({ headers: {} }, () => undefined);
      const cancel = await peer.expect('CANCEL');
      assert.equal(cancel.branch, invite.branch);
      assert.equal(cancel.get('cseq'), `${seqOf(invite)} CANCEL`);
      peer.send(finalOk(cancel));
      peer.send(response(invite, 487, 'Request Terminated', { tag: 'y' }));
      assert.equal((await done)[0].status, 487);
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'two header lines of one name leave as two',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const lines = [challenge('SHA-256'), challenge('MD5')];
      const srf = await connectSrf(far, {
        options: (_req, res) => {
          res.send(401, { headers: { 'WWW-Authenticate': lines.join('\r\nWWW-Authenticate: ') } });
        },
      });
      peer.send(request({ method: 'OPTIONS', uri: 'sip:127.0.0.1', transport: 'udp', port: peer.port }));
      const compact = (text: string): string => text.replace(/, (?=\w+=)/g, ',');
      assert.deepEqual((await peer.expect(401)).all('www-authenticate').map(compact), lines.map(compact));
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'the ACK brings the answer to a late offer, in the first INVITE and in a re-INVITE',
    run: async (far) => {
      const { peer, dlg, say, end } = await incoming(far, '');
      const acked = once(dlg, 'ack') as Promise<[SrfRequest]>;
      say('ACK', 1, OFFER);
      assert.equal((await acked)[0].body, OFFER);
      dlg.on('modify', (_req: SrfRequest, res: SrfResponse) => {
        res.send(200, { body: SDP, headers: { Contact: dlg.local.contact } });
      });
      say('INVITE', 2);
      const ok = await peer.expect((m) => m.status === 200 && m.get('cseq') === '2 INVITE');
      assert.equal(ok.body, SDP);
      const again = once(dlg, 'ack') as Promise<[SrfRequest]>;
      say('ACK', 2, SDP);
      assert.equal((await again)[0].body, SDP);
      say('BYE', 3);
      await peer.expect((m) => m.status === 200 && m.get('cseq') === '3 BYE');
      await end();
    },
  },
  {
    name: 'a re-INVITE of the app is ACKed with its CSeq, a refused one leaves the call as it was',
    run: async (far) => {
      const { peer, dlg, invite, end } = await outgoing(far);
      const modified = dlg.modify(OFFER);
      const first = await peer.expect((m) => m.method === 'INVITE' && m.branch !== invite.branch);
      assert.equal(first.body, OFFER);
      assert.equal(first.uri, `sip:callee@127.0.0.1:${peer.port};ob`);
      assert.ok(seqOf(first) > seqOf(invite));
      assert.match(first.get('contact'), /sip/);
      const contact = `<sip:callee@127.0.0.1:${peer.port};moved>`;
      peer.send(response(first, 200, 'OK', { contact, body: SDP }));
      const ack = await peer.expect((m) => m.method === 'ACK' && seqOf(m) === seqOf(first));
      assert.equal(`<${ack.uri}>`, contact);
      await modified;

      const refused = assert.rejects(dlg.modify(OFFER), { status: 488 });
      const second = await peer.expect((m) => m.method === 'INVITE' && seqOf(m) > seqOf(first));
      assert.equal(`<${second.uri}>`, contact);
      peer.send(response(second, 488, 'Not Acceptable Here'));
      await peer.expect((m) => m.method === 'ACK' && m.branch === second.branch);
      await refused;
      const ended = dlg.destroy();
      peer.send(finalOk(await peer.expect('BYE')));
      await ended;
      await end();
    },
  },
  {
    name: 'NOTIFY and UPDATE of the app bring their responses, each with the next CSeq',
    run: async (far) => {
      const { peer, dlg, invite, end } = await outgoing(far);
      let last = seqOf(invite);
      for (const method of ['NOTIFY', 'UPDATE']) {
        const answer = dlg.request({ method, headers: { Event: 'refer', 'Subscription-State': 'active' } });
        const sent = await peer.expect(method);
        assert.equal(seqOf(sent), last + 1);
        assert.equal(sent.get('event'), 'refer');
        last = seqOf(sent);
        peer.send(finalOk(sent));
        assert.equal((await answer).status, 200);
      }
      const ended = dlg.destroy();
      peer.send(finalOk(await peer.expect('BYE')));
      await ended;
      await end();
    },
  },
  {
    name: 'a challenged BYE may be sent again: its dialog is still there, and the echo tells the URI',
    run: async (far) => {
      const { srf, peer, dlg, invite, end } = await outgoing(far);
      const target = `sip:callee@127.0.0.1:${peer.port};ob`;
      const bye = await raw(srf, { method: 'BYE', stackDialogId: dlg.id, headers: {} });
      assert.equal(bye.uri, target);
      const challenged = once(bye, 'response');
      const first = await peer.expect('BYE');
      assert.equal(first.uri, target);
      peer.send(response(first, 407, 'Challenge', { headers: [`Proxy-Authenticate: ${challenge('MD5')}`] }));
      await challenged;
      const headers = { 'Proxy-Authorization': 'Digest username="u"' };
      const again = await raw(srf, { method: 'BYE', stackDialogId: dlg.id, uri: bye.uri, headers });
      const answered = once(again, 'response') as Promise<[SrfResponse]>;
      const second = await peer.expect((m) => m.method === 'BYE' && m.branch !== first.branch);
      assert.equal(second.uri, target);
      assert.equal(second.get('call-id'), invite.get('call-id'));
      assert.equal(seqOf(second), seqOf(first) + 1);
      assert.equal(second.get('proxy-authorization'), 'Digest username="u"');
      peer.send(finalOk(second));
      assert.equal((await answered)[0].status, 200);
      await end();
    },
  },
];

/** Not checked at a drachtio-server. */
export const inDialogEmbedded: Case[] = [
  {
    name: 'a CANCEL of a re-INVITE is answered, ends it alone, and the app hears of it',
    run: async (far) => {
      const { peer, dlg, say, end } = await incoming(far, SDP);
      const acked = once(dlg, 'ack');
      say('ACK', 1);
      await acked;
      const asked = once(dlg, 'modify') as Promise<[SrfRequest, SrfResponse]>;
      const branch = unique('z9hG4bKr');
      say('INVITE', 2, OFFER, branch);
      const [req, res] = await asked;
      const cancelled = once(req, 'cancel');
      say('CANCEL', 2, '', branch);
      await peer.expect((m) => m.status === 200 && m.get('cseq') === '2 CANCEL');
      await peer.expect((m) => m.status === 487 && m.get('cseq') === '2 INVITE');
      await cancelled;
      say('ACK', 2, '', branch);
      const late = new Promise((resolve) => {
        res.send(200, { body: SDP, headers: { Contact: dlg.local.contact } }, resolve);
      });
      assert.match(String(await late), /final response/);
      // The call goes on: the next re-INVITE is answered.
      dlg.once('modify', (_req: SrfRequest, next: SrfResponse) => {
        next.send(200, { body: SDP, headers: { Contact: dlg.local.contact } });
      });
      say('INVITE', 3, OFFER);
      await peer.expect((m) => m.status === 200 && m.get('cseq') === '3 INVITE');
      say('ACK', 3);
      say('BYE', 4);
      await peer.expect((m) => m.status === 200 && m.get('cseq') === '4 BYE');
      await end();
    },
  },
];

function headLines(raw: string): string[] {
  return raw.slice(0, raw.indexOf('\r\n\r\n')).split('\r\n');
}
