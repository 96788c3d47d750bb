/** What a REGISTER asks for (RFC 3261 10.3, steps 2 and 6 to 7), before anything is changed. */
import { parseNameAddr, splitOutside } from '../sip/headers.js';
import type { IncomingRequest, Response } from '../sip/port.js';
import { formatUri, parseUri, type SipUri } from '../sip/uri.js';

export interface WantedContact {
  /** Equal for URIs that mean the same contact. */
  readonly key: string;
  /** As the PBX wrote it. */
  readonly uri: string;
  readonly parsed: SipUri;
  /** Seconds; 0 removes it. */
  readonly expires: number;
  /** From 0 to 1. */
  readonly q: number;
}

export type RegisterRequest =
  | { readonly kind: 'query' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'bind'; readonly contacts: readonly WantedContact[] }
  | { readonly kind: 'refused'; readonly response: Response };

export interface ExpiryLimits {
  /** Seconds. */
  readonly min: number;
  readonly max: number;
}

export function parseRegister(request: Pick<IncomingRequest, 'header'>, limits: ExpiryLimits): RegisterRequest {
  const required = request.header('require');
  if (required !== undefined) return refused(420, 'Bad Extension', { Unsupported: required });
  const values = splitOutside(request.header('contact') ?? request.header('m') ?? '', ',');
  const expires = request.header('expires');
  if (values.includes('*')) {
    const alone = values.length === 1 && expires?.trim() === '0';
    return alone ? { kind: 'clear' } : refused(400, 'Contact: * needs Expires: 0 and no other contact');
  }
  if (values.length === 0) return { kind: 'query' };
  const contacts: WantedContact[] = [];
  for (const value of values) {
    const contact = parseContact(value, expires, limits);
    if (contact === undefined) return refused(400, 'Contact is no SIP address');
    if (contact.expires > 0 && contact.expires < limits.min) {
      return refused(423, 'Interval Too Brief', { 'Min-Expires': String(limits.min) });
    }
    contacts.push(contact);
  }
  return { kind: 'bind', contacts };
}

function parseContact(value: string, expires: string | undefined, limits: ExpiryLimits): WantedContact | undefined {
  const address = parseNameAddr(value);
  const parsed = parseUri(address?.uri ?? '');
  if (address === undefined || parsed?.scheme !== 'sip') return undefined;
  const q = Number(address.params.get('q') ?? '1');
  return {
    key: keyOf(parsed),
    uri: address.uri,
    parsed,
    expires: Math.min(seconds(address.params.get('expires') ?? expires, limits), limits.max),
    q: q >= 0 && q <= 1 ? q : 1,
  };
}

/** RFC 3261 10.2.1.1: what cannot be read counts as 3600. */
function seconds(text: string | undefined, { max }: ExpiryLimits): number {
  if (text === undefined) return max;
  return /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : 3600;
}

/** RFC 3261 19.1.4, as far as registered contacts of a PBX need it. */
function keyOf({ user, host, port, params }: SipUri): string {
  const transport = params.get('transport')?.toLowerCase();
  return formatUri({
    user,
    host: host.toLowerCase(),
    port,
    params: new Map(transport === undefined || transport === 'udp' ? [] : [['transport', transport]]),
  });
}

function refused(status: number, reason: string, headers?: Readonly<Record<string, string>>): RegisterRequest {
  return { kind: 'refused', response: { status, reason, ...(headers === undefined ? {} : { headers }) } };
}
