import { isIP } from 'node:net';
import { param } from './params.js';
import type { Transport } from '../types.js';

/** A sip or sips URI; what routing does not need stays text. IPv6 hosts are without brackets. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  /** From the first `;` to the headers, such as `;transport=tls;lr`. */
  readonly params: string;
  /** From the `?`, such as `?Subject=x`. */
  readonly headers: string;
}

/** Scheme of any URI in lower case, `''` when the text has none. */
export function schemeOf(uri: string): string {
  const colon = uri.indexOf(':');
  if (colon <= 0) return '';
  const scheme = uri.slice(0, colon).toLowerCase();
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) ? scheme : '';
}

/** Parses a sip or sips URI (RFC 3261 section 19.1); `undefined` for another scheme or a malformed one. */
export function parseUri(text: string): SipUri | undefined {
  const scheme = schemeOf(text);
  if (scheme !== 'sip' && scheme !== 'sips') return undefined;
  // The user part may hold unescaped ; and ? but no @, so the @ is looked for first.
  const at = text.indexOf('@', scheme.length + 1);
  const user = at === -1 ? undefined : text.slice(scheme.length + 1, at);
  const rest = at === -1 ? scheme.length + 1 : at + 1;
  const hostEnd = text.charCodeAt(rest) === 0x5b ? text.indexOf(']', rest) + 1 : endOfHost(text, rest);
  const hostText = text.slice(rest, hostEnd);
  const host = hostText.startsWith('[') ? hostText.slice(1, -1) : hostText;
  if (hostEnd <= rest || !validHost(hostText)) return undefined;
  let next = hostEnd;
  let port: number | undefined;
  if (text.charCodeAt(next) === 0x3a) {
    const end = endOfHost(text, next + 1);
    const digits = text.slice(next + 1, end);
    port = Number(digits);
    if (!/^\d{1,5}$/.test(digits) || port > 65535) return undefined;
    next = end;
  }
  const question = text.indexOf('?', next);
  const paramsEnd = question === -1 ? text.length : question;
  const params = text.slice(next, paramsEnd);
  if (params !== '' && !params.startsWith(';')) return undefined;
  if (/[\s<>"@]/.test(params)) return undefined;
  return { scheme, user, host: host.toLowerCase(), port, params, headers: text.slice(paramsEnd) };
}

function endOfHost(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x3a || c === 0x3b || c === 0x3f) return i;
  }
  return text.length;
}

/** A host name, an IPv4 address or an IPv6 reference in brackets. */
export function validHost(host: string): boolean {
  if (host.startsWith('[')) return host.endsWith(']') && isIP(host.slice(1, -1)) === 6;
  return /^[A-Za-z0-9_.-]+$/.test(host);
}

/** The transport that a URI asks for; `undefined` when it leaves the choice open, `'unknown'` for one not spoken here. */
export function transportOf(uri: SipUri): Transport | 'unknown' | undefined {
  const written = param(uri.params, 'transport')?.toLowerCase();
  if (uri.scheme === 'sips') return written === undefined || written === 'tcp' || written === 'tls' ? 'tls' : 'unknown';
  if (written === undefined || written === '') return undefined;
  return written === 'udp' || written === 'tcp' || written === 'tls' ? written : 'unknown';
}

/** Loose routing: does the URI carry `lr` (RFC 3261 section 16.12)? */
export function isLooseRouter(uri: SipUri): boolean {
  return param(uri.params, 'lr') !== undefined;
}

/** Host for a URI or a Via: IPv6 addresses get their brackets. */
export function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `host:port` with IPv6 brackets. */
export function hostPort(host: string, port: number): string {
  return `${hostText(host)}:${port}`;
}

/** Is the host a numeric address? */
export function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}
