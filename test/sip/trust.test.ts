import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source } from '../../gateway/sip/port.js';
import { createNetworks, createTrust } from '../../gateway/sip/trust.js';

test('networks of both families; mapped addresses count as IPv4', () => {
  const meta = createNetworks(['157.240.0.0/16', '31.13.66.215', '2a03:2880::/32']);
  for (const yes of ['157.240.229.209', '::ffff:157.240.1.1', '31.13.66.215', '2a03:2880:f343::1', '[2a03:2880::1]']) {
    assert.equal(meta(yes), true, yes);
  }
  for (const no of ['157.241.0.1', '31.13.66.216', '2a03:2881::1', '::1', '', 'wa.meta.vc', '157.240.1']) {
    assert.equal(meta(no), false, no);
  }
});

test('what is no network is named', () => {
  for (const bad of [
    '157.240.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'meta',
    '10.0.0/8',
    '10.0.0.0/-1',
    '1.2.3.4/x',
  ]) {
    assert.throws(() => createNetworks([bad]), (error: Error) => error.message.startsWith(JSON.stringify(bad)), bad); // prettier-ignore
  }
});

const OPTIONS: Parameters<typeof createTrust>[0] = {
  whatsapp: {
    listen: [{ transport: 'tls', host: '0.0.0.0', port: 5061 }],
    networks: ['127.0.0.0/8', '157.240.0.0/16'],
  },
  pbx: { listen: [{ transport: 'udp', host: '127.0.0.1', port: 5060 }, { transport: 'tls', host: '10.0.0.1', port: 5061 }], strangers: false }, // prettier-ignore
  trunks: [{ name: 'desk', networks: ['127.0.0.1', '10.0.0.0/24'] }, { name: 'lab', networks: ['10.0.0.0/8'] }], // prettier-ignore
};
const trust = createTrust(OPTIONS);
const source = (address: string, transport: Source['transport'], receivedOn?: string): Source => ({
  address,
  port: 40000,
  transport,
  ...(receivedOn === undefined ? {} : { receivedOn }),
});

test('the listener tells the sides apart where their addresses overlap', () => {
  assert.deepEqual(trust(source('127.0.0.1', 'tls', '127.0.0.1:5061')), { kind: 'whatsapp' });
  assert.deepEqual(trust(source('127.0.0.1', 'udp', '127.0.0.1:5060')), { kind: 'trunk', name: 'desk' });
});

test('a trunk is found by its networks, the first of overlapping ones', () => {
  assert.deepEqual(trust(source('10.0.0.7', 'tls', '10.0.0.1:5061')), { kind: 'trunk', name: 'desk' });
  assert.deepEqual(trust(source('10.9.0.7', 'tls', '10.0.0.1:5061')), { kind: 'trunk', name: 'lab' });
});

test('an address is trusted on its own listener only', () => {
  for (const stranger of [
    source('10.0.0.7', 'tls', '192.0.2.1:5061'), // a PBX on the WhatsApp listener
    source('157.240.1.1', 'udp', '127.0.0.1:5060'), // Meta on the PBX listener
    source('157.240.1.1', 'tls', '10.0.0.1:5061'), // the exact address belongs to the PBX side
    source('203.0.113.1', 'tls', '0.0.0.0:5061'),
    source('127.0.0.1', 'tls', '127.0.0.1:5999'),
    source('127.0.0.1', 'tcp', '127.0.0.1:5061'),
  ]) {
    assert.equal(trust(stranger).kind, 'untrusted', JSON.stringify(stranger));
  }
});

test('where the listener is not told, the transport decides', () => {
  assert.deepEqual(trust(source('127.0.0.1', 'udp')), { kind: 'trunk', name: 'desk' });
  assert.deepEqual(trust(source('157.240.1.1', 'tls')), { kind: 'whatsapp' });
  assert.equal(trust(source('157.240.1.1', 'udp')).kind, 'untrusted');
});

test("where a trunk proves itself by digest, anybody may try on the PBX's listener, and there alone", () => {
  const open = createTrust({ ...OPTIONS, pbx: { ...OPTIONS.pbx, strangers: true } });
  assert.deepEqual(open(source('203.0.113.1', 'udp', '127.0.0.1:5060')), { kind: 'stranger' });
  assert.deepEqual(open(source('10.0.0.7', 'tls', '10.0.0.1:5061')), { kind: 'trunk', name: 'desk' });
  assert.equal(open(source('203.0.113.1', 'tls', '0.0.0.0:5061')).kind, 'untrusted');
});
