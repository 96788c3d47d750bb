import { endOfParam, param, sameToken } from './params.js';
import { validHost } from './uri.js';
import type { Endpoint } from '../types.js';

/** One Via value (RFC 3261 section 20.42). */
export interface Via {
  readonly value: string;
  readonly transport: string;
  /** sent-by host as written (IPv6 with brackets). */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: string;
  readonly branch: string | undefined;
}

/** Branches of RFC 3261 begin with this; others come from RFC 2543 implementations. */
export const MAGIC_COOKIE = 'z9hG4bK';

// White space is allowed around the slashes and the colon: "SIP / 2.0 / UDP host : 5060".
const VIA = /^SIP\s*\/\s*2\.0\s*\/\s*([A-Za-z0-9_.-]+)\s+(\[[^\]\s]+\]|[^\s;:[\]]+)\s*(?::\s*(\d{1,5}))?\s*(;[^]*)?$/i;

/** Parses one Via value; `undefined` when it is malformed. */
export function parseVia(value: string): Via | undefined {
  const match = VIA.exec(value);
  if (match === null) return undefined;
  const [, transport = '', host = '', port, params = ''] = match;
  if (/;\s*(;|$)/.test(params)) return undefined;
  if (!validHost(host) || (port !== undefined && Number(port) > 65535)) return undefined;
  const branch = param(params, 'branch');
  return {
    value,
    transport: transport.toLowerCase(),
    host,
    port: port === undefined ? undefined : Number(port),
    params,
    branch: branch === '' ? undefined : branch,
  };
}

/**
 * The Via value with `received` and `rport` of the packet's source: RFC 3261 section 18.2.1, RFC 3581 section 4.
 * A `received` that the sender wrote itself is not kept.
 */
export function markSource(via: Via, source: Endpoint): string {
  const sentBy = via.host.startsWith('[') ? via.host.slice(1, -1) : via.host;
  const wantsPort = param(via.params, 'rport') !== undefined;
  if (!wantsPort && sentBy === source.address && param(via.params, 'received') === undefined) return via.value;
  let params = '';
  for (let at = via.params.indexOf(';'); at !== -1 && at < via.params.length;) {
    const end = endOfParam(via.params, at + 1);
    const text = via.params.slice(at + 1, end).trim();
    const name = text.split('=', 1)[0]?.trim() ?? '';
    if (!sameToken(name, 'received') && !sameToken(name, 'rport')) params += `;${text}`;
    at = end;
  }
  if (wantsPort) params += `;rport=${source.port}`;
  if (wantsPort || sentBy !== source.address) params += `;received=${source.address}`;
  const head = via.value.slice(0, via.value.length - via.params.length).trimEnd();
  return head + params;
}
