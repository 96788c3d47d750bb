import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { bits, boolean, implicit, integer, octets, oid, sequence, set, tagged, utcTime, utf8 } from './der.js';

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A private key (PKCS #8) and its certificate, chain included, as PEM. */
export interface PemPair {
  readonly key: string;
  readonly certificate: string;
}

export interface ServerCertificateOptions {
  /** Days until it expires; negative for one that has. Default 30. */
  readonly days?: number;
}

/** A certificate authority for tests and demos, EC P-256, living in memory. */
export interface CertificateAuthority {
  /** PEM of the CA's certificate. */
  readonly certificate: string;
  /** A server certificate for these names or IPv4 addresses; the first is the common name. Throws without a name. */
  issue(names: readonly string[], options?: ServerCertificateOptions): PemPair;
}

interface Subject {
  readonly commonName: string;
  readonly publicKey: KeyObject;
}

/** Makes a CA with a fresh key, good for a year. */
export function createCertificateAuthority(commonName = 'wa-trunk lab CA'): CertificateAuthority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ca: Subject = { commonName, publicKey };
  const certificate = certify(ca, ca, privateKey, 365, [
    extension('2.5.29.19', sequence(boolean(true), integer(Buffer.from([0]))), true), // CA, path length 0
    extension('2.5.29.15', bits(Buffer.from([0x06]), 1), true), // keyCertSign, cRLSign
  ]);
  return {
    certificate,
    issue: (names, { days = 30 } = {}) => {
      const [first] = names;
      if (first === undefined) throw new TypeError('issue: a server certificate needs at least one name');
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const leaf = certify({ commonName: first, publicKey: keys.publicKey }, ca, privateKey, days, [
        extension('2.5.29.19', sequence(), true),
        extension('2.5.29.15', bits(Buffer.from([0x80]), 7), true), // digitalSignature
        extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))), // server and client
        extension('2.5.29.17', sequence(...names.map(generalName))),
      ]);
      const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return { key, certificate: leaf + certificate };
    },
  };
}

/** Writes `<name>.key` (mode 0600) and `<name>.crt` into a folder, made if need be; returns their paths. */
export async function writePemPair(
  folder: string,
  name: string,
  pair: PemPair,
): Promise<{ readonly keyFile: string; readonly certificateFile: string }> {
  await mkdir(folder, { recursive: true });
  const keyFile = join(folder, `${name}.key`);
  const certificateFile = join(folder, `${name}.crt`);
  await writeFile(keyFile, pair.key, { mode: 0o600 });
  await writeFile(certificateFile, pair.certificate);
  return { keyFile, certificateFile };
}

/** A certificate (RFC 5280 section 4.1) as PEM. */
function certify(subject: Subject, issuer: Subject, key: KeyObject, days: number, extensions: Buffer[]): string {
  const notAfter = Date.now() + days * DAY_MS;
  const notBefore = Math.min(Date.now(), notAfter) - DAY_MS;
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name(issuer.commonName),
    sequence(utcTime(new Date(notBefore)), utcTime(new Date(notAfter))),
    name(subject.commonName),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      3,
      sequence(
        ...extensions,
        extension('2.5.29.14', octets(keyId(subject.publicKey))),
        extension('2.5.29.35', sequence(implicit(0, keyId(issuer.publicKey)))),
      ),
    ),
  );
  const certificate = sequence(body, ECDSA_WITH_SHA256, bits(sign('sha256', body, key)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function name(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function generalName(value: string): Buffer {
  return isIP(value) === 4 ? implicit(7, Buffer.from(value.split('.').map(Number))) : implicit(2, Buffer.from(value));
}

function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}
