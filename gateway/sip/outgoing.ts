/** What requests of ours outside a dialog have in common. */
import type { SrfResponse } from './drachtio-types.js';
import { hasTag, headerGetter } from './incoming.js';

const MARKS_OF_A_PEER = ['server', 'user-agent', 'allow', 'contact', 'retry-after', 'warning'];

/**
 * Whether our own SIP server made this 408 or 503 for lack of any response (RFC 3261 8.1.3.1). A peer's has a To tag, as
 * RFC 3261 8.2.6.2 wants; our embedded server's has none. A drachtio-server gives no sure sign, so there a response
 * counts as the peer's when it names its maker or what it can do.
 */
export function madeByServer(response: SrfResponse, embedded: boolean): boolean {
  if (response.status !== 408 && response.status !== 503) return false;
  const header = headerGetter(response.msg);
  if (!hasTag(header('to') ?? '')) return true;
  return !embedded && !MARKS_OF_A_PEER.some((name) => header(name) !== undefined);
}

/** @throws TypeError when the text would break the line or the message that it travels in */
export function checkUri(uri: string): void {
  // The next hop travels in a line of tokens separated by "|", the request-URI in a start line.
  if (!/^[\x21-\x7e]+$/.test(uri) || uri.includes('|')) throw new TypeError(`URI ${JSON.stringify(uri)}: not a URI`);
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : typeof error === 'string' ? error : 'unknown';
}
