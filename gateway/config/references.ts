import { isIP } from 'node:net';
import { closest, describe, keyOf } from './faults.js';
import type { Path } from './faults.js';
import { covers, isWildcardAddress } from './networks.js';
import type { Report } from './report.js';
import type { Settings } from './schema.js';
import type { Draft } from './structure.js';
import type { Fallback } from './types.js';

type DraftSettings = Draft<Settings>;

/** What keys say about each other: names that must exist, values that must not repeat, networks that must be known. */
export function checkReferences(draft: DraftSettings, report: Report): void {
  const numbers = (draft.numbers ?? []).map((number) => number?.number);
  const trunks = (draft.trunks ?? []).map((trunk) => trunk?.name);
  checkRepeated(numbers, (i) => ['numbers', i, 'number'], report);
  checkRepeated(trunks, (i) => ['trunks', i, 'name'], report);
  for (const [i, number] of (draft.numbers ?? []).entries()) {
    checkExists(number?.trunk, trunks, ['numbers', i, 'trunk'], report);
  }
  for (const [i, route] of (draft.routes ?? []).entries()) {
    checkExists(route?.trunk, trunks, ['routes', i, 'trunk'], report);
    checkExists(route?.match?.number, numbers, ['routes', i, 'match', 'number'], report);
    if (route !== undefined && route.trunk === undefined && route.extension === undefined) {
      report.fault(['routes', i], 'a route that goes nowhere', 'a route with trunk, extension or both');
    }
    checkFallback(route?.fallback, ['trunk', 'extension', 'status'], trunks, ['routes', i, 'fallback'], report);
  }
  for (const [i, trunk] of (draft.trunks ?? []).entries()) {
    const others = trunks.filter((name) => name === undefined || name !== trunk?.name);
    checkFallback(trunk?.fallback, ['trunk', 'status'], others, ['trunks', i, 'fallback'], report);
  }
  checkTrunkAuth(draft, report);
  checkCallerIds(draft, report);
  checkListeners(draft, report);
  checkTrunkNetworks(draft, report);
  checkTrustedNetworks(draft, report);
}

function checkRepeated(values: readonly (string | undefined)[], pathOf: (i: number) => Path, report: Report): void {
  for (const [i, value] of values.entries()) {
    const first = values.indexOf(value);
    if (value === undefined || first === i) continue;
    report.fault(pathOf(i), `${describe(value)} again (see ${keyOf(pathOf(first))})`, 'each once');
  }
}

function checkExists(
  value: string | undefined,
  known: readonly (string | undefined)[],
  path: Path,
  report: Report,
): void {
  // Where a name or number is itself at fault, it may be the very one that is meant here.
  if (value === undefined || known.length === 0 || known.includes(undefined) || known.includes(value)) return;
  const names = known.filter((name) => name !== undefined);
  report.fault(path, describe(value), names.join(', '), closest(value, names));
}

function checkFallback(
  fallback: Draft<Fallback> | undefined,
  needed: readonly (keyof Fallback)[],
  trunks: readonly (string | undefined)[],
  path: Path,
  report: Report,
): void {
  if (fallback === undefined) return;
  if (needed.every((key) => fallback[key] === undefined)) {
    report.fault(path, 'a fallback that does nothing', `one with ${needed.join(' or ')}`);
  }
  if (trunks.length > 0) checkExists(fallback.trunk, trunks, [...path, 'trunk'], report);
  else if (fallback.trunk !== undefined) {
    report.fault([...path, 'trunk'], describe(fallback.trunk), 'another trunk, of which there is none');
  }
}

function checkTrunkAuth(draft: DraftSettings, report: Report): void {
  const trunks = draft.trunks ?? [];
  const users = trunks.map((trunk) => trunk?.auth?.username);
  checkRepeated(users, (i) => ['trunks', i, 'auth', 'username'], report);
  for (const [i, trunk] of trunks.entries()) {
    if (trunk === undefined) continue;
    if (trunk.register === true && trunk.auth === undefined) {
      const allowed = 'username and passwordFile, since a PBX that registers proves itself by digest';
      report.fault(['trunks', i, 'auth'], 'nothing', allowed);
    }
    if (trunk.register === false && trunk.hosts === undefined) {
      report.fault(['trunks', i, 'hosts'], 'nothing', 'a list of hosts, unless register is true');
    }
  }
}

/** A trunk may call out as its own numbers only. */
function checkCallerIds(draft: DraftSettings, report: Report): void {
  for (const [i, trunk] of (draft.trunks ?? []).entries()) {
    const own = (draft.numbers ?? []).filter((number) => number === undefined || number.trunk === trunk?.name);
    const path = ['trunks', i, 'callerId'];
    checkExists(
      trunk?.callerId,
      own.map((number) => number?.number),
      path,
      report,
    );
    if (own.length === 0 && trunk?.callerId !== undefined && trunk.name !== undefined) {
      report.fault(path, describe(trunk.callerId), `a number with trunk: ${trunk.name}, of which there is none`);
    }
  }
}

interface Socket {
  readonly path: Path;
  readonly protocol: 'udp' | 'tcp';
  readonly host: string;
  readonly port: number;
}

function checkListeners(draft: DraftSettings, report: Report): void {
  const sockets = socketsOf(draft);
  for (const [i, socket] of sockets.entries()) {
    const other = sockets.slice(0, i).find((earlier) => clash(earlier, socket));
    if (other === undefined) continue;
    const found = `${socket.protocol} ${socket.host} port ${socket.port}, already taken by ${keyOf(other.path)}`;
    report.fault(socket.path, found, 'a listener of its own');
  }
}

function socketsOf(draft: DraftSettings): readonly Socket[] {
  const sockets: Socket[] = [];
  const add = (
    path: Path,
    protocol: 'udp' | 'tcp',
    at: { host?: string | undefined; port?: number | undefined },
  ): void => {
    if (at.host !== undefined && at.port !== undefined && at.port !== 0) {
      sockets.push({ path, protocol, host: at.host, port: at.port });
    }
  };
  add(['whatsapp', 'listen'], 'tcp', draft.whatsapp?.listen ?? {});
  for (const [i, listen] of (draft.pbx?.listen ?? []).entries()) {
    add(['pbx', 'listen', i], listen?.transport === 'udp' ? 'udp' : 'tcp', listen ?? {});
  }
  add(['http', 'listen'], 'tcp', draft.http?.listen ?? {});
  add(['webhooks', 'listen'], 'tcp', draft.webhooks?.listen ?? {});
  return sockets;
}

function clash(a: Socket, b: Socket): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port) return false;
  // `::` listens on IPv4 too; `0.0.0.0` clashes with IPv4 addresses only.
  const wide = (one: string, other: string): boolean => one === '::' || (one === '0.0.0.0' && isIP(other) === 4);
  return a.host === b.host || wide(a.host, b.host) || wide(b.host, a.host);
}

function checkTrunkNetworks(draft: DraftSettings, report: Report): void {
  for (const [i, trunk] of (draft.trunks ?? []).entries()) {
    const hosts = (trunk?.hosts ?? []).map((host) => host?.host);
    const named = hosts.find((host) => host !== undefined && isIP(host) === 0);
    if (trunk?.networks === undefined) {
      if (named !== undefined && trunk?.auth === undefined) {
        const allowed = `a list of CIDR prefixes, since the addresses of ${named} are not known beforehand`;
        report.fault(['trunks', i, 'networks'], 'nothing', allowed);
      }
      continue;
    }
    const prefixes = trunk.networks.filter((prefix) => prefix !== undefined);
    for (const [j, host] of hosts.entries()) {
      if (host === undefined || isIP(host) === 0 || prefixes.length < trunk.networks.length || covers(prefixes, host)) {
        continue;
      }
      const found = `${host}, which is in none of trunks[${i}].networks: what it sends by itself is ignored`;
      report.warn(['trunks', i, 'hosts', j, 'host'], found, 'a host within its networks');
    }
  }
}

function checkTrustedNetworks(draft: DraftSettings, report: Report): void {
  for (const [i, prefix] of (draft.whatsapp?.trustedNetworks ?? []).entries()) {
    if (prefix?.endsWith('/0') !== true) continue;
    report.warn(['whatsapp', 'trustedNetworks', i], `${prefix}, which trusts everybody`, "Meta's networks");
  }
}

/** Where rtpengine and the PBX find the gateway when relayAddress is not set; undefined when it cannot be told. */
export function defaultRelayAddress(draft: DraftSettings): string | undefined {
  const listen = draft.pbx?.listen?.[0]?.host;
  if (listen !== undefined && !isWildcardAddress(listen)) return listen;
  const hosts = (draft.trunks ?? []).flatMap((trunk) => trunk?.hosts ?? []).map((host) => host?.host);
  const local = hosts.every((host) => host !== undefined && (host === 'localhost' || /^(127\.|::1$)/.test(host)));
  return local ? '127.0.0.1' : undefined;
}
