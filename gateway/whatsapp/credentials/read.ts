/** The SIP password in Meta's answer to `settings?include_sip_credentials=true`. */
import type { GraphObject } from '../graph/port.js';
import { objectOf } from '../graph/reply.js';

export type Found =
  | { readonly kind: 'password'; readonly password: string }
  /** Why there is none, for an operator. */
  | { readonly kind: 'none'; readonly reason: string };

/** Several apps may have a server each: the password is that of the server with our name. */
export function readPassword(answer: GraphObject, hostname: string): Found {
  const sip = objectOf(objectOf(answer.calling ?? answer).sip);
  const servers = (Array.isArray(sip.servers) ? (sip.servers as unknown[]) : []).map(objectOf);
  const names = servers.map((server) => text(server.hostname) ?? '?');
  const own = servers.find((server) => sameHost(text(server.hostname), hostname));
  if (own === undefined) {
    const there = names.length === 0 ? 'no SIP server' : `only ${names.join(', ')}`;
    return { kind: 'none', reason: `the number has ${there} at Meta, not ${hostname}: run wa-trunk apply` };
  }
  const password = text(own.sip_user_password) ?? text(own.sip_password) ?? text(own.password);
  if (password !== undefined) return { kind: 'password', password };
  return {
    kind: 'none',
    reason: `Meta gives no password for ${hostname}: the server is another app's, or the token lacks whatsapp_business_management`,
  };
}

function sameHost(one: string | undefined, other: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/\.$/, '');
  return one !== undefined && plain(one) === plain(other);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
