import { isAddress, parseUri, transportOf, type SipUri } from '../sip/uri.js';
import type { Hop } from '../transport/resolver.js';
import type { EngineOptions } from '../types.js';

/**
 * Where a request goes: the app's proxy, else the configured edge for the next hop, else the next hop itself
 * (topmost Route, else request-URI: RFC 3261 section 8.1.2).
 *
 * The name to verify is the host of the next hop. A proxy given by name is verified as that name, one given by
 * address only says where to connect.
 * @returns the hop, or why there is none.
 */
export function chooseHop(nextHop: string, proxy: string | undefined, edge: EngineOptions['nextHop']): Hop | string {
  const uri = parseUri(nextHop);
  if (proxy !== undefined && proxy !== '') {
    const over = parseUri(proxy);
    if (over === undefined) return `malformed proxy ${proxy}`;
    return hop(over, uri, uri !== undefined && isAddress(over.host) ? uri.host : over.host, true);
  }
  if (uri === undefined) return `no next hop for ${nextHop}`;
  const transport = transportOf(uri);
  if (transport === 'unknown') return 'requested protocol/transport not available';
  const port = uri.port === undefined ? {} : { port: uri.port };
  const mapped = edge?.({ host: uri.host, ...port, transport: transport ?? 'udp' });
  const over = mapped === undefined ? undefined : parseUri(mapped);
  if (mapped !== undefined && over === undefined) return `malformed next hop ${mapped}`;
  return over === undefined ? hop(uri, undefined, uri.host, false) : hop(over, uri, uri.host, true);
}

function hop(uri: SipUri, fallback: SipUri | undefined, name: string, pinned: boolean): Hop | string {
  const transport = transportOf(uri) ?? (fallback && transportOf(fallback));
  if (transport === 'unknown') return 'requested protocol/transport not available';
  return { host: uri.host, port: uri.port, transport, secure: uri.scheme === 'sips', name, pinned };
}
