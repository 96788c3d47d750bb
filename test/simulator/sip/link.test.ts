import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createCertificateAuthority } from '../../../simulator/pki.js';
import { ca, HOSTNAME, wellBehaved } from './scripted-gateway.js';
import { bench, callOptions, rules } from './harness.js';

const expired = ca.issue([HOSTNAME], { days: -2 });
const foreign = createCertificateAuthority('somebody else').issue([HOSTNAME]);

const REFUSED: readonly (readonly [what: string, options: Parameters<typeof bench>[2], rule: string])[] = [
  ['another name', { names: ['other.example.com'] }, 'tls-hostname'],
  ['an expired certificate', { gatewayTls: { key: expired.key, cert: expired.certificate } }, 'tls-certificate'],
  ['a foreign CA', { gatewayTls: { key: foreign.key, cert: foreign.certificate } }, 'tls-certificate'],
];

for (const [what, options, rule] of REFUSED) {
  test(`no INVITE to a gateway with ${what}; with insecure it is told and the call goes on`, async () => {
    await bench(
      wellBehaved(),
      async ({ gateway, edge }) => {
        const call = edge.call(callOptions());
        const { by, cause } = await call.ended;
        assert.deepEqual({ by, cause }, { by: 'meta', cause: rule });
        assert.deepEqual(rules(edge.violations), [rule]);
        assert.equal(gateway.seen.length, 0);
      },
      options,
    );
    await bench(
      wellBehaved(),
      async ({ edge }) => {
        assert.ok(await edge.call(callOptions()).answered);
        assert.deepEqual(rules(edge.violations), [rule]);
      },
      { ...options, edge: { tls: { ca: ca.certificate, insecure: true } } },
    );
  });
}

test('a gateway that is not there', async () => {
  await bench(
    wellBehaved(),
    async ({ edge }) => {
      const { by, cause, reason } = await edge.call(callOptions()).ended;
      assert.deepEqual({ by, cause }, { by: 'meta', cause: 'unreachable' });
      assert.match(reason ?? '', /no TLS link to sip\.example\.com at 127\.0\.0\.1:1: .*ECONNREFUSED/);
      assert.deepEqual(edge.violations, []);
    },
    { edge: { gateway: { hostname: HOSTNAME, address: '127.0.0.1', port: 1 } } },
  );
});

test('a request for a client certificate is told, and answered with the one Meta has', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const meta = ca.issue(['client.sip.fbclientcerts.com']);
    await bench(
      wellBehaved(),
      async ({ gateway, edge }) => {
        assert.ok(await edge.call(callOptions()).answered);
        assert.deepEqual(rules(edge.violations), ['tls-client-cert-requested']);
        assert.equal([...gateway.sockets][0]?.getPeerCertificate().subject.CN, 'client.sip.fbclientcerts.com');
      },
      {
        gatewayTls: { requestCert: true, rejectUnauthorized: false, maxVersion },
        edge: { tls: { ca: ca.certificate, clientCertificate: meta } },
      },
    );
    await bench(
      wellBehaved(),
      async ({ edge }) => {
        assert.ok(await edge.call(callOptions()).answered);
        assert.deepEqual(edge.violations, []);
      },
      { gatewayTls: { maxVersion } },
    );
  }
});

test('SNI is the configured hostname and no ALPN is offered', async () => {
  let offered: string | undefined;
  const ALPNCallback = ({ protocols }: { protocols: string[] }): undefined => {
    offered = protocols.join();
    return undefined;
  };
  await bench(
    wellBehaved(),
    async ({ gateway, edge }) => {
      assert.ok(await edge.call(callOptions()).answered);
      const [socket] = gateway.sockets;
      assert.ok(socket && 'servername' in socket);
      assert.equal(socket.servername, HOSTNAME);
      assert.equal(offered, undefined);
    },
    { gatewayTls: { ALPNCallback } },
  );
});

test('a lost link is not the end of a call: BYE opens another; one link carries many calls', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const calls = [edge.call(callOptions()), edge.call(callOptions())];
    await Promise.all(calls.map((call) => call.answered));
    assert.equal(gateway.sockets.size, 1);
    const [socket] = gateway.sockets;
    assert.ok(socket);
    edge.dropLinks();
    await once(socket, 'close');
    for (const call of calls) assert.deepEqual(await call.hangup(), { by: 'user', cause: 'hangup', status: 200 });
    assert.equal(gateway.sockets.size, 1);
  });
});

test('the source address of a call can be chosen', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    await edge.call(callOptions({ localAddress: '127.0.0.77' })).answered;
    await edge.call(callOptions()).answered;
    assert.deepEqual(
      [...gateway.sockets].map((socket) => socket.remoteAddress),
      ['127.0.0.77', '127.0.0.1'],
    );
  });
});

test('bytes that are not SIP: what came back, and whether the link was closed', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const sent = edge.sendRaw('GET / HTTP/1.1\r\n\r\n', 5000);
    while (gateway.sockets.size === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const socket of gateway.sockets) socket.end();
    assert.deepEqual(await sent, { received: [], closed: true });
    assert.equal((await edge.sendRaw('garbage', 20)).closed, false);
  });
});

test('the gateway may connect to wa.meta.vc itself: a BYE that comes that way ends the call', async () => {
  const pair = ca.issue(['wa.meta.vc']);
  await bench(
    wellBehaved(),
    async ({ gateway, edge }) => {
      const call = edge.call(callOptions());
      await call.answered;
      const invite = await gateway.message('INVITE');
      edge.dropLinks();
      const port = edge.address?.port ?? 0;
      const socket = connect({ host: '127.0.0.1', port, servername: 'wa.meta.vc', ca: ca.certificate });
      await once(socket, 'secureConnect');
      assert.equal(socket.authorized, true);
      gateway.requestOn(socket, 'BYE', invite);
      const [response] = (await once(socket, 'data')) as [Buffer];
      assert.match(response.toString(), /^SIP\/2\.0 200 OK\r\n/);
      assert.deepEqual(await call.ended, { by: 'business', cause: 'hangup' });
      socket.destroy();
    },
    { edge: { listen: { key: pair.key, certificate: pair.certificate } } },
  );
});

test('a gateway that offers ALPN to wa.meta.vc is refused with an alert', async () => {
  const pair = ca.issue(['wa.meta.vc']);
  await bench(
    wellBehaved(),
    async ({ edge }) => {
      const port = edge.address?.port ?? 0;
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername: 'wa.meta.vc',
        ca: ca.certificate,
        ALPNProtocols: ['sip'],
      });
      const [error] = (await once(socket, 'error')) as [Error];
      assert.match(error.message, /no application protocol/);
      assert.deepEqual(rules(edge.violations), ['alpn']);
    },
    { edge: { listen: { key: pair.key, certificate: pair.certificate } } },
  );
});

test('closing ends calls without a word, and leaves nothing open', async () => {
  await bench(wellBehaved(), async ({ gateway, edge }) => {
    const call = edge.call(callOptions());
    await call.answered;
    await edge.close();
    assert.deepEqual(await call.ended, { by: 'meta', cause: 'closed' });
    assert.throws(() => edge.call(callOptions()), /closed/);
    assert.ok(!gateway.seen.some(({ method }) => method === 'BYE'));
    await edge.close();
  });
});
