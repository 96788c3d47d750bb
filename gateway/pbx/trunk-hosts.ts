/** The hosts of every trunk: which of them to try for a call, and which are alive. */
import type { TrunkConfig } from '../config/types.js';
import type { ProbeResult, ProbeTarget } from '../sip/port.js';
import { Monitor } from './monitor.js';
import { configuredPeer, type TrunkPeer } from './peer.js';

export interface TrunkHostsDeps {
  readonly trunks: readonly Pick<TrunkConfig, 'name' | 'hosts' | 'order' | 'qualify'>[];
  /** OPTIONS; never rejects. */
  readonly probe: (target: ProbeTarget) => Promise<ProbeResult>;
  /** From of OPTIONS: a name-addr. */
  readonly from: string;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface Choice {
  /** In the order to try. */
  readonly peers: readonly TrunkPeer[];
  /** None of them is alive, as far as is known; they are listed all the same. True also when there are none. */
  readonly down: boolean;
}

export interface HostState {
  readonly trunk: string;
  readonly host: string;
  readonly up: boolean;
  readonly registered: boolean;
}

interface Entry {
  peer: TrunkPeer;
  readonly monitor: Monitor;
}

interface Trunk {
  readonly config: TrunkHostsDeps['trunks'][number];
  configured: readonly Entry[];
  /** In the registrar's order. */
  registered: readonly Entry[];
}

export class TrunkHosts {
  readonly #deps: TrunkHostsDeps;
  readonly #trunks: ReadonlyMap<string, Trunk>;
  #started = false;

  constructor(deps: TrunkHostsDeps) {
    this.#deps = deps;
    this.#trunks = new Map(
      deps.trunks.map((config): [string, Trunk] => {
        const peers = config.hosts.map(configuredPeer);
        return [config.name, { config, configured: peers.map((peer) => this.#watch(config, peer)), registered: [] }];
      }),
    );
  }

  /** Probes from now on: requests can be sent. */
  start(): void {
    this.#started = true;
    for (const trunk of this.#trunks.keys()) for (const { monitor } of this.#entries(trunk)) monitor.start();
  }

  /** For one call; an order by weight is drawn anew each time. */
  choose(trunk: string): Choice {
    const entries = this.#entries(trunk);
    const alive = entries.filter(({ monitor }) => monitor.up);
    const down = alive.length === 0;
    const peers = (down ? entries : alive).map(({ peer }) => peer);
    const weighted = this.#trunks.get(trunk)?.config.order === 'weighted';
    return { peers: weighted ? drawByWeight(peers, this.#deps.random) : peers, down };
  }

  /** What a call has found out about a host: it sent any response, or none in time. */
  report(trunk: string, host: string, how: 'answered' | 'unreachable'): void {
    for (const { peer, monitor } of this.#entries(trunk)) if (peer.name === host) monitor.report(how);
  }

  /** Who is registered now, all of them; `fresh` has just registered or refreshed, and so is alive. */
  setRegistered(trunk: string, peers: readonly TrunkPeer[], fresh: ReadonlySet<string>): void {
    const own = this.#trunks.get(trunk);
    if (own === undefined) return;
    const before = own.registered;
    own.registered = peers.map((peer) => {
      const known = before.find((entry) => entry.peer.name === peer.name);
      if (known === undefined) return this.#watch(own.config, peer);
      known.peer = peer;
      if (fresh.has(peer.name)) known.monitor.report('answered');
      return known;
    });
    for (const entry of before) if (!own.registered.includes(entry)) entry.monitor.close();
  }

  /** For metrics and health. */
  states(): readonly HostState[] {
    return [...this.#trunks.keys()].flatMap((trunk) =>
      this.#entries(trunk).map(({ peer, monitor }) => ({
        trunk,
        host: peer.name,
        up: monitor.up,
        registered: peer.registered,
      })),
    );
  }

  /** Ends all probing. Idempotent. */
  close(): void {
    for (const trunk of this.#trunks.keys()) for (const { monitor } of this.#entries(trunk)) monitor.close();
  }

  #entries(trunk: string): readonly Entry[] {
    const own = this.#trunks.get(trunk);
    return own === undefined ? [] : [...own.configured, ...own.registered];
  }

  #watch(config: Trunk['config'], peer: TrunkPeer): Entry {
    const { log, probe, from } = this.#deps;
    const { intervalMs, timeoutMs } = config.qualify;
    const fields = { trunk: config.name, host: peer.name };
    const monitor = new Monitor({
      // The address of a registered PBX may change.
      probe: () => probe({ ...entry.peer.target(), from, timeoutMs }),
      intervalMs,
      changed: (up, detail) => {
        if (up) log.info({ ...fields, detail }, 'PBX host is back');
        else log.warn({ ...fields, detail }, 'PBX host is down: left out until it answers');
      },
    });
    const entry: Entry = { peer, monitor };
    if (this.#started) monitor.start();
    return entry;
  }
}

/** Like SRV records of one priority (RFC 2782): each place is drawn among those left, by weight. */
function drawByWeight(peers: readonly TrunkPeer[], random: () => number): readonly TrunkPeer[] {
  const left = [...peers];
  const drawn: TrunkPeer[] = [];
  while (left.length > 0) {
    let mark = random() * left.reduce((sum, { weight }) => sum + weight, 0);
    const at = left.findIndex(({ weight }) => (mark -= weight) < 0);
    drawn.push(...left.splice(Math.max(at, 0), 1));
  }
  return drawn;
}
