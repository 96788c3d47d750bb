/** How a PBX host is addressed. */
import type { TrunkHost } from '../config/types.js';

/** Request-URI and To for an extension at a host; the transport is named where it is not SIP's default (RFC 3261 19.1.1). */
export function dialTarget(host: TrunkHost, extension: string): { requestUri: string; to: string } {
  const user = encodeURI(extension).replace(/[?@:;]/g, (c) => encodeURIComponent(c));
  const authority =
    (host.host.includes(':') ? `[${host.host}]` : host.host) + (host.port === undefined ? '' : `:${host.port}`);
  const parameter = host.transport === 'udp' ? '' : `;transport=${host.transport}`;
  return { requestUri: `sip:${user}@${authority}${parameter}`, to: `<sip:${user}@${authority}>` };
}
