import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest } from '../../gateway/config/faults.js';
import * as formats from '../../gateway/config/formats.js';
import { META_NETWORKS } from '../../gateway/config/meta-networks.js';
import { covers, readPrefix } from '../../gateway/config/networks.js';
import type { Scalar } from '../../gateway/config/shapes.js';

function check(scalar: Scalar<unknown>, good: readonly unknown[], bad: readonly unknown[]): void {
  for (const value of good) assert.notEqual(scalar.read(value), undefined, `${String(value)} is good`);
  for (const value of bad) assert.equal(scalar.read(value), undefined, `${String(value)} is bad`);
}

test('host names and addresses', () => {
  check(
    formats.fqdn,
    ['sip.example.com', 'A-1.b2.example'],
    ['localhost', '10.0.0.1', 'a..b', '-a.b', 'a_b.c', 'a.b.', `${'a'.repeat(64)}.b`, 5],
  );
  check(
    formats.host,
    ['localhost', '10.0.0.1', '::1', 'pbx'],
    ['10.0.0.999', '1.2.3', '[::1]', 'a b', '', 'a:5060', null],
  );
  check(formats.address, ['0.0.0.0', '::', '2001:db8::5'], ['localhost', '10.0.0.1/32']);
  assert.equal(formats.fqdn.read('SIP.Example.COM'), 'sip.example.com');
});

test('numbers, ports and flags are not coerced', () => {
  check(formats.port, [1, 5060, 65535], [0, -1, 65536, 5060.5, '5060', true, NaN, Infinity]);
  check(formats.listenPort, [0, 65535], ['0', 65536]);
  check(formats.flag, [true, false], ['true', 1, 0, 'yes']);
  check(
    formats.e164,
    ['+15551234567', '+4930123456'],
    ['15551234567', '+05551234567', '+1555', '+1 555 123 4567', `+${'1'.repeat(16)}`, 15551234567],
  );
});

test('time zones and hours of the week', () => {
  check(formats.timeZone, ['UTC', 'Europe/Berlin', 'America/Sao_Paulo'], ['Berlin', '+02:00', '', 5, 'Europe/Berlin ']);
  check(
    formats.weekly,
    ['Mo 09:00-10:00', 'mo-fr 00:00-24:00', 'Su,Tu-Th 22:00-02:00,04:00-05:00'],
    ['', 'Mo', '09:00-10:00', 'Mo 9:00-10:00', 'Mo 09:00', 'Mo 09:00-25:00', 'Mo 09:60-10:00', 'Mo 24:00-01:00']
      .concat(['Mo 09:00-09:00', 'Mo-We-Fr 09:00-10:00', 'Mo, Tu 09:00-10:00', 'Mx 09:00-10:00', 'Mo- 09:00-10:00'])
      .concat(['Mo 09:00-10:00,', 'Mo,,Tu 09:00-10:00']),
  );
  assert.deepEqual(formats.weekly.read('Sa-Mo 08:00-09:00'), { days: [0, 5, 6], times: [{ from: 480, to: 540 }] });
});

test('durations carry their unit and keep their bounds', () => {
  const duration = formats.duration('100ms', '1h');
  assert.deepEqual(
    ['100ms', '2s', '3m', '1h'].map((value) => duration.read(value)),
    [100, 2000, 180_000, 3_600_000],
  );
  check(duration, [], ['99ms', '2h', '30', 30, '1.5s', '30 s', '-1s', '30S', '']);
});

test('prefixes have no host bits; a single address stands for itself', () => {
  for (const good of ['10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::/0', '::ffff:10.0.0.0/104'])
    assert.equal(readPrefix(good), good);
  assert.equal(readPrefix('10.0.0.5'), '10.0.0.5/32');
  assert.equal(readPrefix('2001:db8::5'), '2001:db8::5/128');
  for (const bad of [
    '10.0.0.5/24',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0/8',
    '2001:db8::1/32',
    '::/129',
    'fe80::1%eth0',
    'x',
    '',
  ]) {
    assert.equal(readPrefix(bad), undefined, bad);
  }
});

test("Meta's networks are 23 IPv4 prefixes and one of IPv6, and cover where its calls were seen to come from", () => {
  assert.equal(META_NETWORKS.filter((prefix) => !prefix.includes(':')).length, 23);
  assert.equal(new Set(META_NETWORKS).size, 24);
  for (const prefix of META_NETWORKS) assert.equal(readPrefix(prefix), prefix);
  for (const address of [
    '157.240.229.209',
    '69.171.251.111',
    '31.13.66.215',
    '173.252.82.20',
    '66.220.149.16',
    '57.144.67.157',
    '2a03:2880::1',
  ]) {
    assert.ok(covers(META_NETWORKS, address), address);
  }
  assert.ok(!covers(META_NETWORKS, '8.8.8.8'));
});

test('what was probably meant', () => {
  assert.equal(closest('dtsl', ['dtls', 'sdes']), 'dtls');
  assert.equal(closest('pcma', ['opus', 'PCMA']), 'PCMA');
  assert.equal(closest('xyz', ['dtls', 'sdes']), undefined);
  assert.equal(closest('udb', ['tcp', 'udp']), 'udp');
});
