/** One host of a trunk: an address out of the configuration, or where a PBX has registered from. */
import type { TrunkHost } from '../config/types.js';
import { formatNameAddr } from '../sip/headers.js';
import { formatUri, uriHost } from '../sip/uri.js';

export interface Target {
  readonly requestUri: string;
  /** Value of To. */
  readonly to: string;
  /** Absent: by the request-URI. */
  readonly nextHop?: string;
}

export interface TrunkPeer {
  /** `udp:10.0.0.10:5060`; unique within its trunk. */
  readonly name: string;
  readonly registered: boolean;
  /** Its share, for order weighted. */
  readonly weight: number;
  /** Where an extension is called; without one the host itself is meant. */
  target(extension?: string): Target;
}

/** The transport is named where it is not SIP's default (RFC 3261 19.1.1). */
export function configuredPeer(host: TrunkHost): TrunkPeer {
  const address = { host: uriHost(host.host), port: host.port };
  const params = host.transport === 'udp' ? new Map<string, string>() : new Map([['transport', host.transport]]);
  const port = host.port === undefined ? '' : `:${host.port}`;
  return {
    name: `${host.transport}:${address.host}${port}`,
    registered: false,
    weight: host.weight,
    target: (extension) => ({
      requestUri: formatUri({ ...address, user: extension, params }),
      to: formatNameAddr({ uri: formatUri({ ...address, user: extension }) }),
    }),
  };
}
