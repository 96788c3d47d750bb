/** SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966): parsed into parts with escapes undone, formatted with them done. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Params } from './headers.js';

export interface SipUri {
  readonly scheme: 'sip' | 'sips' | 'tel';
  /** Unescaped and without its parameters; undefined when there is none. For tel the number. */
  readonly user: string | undefined;
  /** Parameters in the user part, as Meta's request_uri_user_params; names in lower case, values unescaped. */
  readonly userParams: Params;
  /** As written; IPv6 in brackets. Empty for tel. */
  readonly host: string;
  readonly port: number | undefined;
  /** URI parameters; names in lower case, values unescaped. */
  readonly params: Params;
  /** What follows `?`, as written; '' when nothing does. */
  readonly headers: string;
}

const NO_PARAMS: Params = new Map();
// RFC 3261 25.1: unreserved and user-unreserved, without what separates user parameters here; param-unreserved.
const USER_ESCAPE = /[^A-Za-z0-9\-_.!~*'()&=+$,?/]/gu;
const USER_PARAM_ESCAPE = /[^A-Za-z0-9\-_.!~*'()&+$,?/]/gu;
const PARAM_ESCAPE = /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/gu;
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
// Anything outside visible ASCII must be escaped in a URI; so must quotes and brackets, which would end a name-addr.
const NOT_A_URI = /[^\x21-\x7e]|["<>]/;

/** Undefined when the text is no SIP, SIPS or tel URI, or escapes something that is not UTF-8. */
export function parseUri(text: string): SipUri | undefined {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (NOT_A_URI.test(text)) return undefined;
  const rest = text.slice(colon + 1);
  if (scheme === 'tel') return parseTel(rest);
  if (scheme !== 'sip' && scheme !== 'sips') return undefined;

  const at = rest.indexOf('@');
  if (at !== rest.lastIndexOf('@')) return undefined;
  const user = at < 0 ? { user: undefined, userParams: NO_PARAMS } : parseUserInfo(rest.slice(0, at));
  const tail = rest.slice(at + 1);
  const question = tail.indexOf('?');
  const [hostPort = '', ...params] = (question < 0 ? tail : tail.slice(0, question)).split(';');
  const target = parseHostPort(hostPort);
  const parsed = uriParams(params);
  if (!user || !target || !parsed) return undefined;
  return { scheme, ...user, ...target, params: parsed, headers: question < 0 ? '' : tail.slice(question + 1) };
}

function parseTel(rest: string): SipUri | undefined {
  const [number = '', ...params] = rest.split(';');
  const parsed = uriParams(params);
  if (!/^\+?[0-9A-Fa-f*#().-]+$/.test(number) || !parsed) return undefined;
  return {
    scheme: 'tel',
    user: number.replace(/[-.()]/g, ''),
    userParams: NO_PARAMS,
    host: '',
    port: undefined,
    params: parsed,
    headers: '',
  };
}

function parseUserInfo(text: string): { user: string; userParams: Params } | undefined {
  // A password is deprecated (RFC 3261 19.1.1) and of no use here: it is dropped.
  const [user = '', ...params] = (text.split(':', 1)[0] ?? '').split(';');
  const unescaped = unescapePart(user);
  const userParams = uriParams(params);
  return unescaped === undefined || unescaped === '' || !userParams ? undefined : { user: unescaped, userParams };
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`. */
export function parseHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const colon = text.startsWith('[') ? text.indexOf(':', text.indexOf(']')) : text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? undefined : text.slice(colon + 1);
  const good = host.startsWith('[') ? host.endsWith(']') && isIPv6(host.slice(1, -1)) : HOST_NAME.test(host);
  if (!good || (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65535))) return undefined;
  return { host, port: port === undefined ? undefined : Number(port) };
}

function uriParams(parts: readonly string[]): Params | undefined {
  if (parts.length === 0) return NO_PARAMS;
  const params = new Map<string, string>();
  for (const part of parts) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = unescapePart(equals < 0 ? part : part.slice(0, equals))?.toLowerCase();
    const value = equals < 0 ? '' : unescapePart(part.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    if (!params.has(name)) params.set(name, value);
  }
  return params;
}

function unescapePart(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const percent = (c: string) =>
  [...new TextEncoder().encode(c)].map((b) => `%${b.toString(16).toUpperCase().padStart(2, '0')}`).join('');
const escapeUser = (text: string) => text.replace(USER_ESCAPE, percent);

/** The URI as text; whatever the parts hold, nothing in it can end the URI early. */
export function formatUri(uri: {
  scheme?: 'sip' | 'sips' | 'tel';
  user?: string | undefined;
  userParams?: Params;
  host: string;
  port?: number | undefined;
  params?: Params;
}): string {
  const params = formatUriParams(uri.params, PARAM_ESCAPE);
  if (uri.scheme === 'tel') return `tel:${uri.user ?? ''}${params}`;
  if (!parseHostPort(uri.host)) throw new TypeError(`host ${JSON.stringify(uri.host)}: not a host name or address`);
  const user =
    uri.user === undefined ? '' : `${escapeUser(uri.user)}${formatUriParams(uri.userParams, USER_PARAM_ESCAPE)}@`;
  return `${uri.scheme ?? 'sip'}:${user}${uri.host}${uri.port === undefined ? '' : `:${uri.port}`}${params}`;
}

function formatUriParams(params: Params | undefined, escape: RegExp): string {
  let text = '';
  for (const [name, value] of params ?? []) {
    const escaped = name.replace(escape, percent);
    text += value === '' ? `;${escaped}` : `;${escaped}=${value.replace(escape, percent)}`;
  }
  return text;
}

/** An address as it stands in a URI: IPv6 in brackets, anything else unchanged. */
export function uriHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** Whether the host of a URI is an address, which nobody has to look up. */
export function isAddress(host: string): boolean {
  return isIPv4(host) || host.startsWith('[');
}

/** Whom a user part names. Meta writes +E.164, or a business-scoped user id such as `US.13491208655302741918`. */
export type Party =
  | { readonly kind: 'phone'; readonly number: string }
  | { readonly kind: 'bsuid'; readonly id: string }
  | { readonly kind: 'other'; readonly user: string };

export function parseParty(user: string | undefined): Party {
  const number = e164(user);
  if (number !== undefined) return { kind: 'phone', number };
  const text = user ?? '';
  return /^[A-Z]{2}\.[A-Za-z0-9]+$/.test(text) ? { kind: 'bsuid', id: text } : { kind: 'other', user: text };
}

/** `+` and up to 15 digits with visual separators (RFC 3966) taken out; undefined when the text is no such number. */
export function e164(text: string | undefined): string | undefined {
  const number = text?.replace(/[-.()]/g, '');
  return number !== undefined && /^\+[1-9]\d{1,14}$/.test(number) ? number : undefined;
}
