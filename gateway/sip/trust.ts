/** Where a request comes from: which side of the gateway, by the listener it arrived on and the address it came from. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Transport } from '../config/types.js';
import type { Source } from './port.js';

export type Side =
  | { readonly kind: 'whatsapp' }
  | { readonly kind: 'trunk'; readonly name: string }
  /** On the PBX's listener from an address of no trunk, where some trunk proves itself by digest. */
  | { readonly kind: 'stranger' }
  | { readonly kind: 'untrusted'; readonly why: string };

/** A listener as it is really bound (no port 0). */
export interface Listener {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

export interface TrustOptions {
  readonly whatsapp: { readonly listen: readonly Listener[]; readonly networks: readonly string[] };
  /** `strangers`: a trunk without a fixed address may prove itself by digest. */
  readonly pbx: { readonly listen: readonly Listener[]; readonly strangers: boolean };
  /** Where networks overlap, the trunk named first is taken. */
  readonly trunks: readonly { readonly name: string; readonly networks: readonly string[] }[];
}

/**
 * Membership of CIDR prefixes or single addresses, IPv4 and IPv6. An IPv4-mapped IPv6 address counts as IPv4.
 * @throws Error naming the prefix that is none
 */
export function createNetworks(prefixes: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const prefix of prefixes) addPrefix(list, prefix);
  return (address) => {
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function addPrefix(list: BlockList, prefix: string): void {
  const [address = '', bits, ...more] = prefix.split('/');
  const family = isIP(address);
  const max = family === 4 ? 32 : 128;
  const length = bits === undefined ? max : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (family === 0 || more.length > 0 || length < 0 || length > max) {
    throw new Error(
      `${JSON.stringify(prefix)}: not a network; allowed is an address or a prefix such as 157.240.0.0/16`,
    );
  }
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
}

/** Without brackets and zone; IPv4-mapped IPv6 as IPv4. */
function plainAddress(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : bare;
}

/**
 * Sorts requests into sides. Both checks must agree: a PBX address on the WhatsApp listener is as untrusted as a stranger.
 * A far end that does not tell the listener leaves only the transport to go by.
 */
export function createTrust(options: TrustOptions): (source: Source) => Side {
  const fromMeta = createNetworks(options.whatsapp.networks);
  const trunks = options.trunks.map(({ name, networks }) => ({ name, includes: createNetworks(networks) }));
  return remembered((source) => {
    const sides = listeningSides(options, source);
    if (sides.whatsapp && fromMeta(source.address)) return { kind: 'whatsapp' };
    const trunk = sides.pbx ? trunks.find(({ includes }) => includes(source.address)) : undefined;
    if (trunk) return { kind: 'trunk', name: trunk.name };
    if (sides.pbx && options.pbx.strangers) return { kind: 'stranger' };
    const where = source.receivedOn === undefined ? source.transport : `${source.transport} ${source.receivedOn}`;
    return { kind: 'untrusted', why: `${source.address} is in no network that may use ${where}` };
  });
}

const MOST_REMEMBERED = 1000;

/** A search through 25 prefixes costs 0.1 ms, and the same few addresses call all day. */
function remembered(judge: (source: Source) => Side): (source: Source) => Side {
  const known = new Map<string, Side>();
  return (source) => {
    const key = `${source.transport} ${source.receivedOn ?? ''} ${source.address}`;
    let side = known.get(key);
    if (side === undefined) {
      side = judge(source);
      if (known.size >= MOST_REMEMBERED) known.clear();
      known.set(key, side);
    }
    return side;
  };
}

function listeningSides(options: TrustOptions, source: Source): { whatsapp: boolean; pbx: boolean } {
  const whatsapp = bestMatch(options.whatsapp.listen, source);
  const pbx = bestMatch(options.pbx.listen, source);
  // A wildcard of one side and an exact address of the other on the same port: the exact one received it.
  return { whatsapp: whatsapp > 0 && whatsapp >= pbx, pbx: pbx > 0 && pbx >= whatsapp };
}

/** 0: not this listener; 1: perhaps, by transport or wildcard; 2: exactly this address and port. */
function bestMatch(listeners: readonly Listener[], source: Source): 0 | 1 | 2 {
  const at = source.receivedOn?.lastIndexOf(':') ?? -1;
  const on = source.receivedOn === undefined || at < 0 ? undefined : source.receivedOn;
  let best: 0 | 1 | 2 = 0;
  for (const { transport, host, port } of listeners) {
    if (transport !== source.transport) continue;
    if (on === undefined) best = best || 1;
    else if (Number(on.slice(at + 1)) !== port) continue;
    else if (plainAddress(on.slice(0, at)) === plainAddress(host)) return 2;
    else if (isWildcard(host) || isIP(plainAddress(host)) === 0) best = 1;
  }
  return best;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '[::]' || host === '*';
}
