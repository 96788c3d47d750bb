import type { Msg } from './peer.js';

export const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n';

let counter = 0;

/** Text that no other call of this run has. */
export function unique(prefix: string): string {
  return `${prefix}${process.pid}-${++counter}`;
}

export interface RequestParts {
  method: string;
  uri: string;
  transport: string;
  port: number;
  callId?: string;
  fromTag?: string;
  to?: string;
  seq?: number;
  branch?: string;
  headers?: string[];
  body?: string;
  contact?: string | null;
}

/** A request as a test peer sends it. */
export function request(parts: RequestParts): string {
  const { method, uri, transport, port } = parts;
  const body = parts.body ?? '';
  const contact = parts.contact === undefined ? `<sip:peer@127.0.0.1:${port};transport=${transport}>` : parts.contact;
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${port};rport;branch=${parts.branch ?? unique('z9hG4bKtest')}`,
    'Max-Forwards: 70',
    `From: "Test" <sip:peer@example.com>;tag=${parts.fromTag ?? 'from1'}`,
    `To: ${parts.to ?? `<${uri}>`}`,
    `Call-ID: ${parts.callId ?? unique('call-')}`,
    `CSeq: ${parts.seq ?? 1} ${method === 'ACK' || method === 'CANCEL' ? method : method}`,
    ...(contact === null || method === 'ACK' || method === 'CANCEL' ? [] : [`Contact: ${contact}`]),
    ...(parts.headers ?? []),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** A response of a test peer to a request it received. */
export function response(
  to: Msg,
  status: number,
  reason: string,
  options: { tag?: string; contact?: string; headers?: string[]; body?: string } = {},
): string {
  const body = options.body ?? '';
  const tag = options.tag !== undefined && !to.get('to').includes(';tag=') ? `;tag=${options.tag}` : '';
  return [
    `SIP/2.0 ${status} ${reason}`,
    ...to.all('via').map((via) => `Via: ${via}`),
    `From: ${to.get('from')}`,
    `To: ${to.get('to')}${tag}`,
    `Call-ID: ${to.get('call-id')}`,
    `CSeq: ${to.get('cseq')}`,
    ...(options.contact === undefined ? [] : [`Contact: ${options.contact}`]),
    ...(options.headers ?? []),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}
