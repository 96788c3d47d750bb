import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCertificate } from '../../gateway/config/certificates.js';
import type { CertificateCheck } from '../../gateway/config/certificates.js';
import { issue, issueChain } from './pki.js';

const HOSTNAME = 'sip.example.com';
const DAY_MS = 86_400_000;
const { root, middle, leaf } = issueChain([HOSTNAME]);
const GOOD: CertificateCheck = {
  chain: leaf.certificate + middle.certificate,
  privateKey: leaf.privateKey,
  ca: root.certificate,
  hostname: HOSTNAME,
  now: new Date(),
};

function findings(change: Partial<CertificateCheck>): readonly string[] {
  return checkCertificate({ ...GOOD, ...change }).map(
    ({ severity, about, found, allowed }) => `${severity} ${about}: ${found} | ${allowed}`,
  );
}

test('a full chain below a known root, for the host name, is good', () => {
  assert.deepEqual(findings({}), []);
});

test('a wildcard covers one label', () => {
  const wild = issueChain(['*.example.com']);
  const change = {
    chain: wild.leaf.certificate + wild.middle.certificate,
    privateKey: wild.leaf.privateKey,
    ca: wild.root.certificate,
  };
  assert.deepEqual(findings(change), []);
  assert.deepEqual(findings({ ...change, hostname: 'a.sip.example.com' }), [
    'fault certificate: a certificate for *.example.com | one that covers gateway.hostname, a.sip.example.com',
  ]);
});

test('another host name is a fault, and the common name does not count', () => {
  assert.deepEqual(findings({ hostname: 'other.example.com' }), [
    'fault certificate: a certificate for sip.example.com | one that covers gateway.hostname, other.example.com',
  ]);
  const nameless = issue({ name: HOSTNAME }, middle);
  const [finding] = findings({ chain: nameless.certificate + middle.certificate, privateKey: nameless.privateKey });
  assert.match(finding ?? '', /^fault certificate: a certificate for no name at all \(no subjectAltName\)/);
});

test('the key must be the one of the first certificate', () => {
  assert.deepEqual(findings({ privateKey: root.privateKey }), [
    'fault privateKey: a private key of another certificate than sip.example.com | the private key of whatsapp.certificate',
  ]);
  const turned = findings({ chain: middle.certificate + leaf.certificate });
  assert.ok(turned.some((line) => line.startsWith("fault certificate: the key's certificate as number 2 in the file")));
});

test('keys and certificates that cannot be used', () => {
  assert.match(findings({ privateKey: 'no key' })[0] ?? '', /^fault privateKey: no PEM private key that can be parsed/);
  const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
  assert.match(findings({ privateKey: encrypted })[0] ?? '', /^fault privateKey: a private key with a passphrase/);
  assert.match(findings({ chain: leaf.privateKey })[0] ?? '', /^fault certificate: no PEM certificate in the file/);
  const broken = leaf.certificate.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  assert.match(findings({ chain: broken })[0] ?? '', /number 1 in the file\) that cannot be parsed/);
});

test('expired and not yet valid are faults, expiring soon is a warning', () => {
  const expired = issue({ name: HOSTNAME, dnsNames: [HOSTNAME], days: -1 }, middle);
  const change = { chain: expired.certificate + middle.certificate, privateKey: expired.privateKey };
  assert.match(findings(change)[0] ?? '', /^fault certificate: sip\.example\.com, expired on \d{4}-\d\d-\d\d/);
  const early = issue({ name: HOSTNAME, dnsNames: [HOSTNAME], notBefore: new Date(Date.now() + DAY_MS) }, middle);
  const notYet = findings({ chain: early.certificate + middle.certificate, privateKey: early.privateKey });
  assert.match(notYet[0] ?? '', /^fault certificate: sip\.example\.com, not valid before/);
  const soon = findings({ now: new Date(Date.now() + 80 * DAY_MS) });
  assert.equal(soon.length, 1);
  assert.match(soon[0] ?? '', /^warning certificate: sip\.example\.com, which expires in (9|10) days/);
  assert.deepEqual(findings({ now: new Date(Date.now() + 75 * DAY_MS) }), []);
});

test('a chain out of order is a fault', () => {
  const lines = findings({ chain: leaf.certificate + root.certificate + middle.certificate });
  assert.match(
    lines[0] ?? '',
    /^fault certificate: Test Root as number 2 in the file, which did not sign sip\.example\.com/,
  );
});

test('a missing intermediate and a self-signed certificate are warnings', () => {
  assert.deepEqual(findings({ chain: leaf.certificate }), [
    'warning certificate: a chain that ends with sip.example.com, signed by CN=Test Intermediate, which is no known root' +
      ' | the full chain: the certificate and all intermediates',
  ]);
  const self = issue({ name: HOSTNAME, dnsNames: [HOSTNAME] });
  assert.deepEqual(findings({ chain: self.certificate, privateKey: self.privateKey }), [
    'warning certificate: a self-signed certificate, which Meta will not accept | a certificate of a public CA',
  ]);
  assert.deepEqual(findings({ chain: leaf.certificate + middle.certificate + root.certificate }), []);
});
