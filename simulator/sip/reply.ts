import { randomUUID } from 'node:crypto';
import { canonicalName, formatSipText, headerList, parameter, type SipText } from './sip-text.js';
import { ALLOW } from './wire.js';

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  200: 'OK',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  481: 'Call/Transaction Does Not Exist',
  487: 'Request Terminated',
  500: 'Server Internal Error',
};

/** Meta's own headers in its answers to the gateway's requests. */
export const RESPONSE_HEADERS: readonly (readonly [string, string])[] = [
  ['X-FB-External-Domain', 'wa.meta.vc'],
  ['Allow', ALLOW],
  ['User-Agent', 'Facebook SipGateway'],
];

export interface ReplyParts {
  /** The To tag, where the request has none; default a new one. */
  readonly toTag?: string;
  /** Where the request came from, told in its topmost Via (RFC 3581 section 4). */
  readonly source?: { readonly address: string; readonly port: number };
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** A response that needs no transaction: over TLS nothing is repeated. Works for Call-IDs that sip.js refuses. */
export function writeReply(
  request: SipText,
  status: number,
  reason = REASONS[status] ?? '',
  { toTag = randomUUID(), source, headers = [], body = '' }: ReplyParts = {},
): string {
  const echoed = request.headers
    .filter(([name]) => ['from', 'to', 'call-id', 'cseq'].includes(canonicalName(name)))
    .map(([name, value]) => {
      const untagged = status > 100 && canonicalName(name) === 'to' && parameter(value, 'tag') === undefined;
      return [name, untagged ? `${value};tag=${toTag}` : value] as const;
    });
  return formatSipText({
    startLine: `SIP/2.0 ${status} ${reason}`,
    headers: [
      ...viasBack(request, source).map((via) => ['Via', via] as const),
      ...echoed,
      ...headers,
      ...RESPONSE_HEADERS,
      ...(body === '' ? [] : [['Content-Type', 'application/sdp'] as const]),
    ],
    body,
  });
}

function viasBack(request: SipText, source: ReplyParts['source']): string[] {
  const [top = '', ...lower] = headerList(request, 'via');
  if (source === undefined) return [top, ...lower];
  const received = `${top};received=${source.address}`;
  return [received.replace(/;rport(?=;|$)/i, `;rport=${source.port}`), ...lower];
}
