import { wireName } from './header-names.js';
import type { SipMessage } from './message.js';

/** What all responses to one request have in common: RFC 3261 section 8.2.6. */
export interface ResponseFrame {
  readonly vias: string;
  readonly recordRoutes: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: string;
}

/** @param topVia the topmost Via value with `received` and `rport`. */
export function responseFrame(request: SipMessage, topVia: string): ResponseFrame {
  const [, ...others] = request.list('via');
  let vias = `Via: ${topVia}\r\n`;
  for (const via of others) vias += `Via: ${via}\r\n`;
  let recordRoutes = '';
  for (const route of request.all('record-route')) recordRoutes += `Record-Route: ${route}\r\n`;
  const line = (name: string): string => request.first(name) ?? '';
  return { vias, recordRoutes, from: line('from'), to: line('to'), callId: line('call-id'), cseq: line('cseq') };
}

/** Builds a response. `tag` is added to a To that has none; `headers` are complete lines. */
export function buildResponse(
  frame: ResponseFrame,
  status: number,
  reason: string,
  rest: { tag?: string; recordRoute?: boolean; headers?: string; body?: string } = {},
): string {
  const tag = rest.tag === undefined ? '' : `;tag=${rest.tag}`;
  const body = rest.body ?? '';
  return (
    `SIP/2.0 ${status} ${reason}\r\n${frame.vias}${rest.recordRoute ? frame.recordRoutes : ''}` +
    `From: ${frame.from}\r\nTo: ${frame.to}${tag}\r\nCall-ID: ${frame.callId}\r\nCSeq: ${frame.cseq}\r\n` +
    `${rest.headers ?? ''}Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** Everything of a request but its Via, which differs from attempt to attempt. */
export interface RequestFrame {
  readonly method: string;
  readonly uri: string;
  /** Lines `Route: …`. */
  readonly routes: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly seq: number;
  readonly maxForwards: string;
  /** Further complete header lines. */
  readonly headers: string;
  readonly body: string;
}

export function buildRequest(frame: RequestFrame, via: string): string {
  return (
    `${frame.method} ${frame.uri} SIP/2.0\r\nVia: ${via}\r\nMax-Forwards: ${frame.maxForwards}\r\n${frame.routes}` +
    `From: ${frame.from}\r\nTo: ${frame.to}\r\nCall-ID: ${frame.callId}\r\nCSeq: ${frame.seq} ${frame.method}\r\n` +
    `${frame.headers}Content-Length: ${frame.body.length}\r\n\r\n${frame.body}`
  );
}

/** The ACK of a non-2xx final (section 17.1.1.3) or the CANCEL (section 9.1) of the request sent with that Via. */
export function buildHopByHop(
  frame: RequestFrame,
  method: 'ACK' | 'CANCEL',
  via: string,
  to: string,
  headers = '',
): string {
  return buildRequest({ ...frame, method, to, maxForwards: '70', headers, body: '' }, via);
}

/** Headers that an app cannot set, or that are written apart. */
const WRITTEN_APART = new Set([
  'via',
  'route',
  'record-route',
  'rseq',
  'content-length',
  'from',
  'to',
  'call-id',
  'cseq',
  'max-forwards',
]);

/** The app's own header lines, with the spelling for the wire. `localhost` in a Contact becomes `contactHost`. */
export function appHeaders(message: SipMessage, contactHost: string): string {
  let lines = '';
  for (const [name, written, value] of message.headers()) {
    if (WRITTEN_APART.has(name)) continue;
    lines += `${wireName(written)}: ${name === 'contact' || name === 'p-asserted-identity' ? withHost(value, contactHost) : value}\r\n`;
  }
  return lines;
}

/** drachtio-srf writes `localhost` where the address of the transport is meant. */
export function withHost(value: string, host: string): string {
  return value.includes('@localhost') || value.includes(':localhost')
    ? value.replace(/([@:])localhost(?=[;>?\s]|$)/g, (_all, before: string) => before + host)
    : value;
}
