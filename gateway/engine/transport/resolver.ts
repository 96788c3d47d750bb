import { promises as dns } from 'node:dns';
import { isAddress } from '../sip/uri.js';
import type { Resolver, SrvAnswer, Transport } from '../types.js';

/** Where to send, and whom to expect there. */
export interface Target {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  /** The name (or address) that a TLS peer must prove: the host of the next hop by SIP's rules. */
  readonly name: string;
}

export interface Hop {
  readonly host: string;
  readonly port: number | undefined;
  readonly transport: Transport | undefined;
  readonly secure: boolean;
  readonly name: string;
  /** Chosen by the app or the configuration: later requests of the dialog go to the same address. */
  readonly pinned: boolean;
}

const SERVICE: Record<Transport, string> = { udp: '_sip._udp.', tcp: '_sip._tcp.', tls: '_sips._tcp.' };

/** Answers are used this long (ms), and an address that failed is tried last as long. */
const REMEMBER = 30_000;
const MAX_REMEMBERED = 1000;

/** Turns a next hop into addresses to try in order: RFC 3263 section 4, without NAPTR. */
export class TargetResolver {
  readonly #resolver: Resolver;
  readonly #spoken: (transport: Transport) => boolean;
  readonly #limit: number;
  readonly #answers = new Map<string, { until: number; targets: Promise<Target[]> }>();
  readonly #failed = new Map<string, number>();

  /** @param limit milliseconds that all DNS questions of one hop may take. */
  constructor(resolver: Resolver | undefined, spoken: (transport: Transport) => boolean, limit: number) {
    this.#resolver = resolver ?? dns;
    this.#spoken = spoken;
    this.#limit = limit;
  }

  /** At once for a numeric host; otherwise rejects when there is no address. The list is never empty. */
  resolve(hop: Hop): [Target] | Promise<Target[]> {
    if (isAddress(hop.host)) {
      const transport = hop.transport ?? (hop.secure ? 'tls' : 'udp');
      return [{ transport, address: hop.host, port: hop.port ?? defaultPort(transport), name: hop.name }];
    }
    return this.#named(hop);
  }

  /** The address did not answer: others come first for a while. */
  failed(target: Target): void {
    if (this.#failed.size >= MAX_REMEMBERED) this.#failed.clear();
    this.#failed.set(addressKey(target), Date.now() + REMEMBER);
  }

  async #named(hop: Hop): Promise<Target[]> {
    const key = `${hop.host} ${hop.port} ${hop.transport} ${hop.secure} ${hop.name}`;
    let known = this.#answers.get(key);
    if (known === undefined || known.until < Date.now()) {
      known = { until: Date.now() + REMEMBER, targets: this.#ask(hop) };
      if (this.#answers.size >= MAX_REMEMBERED) this.#answers.clear();
      this.#answers.set(key, known);
    }
    try {
      const targets = await known.targets;
      return [...targets.filter((t) => !this.#isFailed(t)), ...targets.filter((t) => this.#isFailed(t))];
    } catch (error) {
      this.#answers.delete(key);
      throw error;
    }
  }

  #isFailed(target: Target): boolean {
    return (this.#failed.get(addressKey(target)) ?? 0) > Date.now();
  }

  async #ask(hop: Hop): Promise<Target[]> {
    const targets = await within(this.#limit, this.#targets(hop), `no DNS answer for ${hop.host}`);
    if (targets.length === 0) throw new Error(`no address for ${hop.host}`);
    return targets;
  }

  async #targets(hop: Hop): Promise<Target[]> {
    const fallback = hop.transport ?? (hop.secure ? 'tls' : 'udp');
    if (hop.port !== undefined) return this.#addresses(hop.host, hop.port, fallback, hop.name);
    for (const transport of this.#choices(hop)) {
      const services = await this.#services(SERVICE[transport] + hop.host);
      const found = await Promise.all(
        services.map((s) => this.#addresses(s.name, s.port, transport, hop.name).catch(() => [])),
      );
      if (found.flat().length > 0) return found.flat();
    }
    return this.#addresses(hop.host, defaultPort(fallback), fallback, hop.name);
  }

  #choices(hop: Hop): Transport[] {
    if (hop.transport !== undefined) return [hop.transport];
    return hop.secure ? ['tls'] : (['udp', 'tcp', 'tls'] as const).filter((t) => this.#spoken(t));
  }

  async #services(name: string): Promise<SrvAnswer[]> {
    const answers = await this.#resolver.resolveSrv(name).catch(() => []);
    return orderServices(answers.filter((a) => a.name !== '' && a.name !== '.'));
  }

  async #addresses(host: string, port: number, transport: Transport, name: string): Promise<Target[]> {
    const found = isAddress(host) ? [{ address: host }] : await this.#resolver.lookup(host, { all: true });
    return found.map(({ address }) => ({ transport, address, port, name }));
  }
}

/** RFC 2782: lowest priority first; among equals at random in proportion to the weight. */
function orderServices(answers: SrvAnswer[]): SrvAnswer[] {
  const ordered: SrvAnswer[] = [];
  const left = [...answers].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  while (left.length > 0) {
    const priority = left[0]?.priority;
    const equals = left.filter((a) => a.priority === priority);
    let pick = Math.random() * equals.reduce((sum, a) => sum + a.weight, 0);
    const chosen = equals.find((a) => (pick -= a.weight) < 0) ?? equals[0];
    if (chosen === undefined) break;
    ordered.push(chosen);
    left.splice(left.indexOf(chosen), 1);
  }
  return ordered;
}

function defaultPort(transport: Transport): number {
  return transport === 'tls' ? 5061 : 5060;
}

function addressKey(target: Target): string {
  return `${target.transport} ${target.address} ${target.port}`;
}

async function within<T>(ms: number, work: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(message));
    }, ms);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
