import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { startEngine } from '../../gateway/engine/index.js';
import { finalOk } from './contract/calls-in.js';
import { openLab, type Lab } from './support/lab.js';
import { StreamListener, StreamPeer } from './support/peer.js';
import { TestPki, type PemFiles } from './support/pki.js';
import { request, response, SDP, unique } from './support/texts.js';
import type { SrfDialog } from './support/srf.js';

const FROM = { From: '<sip:+4930@gw.example.com>' };

describe('TLS', () => {
  let pki: TestPki;
  let files: PemFiles;

  before(async () => {
    pki = await TestPki.create();
    files = await pki.files(pki.server('gw.example.com'));
  });
  after(() => pki.remove());

  async function edge(...names: string[]): Promise<StreamListener> {
    return StreamListener.open({ ...pki.server(...names), ALPNProtocols: ['sip'] });
  }

  async function withLab(run: (lab: Lab) => Promise<void>, options: Parameters<typeof openLab>[0] = {}): Promise<void> {
    const lab = await openLab({ tls: files, ...options });
    try {
      await run(lab);
    } finally {
      await lab.close();
    }
  }

  test('the server sends its chain, selects no ALPN, asks for no certificate and speaks 1.2 and 1.3', async () => {
    await withLab(async (lab) => {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const peer = await StreamPeer.tls(lab.at('tls'), {
          ca: pki.ca,
          servername: 'gw.example.com',
          ALPNProtocols: ['sip'],
          minVersion: version,
          maxVersion: version,
        });
        const socket = peer.socket as TLSSocket;
        assert.equal(socket.alpnProtocol, false);
        assert.equal(socket.getProtocol(), version);
        assert.equal(socket.getPeerCertificate(true).issuerCertificate.subject.CN, 'Engine test CA');
        await peer.close();
      }
      const old = StreamPeer.tls(lab.at('tls'), {
        rejectUnauthorized: false,
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
      });
      await assert.rejects(old);
    });
  });

  test('outgoing: SNI and verified name are the host of the request-URI where the proxy is an address; no ALPN', async () => {
    const meta = await edge('wa.meta.example');
    await withLab(async (lab) => {
      const proxy = `sip:127.0.0.1:${meta.port};transport=tls`;
      const call = lab.srf.createUAC('sip:+49@wa.meta.example', { localSdp: SDP, headers: FROM, proxy });
      const peer = await meta.connection();
      const socket = peer.socket as TLSSocket & { servername: string };
      assert.equal(socket.servername, 'wa.meta.example');
      assert.equal(socket.alpnProtocol, false);
      const invite = await peer.expect('INVITE');
      assert.match(invite.get('via'), /^SIP\/2\.0\/TLS /);
      const headers = [
        'Record-Route: <sip:onevc-sip-proxy.fbinfra.invalid:8191;transport=tls;lr>',
        'Record-Route: <sip:wa.meta.example;transport=tls;lr>',
      ];
      peer.send(
        response(invite, 200, 'OK', {
          tag: 'm',
          contact: '<sip:+49@wa.meta.example;transport=tls;ob>',
          headers,
          body: SDP,
        }),
      );
      const dlg = await call;
      await peer.expect('ACK');
      // The link is lost: the BYE opens a new one to the same edge.
      await peer.close();
      const ended = dlg.destroy();
      const next = await meta.connection();
      const bye = await next.expect('BYE');
      assert.equal(bye.uri, 'sip:+49@wa.meta.example;transport=tls;ob');
      next.send(finalOk(bye));
      await ended;
    });
    await meta.close();
  });

  for (const [what, names] of [
    ['another name', ['other.example']],
    ['the name of its address only', ['localhost']],
  ] as const) {
    test(`outgoing: a certificate for ${what} is refused, nothing is sent`, async () => {
      const meta = await edge(...names);
      await withLab(async (lab) => {
        const proxy = `sip:127.0.0.1:${meta.port};transport=tls`;
        const call = lab.srf.createUAC('sip:+49@wa.meta.example', { localSdp: SDP, headers: FROM, proxy });
        await assert.rejects(call, { status: 503 });
      });
      await meta.close();
    });
  }

  test('outgoing: a chain to an unknown root is refused', async () => {
    const stranger = await TestPki.create();
    const meta = await StreamListener.open(stranger.server('wa.meta.example'));
    await withLab(async (lab) => {
      const proxy = `sip:127.0.0.1:${meta.port};transport=tls`;
      await assert.rejects(lab.srf.createUAC('sip:+49@wa.meta.example', { localSdp: SDP, headers: FROM, proxy }), {
        status: 503,
      });
    });
    await meta.close();
    await stranger.remove();
  });

  test('a call from the edge: requests use its connection, after its loss the configured next hop', async () => {
    const meta = await edge('wa.meta.example');
    let answered: (dialog: SrfDialog) => void = () => undefined;
    const dialog = new Promise<SrfDialog>((resolve) => (answered = resolve));
    const asked: string[] = [];
    const lab: Lab = await openLab(
      {
        tls: files,
        nextHop: (hop) => {
          asked.push(hop.host);
          return hop.host === 'wa.meta.example' ? `sip:127.0.0.1:${meta.port};transport=tls` : undefined;
        },
      },
      {
        invite: (req, res) => {
          void lab.srf.createUAS(req, res, { localSdp: SDP }).then(answered);
        },
      },
    );
    const peer = await StreamPeer.tls(lab.at('tls'), { ca: pki.ca, servername: 'gw.example.com' });
    const parts = {
      uri: 'sip:+49@gw.example.com;transport=tls',
      transport: 'tls',
      port: 47237,
      callId: `outgoing:${unique('wacid')}==`,
      contact: '<sip:+1@wa.meta.example;transport=tls;ob>;isfocus',
    };
    const headers = [
      'Record-Route: <sip:wa.meta.example;transport=tls;lr>',
      'Record-Route: <sip:onevc-sip-proxy.fbinfra.invalid:8191;transport=tls;lr>',
    ];
    peer.send(request({ ...parts, method: 'INVITE', body: SDP, headers }));
    const ok = await peer.expect(200);
    const dlg = await dialog;
    const acked = once(dlg, 'ack');
    peer.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
    await acked;
    const info = dlg.request({ method: 'INFO', headers: {} });
    peer.send(finalOk(await peer.expect('INFO')));
    assert.equal((await info).status, 200);
    await peer.close();
    const ended = dlg.destroy();
    const next = await meta.connection();
    const bye = await next.expect('BYE');
    assert.match(bye.all('route').join(', '), /wa\.meta\.example.*fbinfra/);
    next.send(finalOk(bye));
    await ended;
    assert.deepEqual([...new Set(asked)], ['wa.meta.example'], 'no other next hop was ever considered');
    await lab.close();
    await meta.close();
  });

  test('a peer that reconnects goes on with its dialog on the new connection', async () => {
    let answered: (dialog: SrfDialog) => void = () => undefined;
    const dialog = new Promise<SrfDialog>((resolve) => (answered = resolve));
    const lab: Lab = await openLab(
      { tls: files },
      {
        invite: (req, res) => {
          void lab.srf.createUAS(req, res, { localSdp: SDP }).then(answered);
        },
      },
    );
    const first = await StreamPeer.tls(lab.at('tls'), { rejectUnauthorized: false });
    const parts = { uri: 'sip:+49@gw.example.com', transport: 'tls', port: 5061, callId: unique('c') };
    first.send(request({ ...parts, method: 'INVITE', body: SDP }));
    const ok = await first.expect(200);
    await first.close();
    const second = await StreamPeer.tls(lab.at('tls'), { rejectUnauthorized: false });
    // The 2xx is repeated over whatever connection the peer has.
    await second.expect(200);
    const dlg = await dialog;
    const acked = once(dlg, 'ack');
    second.send(request({ ...parts, method: 'ACK', to: ok.get('to') }));
    await acked;
    second.send(request({ ...parts, method: 'INFO', to: ok.get('to'), seq: 2 }));
    await second.expect((m) => m.get('cseq') === '2 INFO');
    const info = dlg.request({ method: 'INFO', headers: {} });
    second.send(finalOk(await second.expect('INFO')));
    await info;
    const destroyed = once(dlg, 'destroy');
    second.send(request({ ...parts, method: 'BYE', to: ok.get('to'), seq: 3 }));
    await second.expect((m) => m.get('cseq') === '3 BYE');
    await destroyed;
    await second.close();
    await lab.close();
  });

  test('a renewed certificate serves new handshakes, old connections go on, a broken one is not taken', async () => {
    const own = await pki.files(pki.server('old.example.com'), 'renewed');
    await withLab(
      async (lab) => {
        const name = async (): Promise<string> => {
          const peer = await StreamPeer.tls(lab.at('tls'), { rejectUnauthorized: false });
          const cn = String((peer.socket as TLSSocket).getPeerCertificate().subject.CN);
          await peer.close();
          return cn;
        };
        const old = await StreamPeer.tls(lab.at('tls'), { rejectUnauthorized: false });
        assert.equal(await name(), 'old.example.com');
        await pki.files(pki.server('new.example.com'), 'renewed');
        await lab.engine.renewCertificate();
        assert.equal(await name(), 'new.example.com');
        old.send('\r\n\r\n');
        await once(old.socket, 'pong');
        await pki.files({ ...pki.server('third.example.com'), key: pki.server('x').key }, 'renewed');
        await assert.rejects(lab.engine.renewCertificate(), /renewed\.pem .* not a usable certificate/);
        assert.equal(await name(), 'new.example.com');
        await old.close();
      },
      { tls: own },
    );
  });

  test('a certificate replaced on disk is taken up without being told', async () => {
    const own = await pki.files(pki.server('old.example.com'), 'watched');
    let renewed: () => void = () => undefined;
    const logged = new Promise<void>((resolve) => (renewed = resolve));
    const quiet = (): void => undefined;
    const log = {
      debug: quiet,
      warn: quiet,
      error: quiet,
      info: (_o: object, msg: string) => msg === 'certificate renewed' && renewed(),
    };
    const engine = await startEngine({
      admin: { host: '127.0.0.1', port: 0, secret: 's' },
      listen: [{ transport: 'tls', host: '127.0.0.1', port: 0 }],
      tls: own,
      log: { ...log, info: (o, msg) => void log.info(o, msg) },
    });
    await pki.files(pki.server('new.example.com'), 'watched');
    await logged;
    const peer = await StreamPeer.tls(
      { address: '127.0.0.1', port: engine.addresses[0]?.port ?? 0 },
      { rejectUnauthorized: false },
    );
    assert.equal((peer.socket as TLSSocket).getPeerCertificate().subject.CN, 'new.example.com');
    await peer.close();
    await engine.close();
  });

  test('faults at the start name file and port', async () => {
    const admin = { host: '127.0.0.1', port: 0, secret: 's' };
    const listen = [{ transport: 'tls' as const, host: '127.0.0.1', port: 0 }];
    await assert.rejects(startEngine({ admin, listen }), /tls\/127\.0\.0\.1:0: .*tls\.certificate/);
    await assert.rejects(
      startEngine({ admin, listen, tls: { ...files, certificate: '/nowhere.pem' } }),
      /cannot read \/nowhere\.pem/,
    );
    await withLab(async (lab) => {
      const taken = [{ transport: 'tcp' as const, host: '127.0.0.1', port: lab.at('tcp').port }];
      await assert.rejects(
        startEngine({ admin, listen: taken }),
        new RegExp(`tcp/127.0.0.1:${lab.at('tcp').port}: .*EADDRINUSE`),
      );
      await assert.rejects(
        startEngine({ admin: { ...admin, port: lab.engine.adminPort }, listen: [] }),
        /admin port .*EADDRINUSE/,
      );
    });
  });
});
