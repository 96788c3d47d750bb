import { createPrivateKey, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import type { KeyObject } from 'node:crypto';

/** One finding about a certificate: `found` and `allowed` complete a fault. */
export interface Finding {
  readonly severity: 'fault' | 'warning';
  readonly about: 'certificate' | 'privateKey';
  readonly found: string;
  readonly allowed: string;
}

export interface CertificateCheck {
  /** PEM texts. */
  readonly chain: string;
  /** Absent when the file could not be read; then only the chain is judged. */
  readonly privateKey: string | undefined;
  /** PEM of further roots. */
  readonly ca: string | undefined;
  /** Absent when it is itself at fault. */
  readonly hostname: string | undefined;
  readonly now: Date;
}

const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/**
 * Judges the server's certificate as Meta will: parses, key fits, valid now, covers the host name by SAN, chain in order and
 * complete as far as can be told from here.
 */
export function checkCertificate(check: CertificateCheck): readonly Finding[] {
  const chain = parseChain(check.chain);
  const key = check.privateKey === undefined ? undefined : parseKey(check.privateKey);
  if (!Array.isArray(chain)) return [chain, ...(isFinding(key) ? [key] : [])];
  const leaf = chain[0]!;
  return [
    ...(isFinding(key) ? [key] : key === undefined ? [] : checkKey(leaf, key, chain)),
    ...checkHostname(leaf, check.hostname),
    ...checkValidity(chain, check.now),
    ...checkOrder(chain),
    ...checkEnd(chain, check.ca),
  ];
}

/** The certificates of a PEM text, in order; or what is wrong with it. */
export function parseChain(pem: string): X509Certificate[] | Finding {
  const blocks =
    pem.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? [];
  const allowed = 'a PEM file with the certificate first, then its intermediates';
  if (blocks.length === 0) return fault('certificate', 'no PEM certificate in the file', allowed);
  const chain: X509Certificate[] = [];
  for (const [i, block] of blocks.entries()) {
    try {
      chain.push(new X509Certificate(block));
    } catch {
      return fault('certificate', `a certificate (number ${i + 1} in the file) that cannot be parsed`, allowed);
    }
  }
  return chain;
}

function parseKey(pem: string): KeyObject | Finding {
  const allowed = 'a PEM private key without a passphrase';
  if (pem.includes('ENCRYPTED')) return fault('privateKey', 'a private key with a passphrase', allowed);
  try {
    return createPrivateKey(pem);
  } catch {
    return fault('privateKey', 'no PEM private key that can be parsed', allowed);
  }
}

function checkKey(leaf: X509Certificate, key: KeyObject, chain: readonly X509Certificate[]): readonly Finding[] {
  if (leaf.checkPrivateKey(key)) return [];
  const own = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (own > 0) {
    const found = `the key's certificate as number ${own + 1} in the file`;
    return [fault('certificate', found, 'the certificate first, then its intermediates')];
  }
  const found = `a private key of another certificate than ${nameOf(leaf)}`;
  return [fault('privateKey', found, 'the private key of whatsapp.certificate')];
}

function checkHostname(leaf: X509Certificate, hostname: string | undefined): readonly Finding[] {
  // Only the SAN counts (RFC 9525); a common name is not looked at.
  if (hostname === undefined || leaf.checkHost(hostname, { subject: 'never' }) !== undefined) return [];
  const names = (leaf.subjectAltName ?? '').replace(/DNS:/g, '') || 'no name at all (no subjectAltName)';
  return [fault('certificate', `a certificate for ${names}`, `one that covers gateway.hostname, ${hostname}`)];
}

function checkValidity(chain: readonly X509Certificate[], now: Date): readonly Finding[] {
  return chain.flatMap((certificate): Finding[] => {
    const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
    const who = nameOf(certificate);
    if (to <= now) return [fault('certificate', `${who}, expired on ${day(to)}`, 'a certificate that is valid now')];
    if (from > now) {
      return [fault('certificate', `${who}, not valid before ${day(from)}`, 'a certificate that is valid now')];
    }
    const days = Math.floor((to.getTime() - now.getTime()) / DAY_MS);
    if (days >= SOON_DAYS) return [];
    return [warning(`${who}, which expires in ${days} days, on ${day(to)}`, 'a certificate renewed in time')];
  });
}

function checkOrder(chain: readonly X509Certificate[]): readonly Finding[] {
  return chain.slice(1).flatMap((issuer, i): Finding[] => {
    const issued = chain[i]!;
    if (issued.checkIssued(issuer) && issued.verify(issuer.publicKey)) return [];
    const found = `${nameOf(issuer)} as number ${i + 2} in the file, which did not sign ${nameOf(issued)} before it`;
    return [fault('certificate', found, 'the certificate first, then each issuer in order')];
  });
}

function checkEnd(chain: readonly X509Certificate[], ca: string | undefined): readonly Finding[] {
  const last = chain.at(-1)!;
  if (isSelfSigned(last)) {
    if (chain.length > 1) return [];
    const found = 'a self-signed certificate, which Meta will not accept';
    return [warning(found, 'a certificate of a public CA')];
  }
  const extra = ca === undefined ? [] : parseChain(ca);
  const roots = [...(Array.isArray(extra) ? extra : []), ...rootCertificates.map((pem) => new X509Certificate(pem))];
  if (roots.some((root) => last.checkIssued(root))) return [];
  const found = `a chain that ends with ${nameOf(last)}, signed by ${oneLine(last.issuer)}, which is no known root`;
  return [warning(found, 'the full chain: the certificate and all intermediates')];
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function nameOf(certificate: X509Certificate): string {
  return /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject)?.[1] ?? oneLine(certificate.subject);
}

function oneLine(subject: string): string {
  return subject.trim().replace(/\n/g, ', ') || 'a certificate without a subject';
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function isFinding(value: KeyObject | Finding | undefined): value is Finding {
  return value !== undefined && 'severity' in value;
}

function fault(about: Finding['about'], found: string, allowed: string): Finding {
  return { severity: 'fault', about, found, allowed };
}

function warning(found: string, allowed: string): Finding {
  return { severity: 'warning', about: 'certificate', found, allowed };
}
