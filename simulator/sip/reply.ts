import { randomUUID } from 'node:crypto';
import { canonicalName, formatSipText, headerList, parameter, type SipText } from './sip-text.js';
import { ALLOW } from './wire.js';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  481: 'Call/Transaction Does Not Exist',
  501: 'Not Implemented',
};

/** Meta's own headers in its answers to the gateway's requests. */
export const RESPONSE_HEADERS: readonly (readonly [string, string])[] = [
  ['X-FB-External-Domain', 'wa.meta.vc'],
  ['Allow', ALLOW],
  ['User-Agent', 'Facebook SipGateway'],
];

/** A response that needs no transaction: over TLS nothing is repeated. Works for Call-IDs that sip.js refuses. */
export function writeReply(request: SipText, status: number, reason = REASONS[status] ?? ''): string {
  const echoed = request.headers
    .filter(([name]) => ['from', 'to', 'call-id', 'cseq'].includes(canonicalName(name)))
    .map(([name, value]) => {
      const untagged = canonicalName(name) === 'to' && parameter(value, 'tag') === undefined;
      return [name, untagged ? `${value};tag=${randomUUID()}` : value] as const;
    });
  return formatSipText({
    startLine: `SIP/2.0 ${status} ${reason}`,
    headers: [...headerList(request, 'via').map((via) => ['Via', via] as const), ...echoed, ...RESPONSE_HEADERS],
    body: '',
  });
}
