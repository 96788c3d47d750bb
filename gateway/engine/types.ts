/** Transports of RFC 3261 section 18 that the engine speaks. */
export type Transport = 'udp' | 'tcp' | 'tls';

/** A numeric address (IPv6 without brackets) and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** One address to listen on. `advertised` goes into Via and Contact in its place: an FQDN, or the address outside a NAT. */
export interface ListenAddress {
  transport: Transport;
  host: string;
  port: number;
  advertised?: { host: string; port?: number };
}

/** One SIP message on the wire, as given to `EngineOptions.trace`. `raw` is complete: the owner redacts it. */
export interface TraceEvent {
  direction: 'in' | 'out';
  transport: Transport;
  local: Endpoint;
  remote: Endpoint;
  /** Milliseconds since the epoch. */
  at: number;
  raw: string;
}

/** The part of a pino logger that the engine calls. */
export interface EngineLog {
  debug(obj: object, msg: string): void;
  info(obj: object, msg: string): void;
  warn(obj: object, msg: string): void;
  error(obj: object, msg: string): void;
}

/** Where a datagram or a connection came from, for `EngineOptions.accept`. */
export interface Source {
  address: string;
  port: number;
  transport: Transport;
  listen: ListenAddress;
}

/** The next hop of a request by the rules of SIP: the topmost Route, else the request-URI. */
export interface RouteHop {
  host: string;
  port?: number;
  transport: Transport;
}

export interface SrvAnswer {
  name: string;
  port: number;
  priority: number;
  weight: number;
}

/** The two DNS questions of RFC 3263; `node:dns/promises` has this shape. */
export interface Resolver {
  resolveSrv(name: string): Promise<SrvAnswer[]>;
  lookup(host: string, options: { all: true }): Promise<{ address: string; family: number }[]>;
}

export type Timers = Readonly<{
  t1: number;
  t2: number;
  t4: number;
  keepAlive: number;
  connectTimeout: number;
  idle: number;
}>;

export type Limits = Readonly<{ messageBytes: number; connections: number; transactions: number }>;

export interface EngineOptions {
  /** drachtio's app protocol; port 0 takes any free port. */
  admin: { host: string; port: number; secret: string };
  /** Several per transport are allowed. */
  listen: ListenAddress[];
  /** PEM files. `certificate` holds the full chain; `ca` holds further roots trusted for outgoing connections. */
  tls?: { certificate: string; privateKey: string; ca?: string };
  /** Milliseconds; see `DEFAULT_TIMERS`. */
  timers?: Partial<Timers>;
  limits?: Partial<Limits>;
  /** False means silence: a datagram is dropped, a connection closed before any answer. */
  accept?: (source: Source) => boolean;
  /** Maps a next hop to a configured edge, such as `sip:127.0.0.1:5061;transport=tls`; the TLS name verified stays that of the hop. */
  nextHop?: (route: RouteHop) => string | undefined;
  trace?: (event: TraceEvent) => void;
  log?: EngineLog;
  resolver?: Resolver;
}

/** RFC 3261 table 4 for T1, T2 and T4. A connection that no call uses is closed after `idle`. */
export const DEFAULT_TIMERS: Timers = {
  t1: 500,
  t2: 4000,
  t4: 5000,
  keepAlive: 90_000,
  connectTimeout: 4000,
  idle: 600_000,
};

export const DEFAULT_LIMITS: Limits = { messageBytes: 65_536, connections: 2000, transactions: 20_000 };

/** What the engine counts. `drops` has one entry for each reason seen. */
export interface EngineStats {
  transactions: { client: number; server: number };
  dialogs: number;
  connections: number;
  apps: number;
  received: { requests: number; responses: number };
  sent: { requests: number; responses: number };
  retransmissions: { requests: number; responses: number };
  drops: Record<string, number>;
}

export interface Engine {
  readonly adminPort: number;
  /** As configured, with the real ports. */
  readonly addresses: readonly ListenAddress[];
  stats(): EngineStats;
  /** Reads the certificate files again. New handshakes use them, existing connections go on. Rejects and keeps the old on a fault. */
  renewCertificate(): Promise<void>;
  close(): Promise<void>;
}
