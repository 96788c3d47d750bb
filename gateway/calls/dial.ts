/** How a PBX host is addressed. */
import type { TrunkHost } from '../config/types.js';
import { formatNameAddr } from '../sip/headers.js';
import { formatUri, uriHost } from '../sip/uri.js';

/** Request-URI and To for an extension at a host; the transport is named where it is not SIP's default (RFC 3261 19.1.1). */
export function dialTarget(host: TrunkHost, extension: string): { requestUri: string; to: string } {
  const address = { user: extension, host: uriHost(host.host), port: host.port };
  const params: ReadonlyMap<string, string> =
    host.transport === 'udp' ? new Map() : new Map([['transport', host.transport]]);
  return { requestUri: formatUri({ ...address, params }), to: formatNameAddr({ uri: formatUri(address) }) };
}
