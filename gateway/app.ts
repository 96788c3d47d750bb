/** The composition root: builds every part, starts them in order, drains and closes them in reverse. */
import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { CallObserver } from './calls/observer.js';
import { createOverloadGate } from './calls/overload.js';
import { Router } from './calls/routing.js';
import { BusinessCalls, META_EDGE_NAME, type Credentials } from './calls/business-calls.js';
import { createCallerOf } from './calls/caller-id.js';
import { Calls } from './calls/calls.js';
import { createAdmission, createMemoryLedger } from './calls/limits.js';
import { dialCountry, toE164 } from './calls/numbering.js';
import { UserCalls, type Challenger } from './calls/user-calls.js';
import type { Config, ListenConfig } from './config/types.js';
import { startEngine, type Engine, type ListenAddress } from './engine/index.js';
import { startHttp, type HttpServer } from './http/server.js';
import { createMedia } from './media/index.js';
import type { MediaPort } from './media/port.js';
import { createIdentify, type Identify } from './pbx/identify.js';
import { Registrar } from './pbx/registrar.js';
import { TrunkHosts } from './pbx/trunk-hosts.js';
import { createDigestVerifier } from './sip/digest-verifier.js';
import { createSipPort } from './sip/drachtio.js';
import type { FarEnd, IncomingInvite, IncomingRequest, SipPort } from './sip/port.js';
import { createTrust, type Side } from './sip/trust.js';
import type { Source } from './sip/port.js';
import { callObserver } from './telemetry/call-observer.js';
import { logOfCall, type Logger } from './telemetry/log.js';
import type { Metrics } from './telemetry/metrics.js';
import { openSipTrace, type SipTrace } from './telemetry/sip-trace.js';

export interface GatewayDeps {
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Gateway {
  /** Where SIP is really listened on (no port 0); for engine drachtio as configured. */
  readonly addresses: readonly ListenAddress[];
  readonly httpAddress: { readonly host: string; readonly port: number } | undefined;
  readonly activeCalls: number;
  /** Takes up renewed certificate files; calls go on. */
  renewCertificate(): Promise<void>;
  /** Refuses new calls and waits for the running ones, at most gateway.drainTimeout. */
  drain(): Promise<void>;
  /** Ends what is left and everything else. Idempotent. */
  close(): Promise<void>;
}

/** The far end of drachtio's app protocol: ours, started here, or a drachtio-server beside us. */
interface SipServer {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly addresses: readonly ListenAddress[];
  readonly engine: Engine | undefined;
}

/** Starts the gateway. Rejects with an error that says what could not be started; then nothing is left open. */
export async function startGateway(config: Config, deps: GatewayDeps): Promise<Gateway> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = once(async () => {
    for (const closer of closers.reverse()) await closer();
  });
  try {
    return await build(config, deps, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  config: Config,
  deps: GatewayDeps,
  closers: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Gateway> {
  const { log, metrics } = deps;
  const trace =
    config.logging.sipTrace === undefined ? undefined : await openSipTrace(config.logging.sipTrace, { log });
  if (trace !== undefined) closers.push(() => trace.close());
  const trust: { of: (source: Source) => Side } = { of: () => ({ kind: 'untrusted', why: 'starting' }) };
  const server = await startSipServer(config, deps, trace, trust, closers);
  trust.of = createTrust(trustOptions(config, server.addresses));

  const media = createMedia(config.media, {
    instance: config.gateway.hostname,
    log: log.child({ part: 'media' }),
  });
  closers.push(() => media.close());
  const sip = createSipPort({ ...server, log: log.child({ part: 'sip' }) });
  closers.push(() => sip.close());
  const hosts = new TrunkHosts({
    trunks: config.trunks,
    probe: (target) => sip.probe(target),
    from: `<sip:wa-trunk@${config.gateway.hostname}>`,
    log: log.child({ part: 'pbx' }),
    random: Math.random,
  });
  closers.push(() => hosts.close());
  const parts = { sip, media, trust, hosts, addresses: server.addresses };
  const identify = trunkIdentity(config);
  const { calls, handle } = buildCalls(config, deps, { ...parts, identify }, closers);
  closers.push(() => calls.close());
  const registrar = new Registrar({
    identify,
    changed: (trunk, peers, fresh) => hosts.setRegistered(trunk, peers, fresh),
    log: log.child({ part: 'pbx' }),
    now: Date.now,
  });
  closers.push(() => registrar.close());

  sip.onInvite(handle);
  sip.onRegister((request) => registrar.handle(request));
  sip.onOptions((request) => answerOptions(request, calls.draining));
  let closing = false;
  sip.onLink((up) => {
    if (up) log.info('SIP server linked');
    else if (!closing) log.error('SIP server lost: its calls are ended');
  });
  closers.push(() => {
    closing = true;
  });
  const orphans = await media.deleteOrphans();
  if (orphans > 0) log.warn({ orphans }, 'media sessions of an earlier run deleted');
  const farEnd = await sip.connect();
  hosts.start();
  warnOfFarEnd(farEnd, log);
  const http = await startHttpIfWanted(config, deps, { sip, media, calls, engine: server.engine }, closers);
  metrics.observe({
    calls: () => calls.active,
    mediaSessions: () => media.sessions,
    sip: () => sip.open,
    engine: () => server.engine?.stats(),
  });
  log.info({ addresses: server.addresses.map(describe), http: http?.address }, 'gateway ready');

  return {
    addresses: server.addresses,
    httpAddress: http?.address,
    get activeCalls() {
      return calls.active;
    },
    renewCertificate: async () => server.engine?.renewCertificate(),
    drain: () => drain(calls, config.gateway.drainTimeoutMs),
    close,
  };
}

async function startSipServer(
  config: Config,
  { log }: GatewayDeps,
  trace: SipTrace | undefined,
  trust: { of: (source: Source) => Side },
  closers: (() => Promise<void> | void)[],
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

function edgeUri({ whatsapp: { edge } }: Config): string {
  return `sip:${edge.host}:${edge.port};transport=tls`;
}

/** Meta is told the name it dialled, never an address. */
function withHostname(listen: ListenConfig, hostname: string): ListenAddress {
  return { ...listen, advertised: { host: hostname, ...listen.advertised } };
}

function trustOptions(config: Config, addresses: readonly ListenAddress[]): Parameters<typeof createTrust>[0] {
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

interface CallParts {
  readonly sip: SipPort;
  readonly media: MediaPort;
  readonly trust: { of: (source: Source) => Side };
  readonly hosts: TrunkHosts;
  readonly identify: Identify;
  readonly addresses: readonly ListenAddress[];
}

interface BuiltCalls {
  readonly calls: Calls;
  readonly handle: (invite: IncomingInvite) => void;
}

function buildCalls(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: CallParts,
  closers: (() => Promise<void> | void)[],
): BuiltCalls {
  const { sip, media, hosts: trunks, addresses } = parts;
  const observer: CallObserver = callObserver(log, metrics);
  const calls = new Calls({
    ...{ config, sip, observer },
    overload: createOverloadGate({ delayMs: loopDelay(closers), limitMs: 15, sampleMs: 100 }),
    logFor: (fields) => logOfCall(log, fields),
    now: () => performance.now(),
  });
  const ledger = createMemoryLedger();
  const common = {
    ...{ config, calls, media, trunks },
    admission: createAdmission({ gateway: config.gateway, ledger, now: Date.now }),
    contactPort: config.whatsapp.listen[0]?.advertised?.port ?? addresses[0]?.port ?? 5061,
    newId: () => randomBytes(8).toString('hex'),
  };
  const users = new UserCalls({
    ...common,
    router: new Router(config),
    challenger: digestChallenger(config.gateway.hostname),
  });
  const businesses = new BusinessCalls({
    ...common,
    gate: { ask: () => Promise.resolve({ kind: 'unknown' }) }, // nobody to ask: Meta has the last word
    credentials: configuredPasswords,
    userOf: (dialled, number, trunk) => toE164(dialled, dialCountry(number, trunk)),
    callerOf: createCallerOf(config.numbers),
    nextHop: config.sip.engine === 'embedded' ? undefined : edgeUri(config),
    pbxContact: (invite) => pbxContact(invite, addresses, config),
    log: log.child({ part: 'calls' }),
  });
  const { trust, identify } = parts;
  return { calls, handle: (invite) => dispatch(invite, { trust, users, businesses, identify, observer }) };
}

interface Desks {
  readonly trust: { of: (source: Source) => Side };
  readonly users: UserCalls;
  readonly businesses: BusinessCalls;
  readonly identify: Identify;
  readonly observer: CallObserver;
}

/** Whose INVITE it is: Meta's, or that of a PBX, which its network or a digest proves. */
function dispatch(invite: IncomingInvite, { trust, users, businesses, identify, observer }: Desks): void {
  const side = trust.of(invite.source);
  const source = `${invite.source.address}:${invite.source.port}`;
  const refuse = (detail: string, response: Parameters<IncomingInvite['respond']>[0]): void => {
    observer.refused({ code: 'untrusted-source', detail, source, sipCallId: invite.callId });
    invite.respond(response);
  };
  if (side.kind === 'whatsapp') return users.handle(invite);
  if (side.kind === 'untrusted') return refuse(side.why, { status: 403, reason: 'Forbidden' });
  const identity = identify(invite);
  switch (identity.kind) {
    case 'trunk':
      return businesses.handle(invite, identity.trunks);
    case 'challenge':
      return invite.respond(identity.response);
    case 'refused':
      return refuse(identity.why, identity.response);
  }
}

/** The PBX reaches us again where its INVITE came in. */
function pbxContact(invite: IncomingInvite, addresses: readonly ListenAddress[], config: Config): string {
  const listeners = addresses.slice(config.whatsapp.listen.length);
  const port = invite.source.receivedOn?.split(':').at(-1);
  const listen = listeners.find((l) => l.transport === invite.source.transport && String(l.port) === port);
  const { host, port: at } = { ...(listen ?? listeners[0]), ...listen?.advertised };
  const local = invite.source.receivedOn?.replace(/:\d+$/, '');
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? (local ?? config.gateway.hostname) : host;
  const transport = invite.source.transport === 'udp' ? '' : `;transport=${invite.source.transport}`;
  return `<sip:wa-trunk@${name}:${at ?? 5060}${transport}>`;
}

/** SIP passwords out of the configuration: there is no other to renew them from. */
const configuredPasswords: Credentials = {
  password: (number) => number.sipPassword?.reveal(),
  renew: () => Promise.resolve(undefined),
};

function trunkIdentity(config: Config): Identify {
  const realm = config.gateway.hostname;
  const algorithms = ['SHA-256', 'MD5'] as const;
  const verifier = createDigestVerifier({ realm, clock: Date.now, secret: randomBytes(32), algorithms });
  return createIdentify({ trunks: config.trunks, realm, verify: (attempt) => verifier.verify(attempt) });
}

/** Mean delay of the event loop between two questions, ms. */
function loopDelay(closers: (() => void)[]): () => number {
  const resolution = 20;
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  closers.push(() => {
    histogram.disable();
  });
  return () => {
    const { mean } = histogram;
    histogram.reset();
    return Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - resolution);
  };
}

function digestChallenger(realm: string): Challenger {
  const verifier = createDigestVerifier({ realm, clock: Date.now, secret: randomBytes(32) });
  return {
    check(invite, number) {
      const result = verifier.verify({
        authorization: invite.header('proxy-authorization'),
        method: invite.method,
        requestUri: invite.requestUri,
        username: number.number,
        password: number.sipPassword?.reveal() ?? '',
      });
      return result;
    },
  };
}

function answerOptions(request: IncomingRequest, draining: boolean): void {
  request.respond(
    draining
      ? { status: 503, reason: 'Shutting down', headers: { 'Retry-After': '30' } }
      : { status: 200, headers: { Allow: 'INVITE, ACK, BYE, CANCEL, OPTIONS', Accept: 'application/sdp' } },
  );
}

function warnOfFarEnd(farEnd: FarEnd, log: Logger): void {
  if (!farEnd.verifiesPeerCertificate)
    log.warn({ version: farEnd.version }, 'the SIP server does not verify the certificate of Meta');
  if (!farEnd.filtersSources)
    log.warn({ version: farEnd.version }, 'the SIP server answers untrusted sources before the gateway can be silent');
}

async function startHttpIfWanted(
  config: Config,
  { log, metrics }: GatewayDeps,
  parts: { sip: SipPort; media: MediaPort; calls: Calls; engine: Engine | undefined },
  closers: (() => Promise<void> | void)[],
): Promise<HttpServer | undefined> {
  const { listen } = config.http;
  if (listen === undefined) return undefined;
  const http = await startHttp({
    listen,
    metrics,
    log: log.child({ part: 'http' }),
    health: () => ({ draining: parts.calls.draining, parts: { sip: parts.sip.up, media: parts.media.healthy } }),
  });
  closers.push(() => http.close());
  return http;
}

async function drain(calls: Calls, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([calls.drain(), timeout]);
  clearTimeout(timer);
}

function describe({ transport, host, port }: ListenAddress): string {
  return `${transport}:${host}:${port}`;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= run());
}
