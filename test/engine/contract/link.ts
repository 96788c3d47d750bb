import assert from 'node:assert/strict';
import { once } from 'node:events';
import { UdpPeer } from '../support/peer.js';
import { connectSrf, disconnect } from '../support/srf.js';
import { request, response, SDP, unique } from '../support/texts.js';
import type { Case } from './far-end.js';

export const link: Case[] = [
  {
    name: 'authentication tells the addresses and the version',
    run: async (far) => {
      const srf = await connectSrf(far);
      await disconnect(srf);
      const { default: net } = await import('node:net');
      const socket = net.connect(far.port, far.host);
      await once(socket, 'connect');
      const payload = `id-1|authenticate|${far.secret}|`;
      socket.write(`${payload.length}#${payload}`);
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      const tokens = chunk.toString().split('|');
      assert.deepEqual(tokens.slice(1, 4), ['response', 'id-1', 'OK']);
      assert.match(tokens[4] ?? '', /udp\/[^,]+:\d+/);
      assert.match(tokens[5] ?? '', /^v0\.9\.\d+/);
      socket.destroy();
    },
  },
  {
    name: 'a wrong secret is refused',
    run: async (far) => {
      await assert.rejects(connectSrf({ ...far, secret: 'wrong' }), /authenticate/);
    },
  },
  {
    name: 'OPTIONS from the network is answered by the app',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const srf = await connectSrf(far, {
        options: (_req, res) => {
          res.send(200, { headers: { Allow: 'INVITE' } });
        },
      });
      peer.send(request({ method: 'OPTIONS', uri: 'sip:127.0.0.1', transport: 'udp', port: peer.port }));
      const ok = await peer.expect(200);
      assert.equal(ok.get('allow'), 'INVITE');
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'OPTIONS of the app brings its response',
    run: async (far) => {
      const peer = await UdpPeer.open();
      const srf = await connectSrf(far);
      const req = await srf.request(`sip:127.0.0.1:${peer.port}`, { method: 'OPTIONS', headers: {} });
      const answered = once(req, 'response') as Promise<[{ status: number; source_port: number }]>;
      const options = await peer.expect('OPTIONS');
      peer.send(response(options, 200, 'OK', { tag: 'x' }));
      const [res] = await answered;
      assert.equal(res.status, 200);
      assert.equal(res.source_port, peer.port);
      await disconnect(srf);
      await peer.close();
    },
  },
  {
    name: 'without an app an INVITE gets 503',
    run: async (far) => {
      const peer = await UdpPeer.open(far.udp);
      const parts = {
        uri: 'sip:1@127.0.0.1',
        transport: 'udp',
        port: peer.port,
        callId: unique('c'),
        branch: unique('z9hG4bKn'),
      };
      peer.send(request({ ...parts, method: 'INVITE', body: SDP }));
      const refused = await peer.expect(503);
      peer.send(request({ ...parts, method: 'ACK', to: refused.get('to') }));
      await peer.close();
    },
  },
];
