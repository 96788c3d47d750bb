import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as der from '../../simulator/der.js';

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));

export interface Issued {
  readonly name: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly key: KeyObject;
}

export interface Order {
  readonly name: string;
  readonly dnsNames?: readonly string[];
  /** Days of validity from now; negative: expired. */
  readonly days?: number;
  readonly notBefore?: Date;
  readonly authority?: boolean;
}

/** Issues a certificate; self-signed without an issuer. */
export function issue(order: Order, issuer?: Issued): Issued {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const notAfter = new Date(Date.now() + (order.days ?? 90) * DAY_MS);
  const notBefore = order.notBefore ?? new Date(Date.now() - 30 * DAY_MS);
  const body = der.sequence(
    der.tagged(0, der.integer(Buffer.from([2]))), // version 3
    der.integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    commonName(issuer?.name ?? order.name),
    der.sequence(der.utcTime(notBefore), der.utcTime(notAfter)),
    commonName(order.name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der.tagged(3, der.sequence(...extensions(order))),
  );
  const signature = sign('sha256', body, issuer?.key ?? keys.privateKey);
  const lines =
    der
      .sequence(body, ECDSA_WITH_SHA256, der.bits(signature))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    name: order.name,
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    key: keys.privateKey,
  };
}

/** A root, an intermediate, and a server certificate for `dnsNames` below it. */
export function issueChain(dnsNames: readonly string[]): { root: Issued; middle: Issued; leaf: Issued } {
  const root = issue({ name: 'Test Root', authority: true, days: 900 });
  const middle = issue({ name: 'Test Intermediate', authority: true, days: 500 }, root);
  const leaf = issue({ name: dnsNames[0] ?? 'leaf', dnsNames }, middle);
  return { root, middle, leaf };
}

function extensions({ authority, dnsNames }: Order): readonly Buffer[] {
  const basic = extension('2.5.29.19', authority === true ? der.sequence(der.boolean(true)) : der.sequence());
  if (dnsNames === undefined) return [basic];
  const names = dnsNames.map((value) => der.implicit(2, Buffer.from(value)));
  return [basic, extension('2.5.29.17', der.sequence(...names))];
}

function extension(id: string, value: Buffer): Buffer {
  return der.sequence(der.oid(id), der.octets(value));
}

function commonName(value: string): Buffer {
  return der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(value))));
}
