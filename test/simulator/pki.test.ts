import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCertificateAuthority, writePemPair } from '../../simulator/index.js';

test('a server certificate is signed by its CA, names what it is for, and expires when told', () => {
  const authority = createCertificateAuthority('a CA');
  const root = new X509Certificate(authority.certificate);
  const leaf = new X509Certificate(authority.issue(['sip.example.com', '127.0.0.1'], { days: 7 }).certificate);
  assert.equal(root.ca, true);
  assert.equal(leaf.ca, false);
  assert.ok(leaf.verify(root.publicKey) && leaf.checkIssued(root));
  assert.equal(leaf.subject, 'CN=sip.example.com');
  assert.equal(leaf.subjectAltName, 'DNS:sip.example.com, IP Address:127.0.0.1');
  const days = (new Date(leaf.validTo).getTime() - Date.now()) / 86_400_000;
  assert.ok(days > 6.9 && days < 7.1, String(days));
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const old = new X509Certificate(authority.issue(['a.example'], { days: -1 }).certificate);
  assert.ok(new Date(old.validTo).getTime() < Date.now());
  assert.throws(() => authority.issue([]), /at least one name/);
});

test('a pair on disk: the key for its owner alone, the chain with the certificate', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pki-'));
  try {
    const authority = createCertificateAuthority();
    const pair = authority.issue(['sip.example.com']);
    const { keyFile, certificateFile } = await writePemPair(join(folder, 'made'), 'gateway', pair);
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600);
    assert.equal(await readFile(certificateFile, 'utf8'), pair.certificate);
    assert.ok(pair.certificate.endsWith(authority.certificate));
  } finally {
    await rm(folder, { recursive: true });
  }
});
