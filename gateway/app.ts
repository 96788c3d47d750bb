/** The composition root: builds every part, starts them in order, drains and closes them in reverse. */
import { randomBytes } from 'node:crypto';
import { openCallbacks } from './app/callbacks.js';
import { buildCalls } from './app/calls.js';
import { openControlPlane } from './app/control-plane.js';
import { pbxBrake } from './app/guess-brakes.js';
import { startHttpIfWanted } from './app/http.js';
import type { Closers, GatewayDeps } from './app/parts.js';
import { startWebhooksIfWanted } from './app/webhooks.js';
import { describe, startSipServer, trustOptions, type Trust } from './app/sip-server.js';
import type { Callback, CallbackResult } from './calls/callback-calls.js';
import type { Calls } from './calls/calls.js';
import type { Config } from './config/types.js';
import type { ListenAddress } from './engine/index.js';
import { createMedia } from './media/index.js';
import { createIdentify, type Identify } from './pbx/identify.js';
import { Registrar } from './pbx/registrar.js';
import { TrunkHosts } from './pbx/trunk-hosts.js';
import { createDigestVerifier, type DigestAttempt, type DigestResult } from './sip/digest-verifier.js';
import { createSipPort } from './sip/drachtio.js';
import type { FarEnd, IncomingRequest } from './sip/port.js';
import { createTrust } from './sip/trust.js';
import type { Logger } from './telemetry/log.js';
import { openSipTrace } from './telemetry/sip-trace.js';

export type { GatewayDeps } from './app/parts.js';

export interface Gateway {
  /** Where SIP is really listened on (no port 0); for engine drachtio as configured. */
  readonly addresses: readonly ListenAddress[];
  readonly httpAddress: { readonly host: string; readonly port: number } | undefined;
  readonly webhooksAddress: { readonly host: string; readonly port: number } | undefined;
  readonly activeCalls: number;
  /** Calls the extension, then the user. Never rejects; resolves when the call is over. */
  callBack(callback: Callback): Promise<CallbackResult>;
  /** Takes up renewed certificate files; calls go on. */
  renewCertificate(): Promise<void>;
  /** Refuses new calls and waits for the running ones, at most gateway.drainTimeout. */
  drain(): Promise<void>;
  /** Ends what is left and everything else. Idempotent. */
  close(): Promise<void>;
}

/** Starts the gateway. Rejects with an error that says what could not be started; then nothing is left open. */
export async function startGateway(config: Config, deps: GatewayDeps): Promise<Gateway> {
  const closers: Closers = [];
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
  closers: Closers,
  close: () => Promise<void>,
): Promise<Gateway> {
  const { log, metrics } = deps;
  const trace =
    config.logging.sipTrace === undefined ? undefined : await openSipTrace(config.logging.sipTrace, { log });
  if (trace !== undefined) closers.push(() => trace.close());
  const trust: Trust = { of: () => ({ kind: 'untrusted', why: 'starting' }) };
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
  const control = await openControlPlane(config, deps, closers);
  const callbacks = openCallbacks(
    config,
    deps,
    { store: control.store, place: (callback) => callbackCalls.place(callback) },
    closers,
  );
  const observers = [...control.observers, callbacks.observer];
  const parts = { sip, media, trust, hosts, control, observers, addresses: server.addresses };
  const identify = trunkIdentity(config, deps);
  const { calls, callbackCalls, handle, limits } = buildCalls(config, deps, { ...parts, identify }, closers);
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
  const { allowed, port, waiting } = callbacks;
  const webhooks = await startWebhooksIfWanted(config, deps, { control, allowed }, closers);
  const http = await startHttpIfWanted(config, deps, { sip, media, calls, limits, control, callbacks: port }, closers);
  callbacks.start();
  control.start();
  metrics.control.observe(control.figures(waiting));
  metrics.observe({
    calls: () => calls.active,
    mediaSessions: () => media.sessions,
    sip: () => sip.open,
    hosts: () => hosts.states(),
    mediaNodes: () => media.nodes,
    limits,
    engine: () => server.engine?.stats(),
  });
  log.info(
    { addresses: server.addresses.map(describe), http: http?.address, webhooks: webhooks?.address },
    'gateway ready',
  );

  return {
    addresses: server.addresses,
    httpAddress: http?.address,
    webhooksAddress: webhooks?.address,
    get activeCalls() {
      return calls.active;
    },
    callBack: (callback) => callbackCalls.place(callback),
    renewCertificate: async () => server.engine?.renewCertificate(),
    drain: () => drain(calls, config.gateway.drainTimeoutMs),
    close,
  };
}

function trunkIdentity(config: Config, deps: GatewayDeps): Identify {
  const realm = config.gateway.hostname;
  const algorithms = ['SHA-256', 'MD5'] as const;
  const verifier = createDigestVerifier({ realm, clock: Date.now, secret: randomBytes(32), algorithms });
  const verify = (attempt: DigestAttempt): DigestResult => verifier.verify(attempt);
  return createIdentify({ trunks: config.trunks, realm, verify, brake: pbxBrake(deps) });
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

async function drain(calls: Calls, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([calls.drain(), timeout]);
  clearTimeout(timer);
}

function once(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= run());
}
