import { randomBytes } from 'node:crypto';
import { META_EDGE_NAME } from '../calls/business-calls.js';
import type { Config, ListenConfig } from '../config/types.js';
import { startEngine, type Engine, type ListenAddress } from '../engine/index.js';
import type { Source } from '../sip/port.js';
import type { createTrust, Side } from '../sip/trust.js';
import type { SipTrace } from '../telemetry/sip-trace.js';
import type { Closers, GatewayDeps } from './parts.js';

/** The far end of drachtio's app protocol: ours, started here, or a drachtio-server beside us. */
export interface SipServer {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly addresses: readonly ListenAddress[];
  readonly engine: Engine | undefined;
}

/** Whose a request is; bound to the real ports only once they are known. */
export interface Trust {
  of: (source: Source) => Side;
}

export async function startSipServer(
  config: Config,
  { log }: GatewayDeps,
  trace: SipTrace | undefined,
  trust: Trust,
  closers: Closers,
): Promise<SipServer> {
  const listen = [...config.whatsapp.listen, ...config.pbx.listen];
  if (config.sip.engine === 'drachtio') {
    const { host, port, secret } = config.sip;
    return { host, port, secret: secret.reveal(), addresses: listen, engine: undefined };
  }
  const secret = randomBytes(16).toString('hex');
  const { certificate, privateKey, ca } = config.whatsapp;
  const engine = await startEngine({
    admin: { host: '127.0.0.1', port: 0, secret },
    listen: [
      ...config.whatsapp.listen.map((l) => withHostname(l, config.gateway.hostname)),
      ...config.pbx.listen.map((l) => ({ ...l })),
    ],
    tls: { certificate, privateKey, ...(ca === undefined ? {} : { ca }) },
    accept: ({ listen: on, ...source }) =>
      trust.of({ ...source, receivedOn: `${on.host}:${on.port}` }).kind !== 'untrusted',
    // Meta's Record-Route names an internal host behind the edge; the topmost one is the edge itself.
    nextHop: ({ host }) => (host === META_EDGE_NAME ? edgeUri(config) : undefined),
    ...(trace === undefined ? {} : { trace: (event) => trace.write(event) }),
    log: log.child({ part: 'engine' }),
  });
  closers.push(() => engine.close());
  return { host: '127.0.0.1', port: engine.adminPort, secret, addresses: engine.addresses, engine };
}

/** Where Meta's edge is reached. */
export function edgeUri({ whatsapp: { edge } }: Config): string {
  return `sip:${edge.host}:${edge.port};transport=tls`;
}

/** Meta is told the name it dialled, never an address. */
function withHostname(listen: ListenConfig, hostname: string): ListenAddress {
  return { ...listen, advertised: { host: hostname, ...listen.advertised } };
}

export function trustOptions(config: Config, addresses: readonly ListenAddress[]): Parameters<typeof createTrust>[0] {
  const whatsapp = addresses.slice(0, config.whatsapp.listen.length);
  return {
    whatsapp: { listen: whatsapp, networks: config.whatsapp.trustedNetworks },
    pbx: {
      listen: addresses.slice(whatsapp.length),
      strangers: config.trunks.some(({ auth, networks }) => auth !== undefined && networks.length === 0),
    },
    trunks: config.trunks,
  };
}

export function describe({ transport, host, port }: ListenAddress): string {
  return `${transport}:${host}:${port}`;
}
