import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resolver, SrvAnswer } from '../../gateway/engine/index.js';
import { TargetResolver, type Hop } from '../../gateway/engine/transport/resolver.js';
import { chooseHop } from '../../gateway/engine/core/hop.js';
import { finalOk } from './contract/calls-in.js';
import { openLab } from './support/lab.js';
import { UdpPeer } from './support/peer.js';
import { response, SDP } from './support/texts.js';

/** DNS by table; what is not in it does not exist. */
function zone(services: Record<string, SrvAnswer[]>, hosts: Record<string, string[]>): Resolver & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolveSrv: (name) => {
      asked.push(name);
      return services[name] ? Promise.resolve(services[name]) : Promise.reject(new Error('ENODATA'));
    },
    lookup: (host) => {
      asked.push(host);
      const found = hosts[host];
      if (!found) return Promise.reject(new Error(`ENOTFOUND ${host}`));
      return Promise.resolve(found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
    },
  };
}

const srv = (name: string, port: number, priority: number, weight = 0): SrvAnswer => ({ name, port, priority, weight });

describe('RFC 3263', () => {
  const dns = zone(
    {
      '_sip._udp.example.com': [srv('b.example.com', 5070, 20), srv('a.example.com', 5071, 10)],
      '_sips._tcp.example.com': [srv('a.example.com', 5061, 0)],
      '_sip._tcp.tcponly.com': [srv('a.example.com', 5062, 0)],
    },
    { 'a.example.com': ['192.0.2.1', '2001:db8::1'], 'b.example.com': ['192.0.2.2'], 'plain.com': ['192.0.2.9'] },
  );
  const targets = async (uri: string): Promise<string[]> => {
    const resolver = new TargetResolver(dns, (t) => t !== 'tls', 1000);
    const found = await resolver.resolve(chooseHop(uri, undefined, undefined) as Hop);
    return found.map((t) => `${t.transport} ${t.address} ${t.port} ${t.name}`);
  };
  const cases: [uri: string, expected: string[]][] = [
    ['sip:a@192.0.2.7', ['udp 192.0.2.7 5060 192.0.2.7']],
    ['sip:a@192.0.2.7;transport=tls', ['tls 192.0.2.7 5061 192.0.2.7']],
    ['sip:a@[2001:db8::7]:5080;transport=tcp', ['tcp 2001:db8::7 5080 2001:db8::7']],
    ['sip:a@plain.com:5080', ['udp 192.0.2.9 5080 plain.com']],
    ['sip:a@plain.com', ['udp 192.0.2.9 5060 plain.com']],
    ['sip:a@plain.com;transport=tls', ['tls 192.0.2.9 5061 plain.com']],
    [
      'sip:a@example.com',
      ['udp 192.0.2.1 5071 example.com', 'udp 2001:db8::1 5071 example.com', 'udp 192.0.2.2 5070 example.com'],
    ],
    ['sips:a@example.com', ['tls 192.0.2.1 5061 example.com', 'tls 2001:db8::1 5061 example.com']],
    ['sip:a@tcponly.com', ['tcp 192.0.2.1 5062 tcponly.com', 'tcp 2001:db8::1 5062 tcponly.com']],
  ];
  for (const [uri, expected] of cases) {
    test(uri, async () => {
      assert.deepEqual(await targets(uri), expected);
    });
  }

  test('weights share the load', async () => {
    const shares = zone(
      { '_sip._udp.w.com': [srv('x.w.com', 1, 0, 90), srv('y.w.com', 2, 0, 10)] },
      { 'x.w.com': ['192.0.2.1'], 'y.w.com': ['192.0.2.2'] },
    );
    let first = 0;
    for (let i = 0; i < 500; i++) {
      const resolver = new TargetResolver(shares, () => true, 1000);
      const [target] = await resolver.resolve(chooseHop('sip:w.com', undefined, undefined) as Hop);
      if (target?.port === 1) first++;
    }
    assert.ok(first > 400 && first < 490, `${first} of 500`);
  });

  test('a name without an address is told at once', async () => {
    await assert.rejects(targets('sip:a@nowhere.com'), /ENOTFOUND nowhere\.com/);
  });
});

describe('fail-over to the next address', () => {
  const FROM = { From: '<sip:me@gw.example.com>' };

  /** Two peers behind one name. */
  async function pair(): Promise<{ first: UdpPeer; second: UdpPeer; resolver: Resolver }> {
    const [first, second] = [await UdpPeer.open(), await UdpPeer.open()];
    const resolver = zone(
      { '_sip._udp.pbx.example': [srv('one.example', first.port, 1), srv('two.example', second.port, 2)] },
      { 'one.example': ['127.0.0.1'], 'two.example': ['127.0.0.1'] },
    );
    return { first, second, resolver };
  }

  test('on 503, with a new branch, and the app sees one request', async () => {
    const { first, second, resolver } = await pair();
    const lab = await openLab({ resolver });
    const statuses: number[] = [];
    const call = lab.srf.createUAC(
      'sip:100@pbx.example',
      { localSdp: SDP, headers: FROM },
      { cbProvisional: (r) => statuses.push(r.status) },
    );
    const invite = await first.expect('INVITE');
    first.send(response(invite, 100, 'Trying'));
    first.send(response(invite, 503, 'Service Unavailable', { tag: 'a' }));
    await first.expect('ACK');
    const next = await second.expect('INVITE');
    assert.notEqual(next.branch, invite.branch);
    assert.equal(next.get('call-id'), invite.get('call-id'));
    assert.equal(next.get('from'), invite.get('from'));
    assert.equal(next.get('cseq'), invite.get('cseq'));
    second.send(response(next, 200, 'OK', { tag: 'b', contact: `<sip:x@127.0.0.1:${second.port}>`, body: SDP }));
    const dlg = await call;
    await second.expect('ACK');
    const ended = dlg.destroy();
    second.send(finalOk(await second.expect('BYE')));
    await ended;
    assert.deepEqual(
      statuses.filter((s) => s > 100),
      [],
    );
    // The address that failed is tried last for a while.
    const again = lab.srf.createUAC('sip:100@pbx.example', { localSdp: SDP, headers: FROM });
    const rejected = assert.rejects(again, { status: 486 });
    second.send(response(await second.expect('INVITE'), 486, 'Busy', { tag: 'c' }));
    await rejected;
    // A busy machine may make the first one come twice.
    assert.equal(new Set(first.log.filter((m) => m.method === 'INVITE').map((m) => m.branch)).size, 1);
    await lab.close();
    await Promise.all([first.close(), second.close()]);
  });

  test('on silence', async () => {
    const { first, second, resolver } = await pair();
    const lab = await openLab({ resolver });
    const call = lab.srf.createUAC('sip:100@pbx.example', { localSdp: SDP, headers: FROM });
    const rejected = assert.rejects(call, { status: 603 });
    second.send(response(await second.expect('INVITE'), 603, 'Decline', { tag: 'c' }));
    await rejected;
    assert.ok(first.log.length > 3, 'the first was asked again and again');
    await lab.close();
    await Promise.all([first.close(), second.close()]);
  });

  test('on a connection that cannot be made', async () => {
    const peer = await UdpPeer.open();
    const resolver = zone(
      { '_sip._tcp.pbx.example': [srv('one.example', 1, 1)], '_sip._udp.pbx.example': [] },
      { 'one.example': ['127.0.0.1'] },
    );
    const lab = await openLab({ resolver });
    await assert.rejects(lab.srf.createUAC('sip:100@pbx.example', { localSdp: SDP, headers: FROM }), { status: 503 });
    await lab.close();
    await peer.close();
  });

  test('not after ringing: the 503 is the answer', async () => {
    const { first, second, resolver } = await pair();
    const lab = await openLab({ resolver });
    const call = lab.srf.createUAC('sip:100@pbx.example', { localSdp: SDP, headers: FROM });
    const rejected = assert.rejects(call, { status: 503 });
    const invite = await first.expect('INVITE');
    first.send(response(invite, 180, 'Ringing', { tag: 'a' }));
    first.send(response(invite, 503, 'Service Unavailable', { tag: 'a' }));
    await rejected;
    assert.equal(second.log.length, 0);
    await lab.close();
    await Promise.all([first.close(), second.close()]);
  });

  test('nobody answers: 408; no such name: an error', async () => {
    const silent = await UdpPeer.open();
    const lab = await openLab({ resolver: zone({}, {}) });
    await assert.rejects(lab.srf.createUAC(`sip:1@127.0.0.1:${silent.port}`, { localSdp: SDP, headers: FROM }), {
      status: 408,
    });
    await assert.rejects(lab.srf.createUAC('sip:1@nowhere.example', { localSdp: SDP, headers: FROM }), /ENOTFOUND/);
    await assert.rejects(
      lab.srf.createUAC('sip:1@127.0.0.1;transport=tls', { localSdp: SDP, headers: FROM }),
      /requested protocol\/transport not available/,
    );
    await lab.close();
    await silent.close();
  });
});
