import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { hostPort } from '../sip/uri.js';
import type { ListenAddress, Transport } from '../types.js';

/** A bound listening address. */
export class Listener {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  readonly configured: ListenAddress;
  /** This host's addresses, read again at most every 10 s: the call costs 0.1 ms. */
  #interfaces: { readAt: number; addresses: string[] } | undefined;

  constructor(configured: ListenAddress, port: number) {
    this.configured = configured;
    this.transport = configured.transport;
    this.host = configured.host;
    this.port = port;
  }

  get family(): 4 | 6 {
    return isIP(this.host) === 6 ? 6 : 4;
  }

  get isWildcard(): boolean {
    return this.host === '0.0.0.0' || this.host === '::';
  }

  /** `host:port` for Via and Contact toward a peer: RFC 3261 section 18.1.1. */
  sentBy(peer: string): string {
    const advertised = this.configured.advertised;
    return hostPort(advertised?.host ?? this.localAddress(peer), advertised?.port ?? this.port);
  }

  /** Host alone, for a From. */
  sentByHost(peer: string): string {
    const sentBy = this.sentBy(peer);
    return sentBy.slice(0, sentBy.lastIndexOf(':'));
  }

  /** The Contact of this listener when the app gives none. */
  contact(peer: string): string {
    return `<sip:${this.contactHost(peer)}>`;
  }

  /** Host, port and transport parameter for a Contact URI. */
  contactHost(peer: string): string {
    return this.sentBy(peer) + (this.transport === 'udp' ? '' : `;transport=${this.transport}`);
  }

  /** The address a peer sees us under when bound to a wildcard: that of the interface nearest to it. */
  localAddress(peer: string): string {
    if (!this.isWildcard) return this.host;
    if (this.#interfaces === undefined || Date.now() - this.#interfaces.readAt > 10_000) {
      this.#interfaces = { readAt: Date.now(), addresses: interfaceAddresses(this.family) };
    }
    return nearest(peer, this.#interfaces.addresses, (address) => address) ?? this.host;
  }
}

/** The listener to send from: of that transport and family, nearest to the peer; a loopback one never sends elsewhere. */
export function pickListener(listeners: readonly Listener[], transport: Transport, peer: string): Listener | undefined {
  const family = isIP(peer) === 6 ? 6 : 4;
  const fitting = listeners.filter(
    (l) => l.transport === transport && l.family === family && (isLoopback(peer) || !isLoopback(l.host)),
  );
  return fitting.length < 2 ? fitting[0] : nearest(peer, fitting, (l) => l.localAddress(peer));
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function nearest<T>(peer: string, items: readonly T[], address: (item: T) => string): T | undefined {
  let best: T | undefined;
  let bestBits = -1;
  for (const item of items) {
    const bits = commonPrefix(peer, address(item));
    if (bits > bestBits) [best, bestBits] = [item, bits];
  }
  return best;
}

/** Leading bits that two addresses of one family share (IPv6 in steps of a group). */
function commonPrefix(a: string, b: string): number {
  const ipv6 = a.includes(':');
  const split = (text: string): number[] => text.split(ipv6 ? ':' : '.').map((part) => parseInt(part, ipv6 ? 16 : 10));
  const [left, right] = [split(a), split(b)];
  for (const [i, part] of left.entries()) {
    if (part !== right[i]) return ipv6 ? i * 16 : i * 8 + Math.clz32(part ^ (right[i] ?? ~part)) - 24;
  }
  return 128;
}

function interfaceAddresses(family: 4 | 6): string[] {
  return Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter((found) => (found.family === 'IPv6' ? 6 : 4) === family && !found.address.startsWith('fe80:'))
    .map((found) => found.address);
}
