/** Challenges on the wire: the port, the real drachtio-srf and the embedded SIP server against scripted UDP and TLS peers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Engine, startEngine } from '../../gateway/engine/index.js';
import { createSipPort } from '../../gateway/sip/drachtio.js';
import type { SipPort } from '../../gateway/sip/port.js';
import { type Msg, type Peer, StreamListener, type StreamPeer, UdpPeer } from '../engine/support/peer.js';
import { TestPki } from '../engine/support/pki.js';
import { response } from '../engine/support/texts.js';
import { type Challenge, challengeLine, fault, PASSWORD, USER } from './challenger.js';
import { SDP } from './fake-server.js';
import { CallRecorder } from './recorder.js';

const HOST = 'wa.meta.example';
const URI = `sip:+4930123@${HOST}`;
const CONTACT = 'sip:+4930123@127.0.0.1;ob;X-FB-Sip-Smc-Tier=a.b';

const MD5: Challenge = { algorithm: 'MD5', nonce: 'md5, nonce=x', opaque: 'md5 opaque' };
const SHA: Challenge = { algorithm: 'SHA-256', nonce: 'sha nonce', opaque: 'sha opaque' };
const UNKNOWN: Challenge = { algorithm: 'WHIRLPOOL', nonce: 'w', opaque: 'o' };
const BROKEN = 'Digest realm="pbx';

interface Row {
  readonly name: string;
  /** The challenges, one set after another. */
  readonly rounds: readonly (readonly (Challenge | string)[])[];
  /** The one to be answered of each set. */
  readonly answered: readonly Challenge[];
}

const stale = (challenge: Challenge): Challenge => ({ ...challenge, nonce: `fresh ${challenge.nonce}`, stale: true });
const ROWS: readonly Row[] = [
  { name: 'MD5', rounds: [[MD5]], answered: [MD5] },
  { name: 'SHA-256', rounds: [[SHA]], answered: [SHA] },
  { name: 'SHA-256, then MD5', rounds: [[SHA, MD5]], answered: [SHA] },
  { name: 'MD5, then SHA-256', rounds: [[MD5, SHA]], answered: [SHA] },
  { name: 'an unknown algorithm, then MD5', rounds: [[UNKNOWN, MD5]], answered: [MD5] },
  { name: 'a broken challenge, then SHA-256', rounds: [[BROKEN, SHA]], answered: [SHA] },
  { name: 'stale', rounds: [[SHA, MD5], [stale(SHA), stale(MD5)]], answered: [SHA, stale(SHA)] }, // prettier-ignore
];

describe('challenges of an INVITE and of its BYE', () => {
  let pki: TestPki;
  let engine: Engine;
  let sip: SipPort;

  before(async () => {
    pki = await TestPki.create();
    engine = await startEngine({
      admin: { host: '127.0.0.1', port: 0, secret: 'secret' },
      listen: (['udp', 'tls'] as const).map((transport) => ({ transport, host: '127.0.0.1', port: 0 })),
      tls: await pki.files(pki.server('gw.example.com')),
    });
    sip = createSipPort({ host: '127.0.0.1', port: engine.adminPort, secret: 'secret' });
    await sip.connect();
  });
  after(async () => {
    await sip.close();
    await engine.close();
    await pki.remove();
  });

  function call(port: number, transport: string, password: string, withCredentials = true) {
    const recorder = new CallRecorder();
    const handle = sip.invite(
      {
        requestUri: URI,
        nextHop: `sip:127.0.0.1:${String(port)};transport=${transport}`,
        from: '"gw" <sip:+4940@gw.example.com>',
        to: `<${URI}>`,
        contact: '<sip:+4940@gw.example.com>',
        headers: { 'X-Kept': 'yes' },
        sdp: SDP,
        ...(withCredentials ? { credentials: { username: USER, password } } : {}),
      },
      recorder,
    );
    return { recorder, handle };
  }

  async function open(transport: 'udp' | 'tls') {
    if (transport === 'udp') {
      const peer = await UdpPeer.open();
      return { port: peer.port, peer: () => Promise.resolve<Peer>(peer), close: () => peer.close() };
    }
    const listener = await StreamListener.open(pki.server(HOST));
    let connection: Promise<StreamPeer> | undefined;
    const close = () => listener.close();
    return { port: listener.port, peer: () => (connection ??= listener.connection()), close };
  }

  /** Challenges as the row says; returns the last INVITE, with the faults of the answers. */
  async function challenge(peer: Peer, row: Row, status: 401 | 407): Promise<{ last: Msg; faults: string[] }> {
    const first = await peer.expect('INVITE');
    const [asked, answeredBy] =
      status === 407 ? ['Proxy-Authenticate', 'proxy-authorization'] : ['WWW-Authenticate', 'authorization'];
    assert.equal(first.get(answeredBy), '');
    const faults: string[] = [];
    let last = first;
    for (const [index, round] of row.rounds.entries()) {
      const headers = round.map((one) => `${asked}: ${typeof one === 'string' ? one : challengeLine(one)}`);
      peer.send(response(last, status, 'Challenge', { tag: `c${String(index)}`, headers }));
      const ack = await peer.expect('ACK');
      assert.equal(ack.branch, last.branch);
      const previous = last; // it may have been repeated
      const next = await peer.expect((m) => m.method === 'INVITE' && m.branch !== previous.branch);
      assert.equal(next.get('call-id'), first.get('call-id'));
      assert.equal(next.get('from'), first.get('from'));
      assert.equal(next.get('to'), first.get('to'));
      assert.equal(next.get('cseq'), `${String(Number(last.get('cseq').split(' ')[0]) + 1)} INVITE`);
      assert.notEqual(next.branch, last.branch);
      assert.equal(next.get('x-kept'), 'yes');
      assert.equal(next.body, SDP);
      assert.equal(next.uri, URI);
      assert.equal(next.all(answeredBy).length, 1);
      const answered = row.answered[index];
      assert.ok(answered);
      // The peer's text is latin1, one character a byte.
      faults.push(fault(next.get(answeredBy), answered, { method: 'INVITE', uri: URI }));
      last = next;
    }
    return { last, faults };
  }

  for (const transport of ['udp', 'tls'] as const) {
    for (const row of ROWS) {
      for (const status of [407, 401] as const) {
        test(`${row.name}, ${String(status)}, over ${transport}: right password, and the BYE is challenged too`, async () => {
          const far = await open(transport);
          const { recorder } = call(far.port, transport, PASSWORD);
          const peer = await far.peer();
          const { last, faults } = await challenge(peer, row, status);
          assert.deepEqual(
            faults,
            row.answered.map(() => ''),
          );
          peer.send(response(last, 180, 'Ringing', { tag: 'callee' }));
          peer.send(response(last, 200, 'OK', { tag: 'callee', contact: `<${CONTACT}>`, body: SDP }));
          const ack = await peer.expect((m) => m.method === 'ACK' && m.get('cseq').startsWith(cseqOf(last)));
          const credentials = status === 407 ? 'proxy-authorization' : 'authorization';
          assert.deepEqual(ack.all(credentials), last.all(credentials)); // RFC 3261 22.1
          const outcome = await recorder.outcome;
          assert.ok(outcome.kind === 'answered');

          const over = outcome.dialog.bye({ Reason: 'Q.850;cause=16' });
          const bye = await peer.expect('BYE');
          assert.equal(bye.uri, CONTACT);
          const headers = [`Proxy-Authenticate: ${challengeLine(MD5)}`, `Proxy-Authenticate: ${challengeLine(SHA)}`];
          peer.send(response(bye, 407, 'Challenge', { headers }));
          const again = await peer.expect((m) => m.method === 'BYE' && m.get('proxy-authorization') !== '');
          assert.equal(again.uri, CONTACT);
          assert.equal(again.get('reason'), 'Q.850;cause=16');
          assert.equal(again.get('call-id'), last.get('call-id'));
          assert.ok(Number(cseqOf(again)) > Number(cseqOf(bye)));
          assert.equal(fault(again.get('proxy-authorization'), SHA, { method: 'BYE', uri: CONTACT }), '');
          peer.send(response(again, 200, 'OK'));
          await over;
          assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
          await far.close();
        });
      }

      test(`${row.name} over ${transport}: wrong password`, async () => {
        const far = await open(transport);
        const { recorder } = call(far.port, transport, 'wrong');
        const peer = await far.peer();
        const { last, faults } = await challenge(peer, row, 407);
        assert.deepEqual(
          faults,
          row.answered.map(() => 'response'),
        );
        const headers = [`Proxy-Authenticate: ${challengeLine({ ...MD5, nonce: 'other' })}`];
        peer.send(response(last, 407, 'Proxy Authentication Required', { tag: 'no', headers }));
        await peer.expect((m) => m.method === 'ACK' && m.branch === last.branch);
        const outcome = await recorder.outcome;
        assert.ok(outcome.kind === 'failed' && outcome.failure.kind === 'refused');
        assert.equal(outcome.failure.status, 407);
        assert.equal(outcome.failure.authenticated, true);
        assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
        await far.close();
      });
    }
  }

  test('without credentials, or with nothing that can be computed, a challenge is a refusal', async () => {
    for (const [withCredentials, line] of [
      [false, challengeLine(MD5)],
      [true, challengeLine(UNKNOWN)],
      [true, 'Basic realm="pbx"'],
    ] as const) {
      const far = await open('udp');
      const { recorder } = call(far.port, 'udp', PASSWORD, withCredentials);
      const peer = await far.peer();
      const headers = [`Proxy-Authenticate: ${line}`];
      peer.send(response(await peer.expect('INVITE'), 407, 'Challenge', { tag: 'c', headers }));
      const outcome = await recorder.outcome;
      assert.ok(outcome.kind === 'failed' && outcome.failure.kind === 'refused');
      assert.equal(outcome.failure.authenticated, false);
      await far.close();
    }
  });

  test('a CANCEL at any time around the 407 ends what is on its way, and no call is left', async () => {
    const ends = { unsent: 0, cancelled: 0 };
    for (let i = 0; i < 40; i++) {
      const far = await open('udp');
      const { recorder, handle } = call(far.port, 'udp', PASSWORD);
      const peer = await far.peer();
      const first = await peer.expect('INVITE');
      const headers = [`Proxy-Authenticate: ${challengeLine(MD5)}`];
      peer.send(response(first, 407, 'Challenge', { tag: 'c', headers }));
      await peer.expect('ACK');
      for (let turns = i; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      handle.cancel();
      // The second INVITE, if it was sent, is answered as by a peer that rings; its CANCEL must have its branch.
      let over = false;
      void recorder.outcome.finally(() => (over = true)).catch(() => undefined);
      const isSecond = (m: Msg): boolean => m.method === 'INVITE' && m.branch !== first.branch;
      while (!over && !peer.log.some(isSecond)) await new Promise((resolve) => setImmediate(resolve));
      const sent = peer.log.find(isSecond);
      if (sent) {
        peer.send(response(sent, 180, 'Ringing', { tag: 'r' }));
        const cancel = await peer.expect('CANCEL');
        assert.equal(cancel.branch, sent.branch);
        peer.send(response(cancel, 200, 'OK'));
        peer.send(response(sent, 487, 'Request Terminated', { tag: 'r' }));
        ends.cancelled++;
      } else ends.unsent++;
      assert.deepEqual(await recorder.outcome, { kind: 'failed', failure: { kind: 'cancelled' } });
      assert.deepEqual(sip.open, { invites: 0, dialogs: 0 });
      await far.close();
    }
    assert.ok(ends.cancelled > 0, JSON.stringify(ends));
  });
});

function cseqOf(message: Msg): string {
  return message.get('cseq').split(' ')[0] ?? '';
}
