/**
 * What crosses from WhatsApp to the PBX, under which name. Only what is listed here crosses: a header that a caller
 * makes up is never copied, so none can be forged. docs/reference/headers.md describes each for operators.
 */
import type { Headers, IncomingRequest } from '../sip/port.js';

/** Meta spells some headers in several ways (field reports and its own pages differ): the first one present counts. */
const FROM_META: Readonly<Record<string, readonly string[]>> = {
  'X-WA-Wacid': ['x-wa-meta-wacid'],
  'X-WA-Cta-Payload': ['x-wa-meta-cta-payload'],
  'X-WA-Deeplink-Payload': ['x-wa-meta-deeplink-payload'],
  'X-WA-Phone-Number-Id': ['x-wa-meta-phone-number-id'],
  'X-WA-User-Id': ['x-wa-meta-user-id'],
  'X-WA-Parent-User-Id': ['x-wa-meta-parent-user-id', 'x-wa_meta-parent-user-id'],
  'X-WA-User-Name': ['x-wa-meta-user-name', 'x-wa-meta-username'],
  'X-WA-Country': ['x-wa-meta-country-code', 'x-wa-meta-user-country-code'],
};

/** Meta allows payloads of 512 characters; percent-encoding may triple that. */
const MAX_VALUE = 1536;

/** The X-WA-* headers for the PBX. Values are percent-encoded where a dial-plan could trip over them (RFC 3986). */
export function headersForPbx(invite: Pick<IncomingRequest, 'header' | 'callId'>): Headers {
  const headers: Record<string, string> = {};
  for (const [name, spellings] of Object.entries(FROM_META)) {
    const value = firstOf(invite, spellings);
    if (value !== undefined) headers[name] = safeValue(value);
  }
  headers['X-WA-Wacid'] ??= safeValue(wacidOfCallId(invite.callId));
  return headers;
}

/** The payload of the call button or deep link as the client sent it, for routes. */
export function payloadOf(invite: Pick<IncomingRequest, 'header'>): string | undefined {
  return firstOf(invite, ['x-wa-meta-cta-payload', 'x-wa-meta-deeplink-payload']);
}

function firstOf(invite: Pick<IncomingRequest, 'header'>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = invite.header(name)?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** Meta's Call-ID is `outgoing:wacid.…` for calls that a user places. */
export function wacidOfCallId(callId: string): string {
  return callId.replace(/^outgoing:/, '');
}

/**
 * Printable ASCII stays; control characters, non-ASCII, and what breaks Asterisk's variable and argument parsing
 * (`"`, `\`, `$`, `{`, `}`, backquote) are percent-encoded, and `%` with them so that decoding is exact.
 */
export function safeValue(value: string): string {
  const encoded = value.replace(/[^\x20-\x7e]|["\\${}`%]/gu, (c) => percentEncode(c));
  return encoded.slice(0, MAX_VALUE).replace(/%[0-9A-F]?$/, '');
}

function percentEncode(character: string): string {
  return Array.from(
    Buffer.from(character, 'utf8'),
    (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
