/** Meta's side as far as it is not SIP: what is kept, asked and watched there. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { PermissionGate } from '../calls/business-calls.js';
import type { Failure } from '../calls/failures.js';
import { metaFailure } from '../calls/meta-refusals.js';
import type { CallObserver } from '../calls/observer.js';
import type { Config } from '../config/types.js';
import { createSeal, openStore, type Store } from '../store/index.js';
import type { ControlFigures } from '../telemetry/control-metrics.js';
import { CallRecorder } from '../telemetry/call-records.js';
import { createCredentials, type NumberCredentials } from '../whatsapp/credentials/index.js';
import { createDispatcher } from '../whatsapp/graph/exchange.js';
import { inspectToken, openGraph, type GraphAccess } from '../whatsapp/graph/index.js';
import { HealthMonitor, readPickup, timeToMeta } from '../whatsapp/health/index.js';
import { createPermissions, type Permissions } from '../whatsapp/permissions/index.js';
import { DriftWatch } from '../whatsapp/settings/index.js';
import { DriftState } from './drift-state.js';
import type { Closers, GatewayDeps } from './parts.js';
import { permissionCounter } from './permission-counter.js';

export interface ControlPlane {
  readonly store: Store;
  /** Absent: the configuration has no token. */
  readonly graph: GraphAccess | undefined;
  readonly credentials: NumberCredentials;
  readonly permissions: Permissions<Failure>;
  readonly gate: PermissionGate;
  readonly observers: readonly CallObserver[];
  readonly drift: DriftState;
  readonly health: HealthMonitor | undefined;
  readonly recorder: CallRecorder;
  /** For the metrics. */
  figures(callbacks: () => number): ControlFigures;
  /** Compares and looks again and again from now on. */
  start(): void;
}

export async function openControlPlane(
  config: Config,
  { log, metrics }: GatewayDeps,
  closers: Closers,
): Promise<ControlPlane> {
  const own = log.child({ part: 'whatsapp' });
  const store = await openStore(config.store, { log: log.child({ part: 'store' }) });
  closers.push(() => store.close());
  const graph = config.graph && openGraph(config.graph, { log: own, observe: metrics.control.graphRequest });
  if (graph !== undefined) closers.push(() => graph.graph.close());
  const graphPort = graph === undefined ? {} : { graph: graph.graph };
  const seal = config.store.key === undefined ? {} : { seal: createSeal(config.store.key, 'store.keyFile') };
  const { numbers, gateway } = config;
  const credentials = await createCredentials({
    ...{ numbers, store, log: own, hostname: gateway.hostname },
    ...graphPort,
    ...seal,
  });
  closers.push(() => credentials.close());
  const permissions = createPermissions<Failure>({
    ...{ store, log: own, settings: config.permissions, failure: metaFailure },
    ...graphPort,
  });
  const recorder = new CallRecorder({
    store,
    log: log.child({ part: 'records' }),
    instance: randomBytes(6).toString('hex'),
  });
  recorder.start();
  closers.push(() => recorder.close());
  const drift = new DriftState(own);
  const watches = graph === undefined ? undefined : startable(config, graph, { store, drift, log: own }, closers);
  return {
    ...{ store, graph, credentials, permissions, drift, recorder },
    // Without anybody to ask Meta has the last word.
    gate:
      config.permissions.check && graph !== undefined
        ? permissions
        : { ask: () => Promise.resolve({ kind: 'unknown' }) },
    observers: [recorder, permissionCounter(permissions)],
    health: watches?.health,
    figures: (callbacks) => figuresOf({ drift, recorder, health: watches?.health }, callbacks),
    start: () => watches?.start(),
  };
}

function figuresOf(
  { drift, recorder, health }: Pick<ControlPlane, 'drift' | 'recorder' | 'health'>,
  callbacks: () => number,
): ControlFigures {
  return {
    callbacks,
    drift: () => drift.counts,
    recordsWaiting: () => recorder.waiting,
    concerns: () => health?.concerns ?? [],
    numbers: () =>
      (health?.snapshot.numbers ?? []).flatMap(({ number, health: { value } }) =>
        value === undefined || value.sip === 'unknown' ? [] : [{ number, available: value.sip !== 'blocked' }],
      ),
    expiries: () => {
      const { token, certificate } = health?.snapshot ?? {};
      const expiries = { token: token?.value?.expiresAtMs, certificate: certificate?.value?.expiresAtMs };
      return Object.fromEntries(
        Object.entries(expiries).filter((entry): entry is [string, number] => entry[1] !== undefined),
      );
    },
  };
}

function startable(
  config: Config,
  { graph, token, appId }: GraphAccess,
  { store, drift, log }: { readonly store: Store; readonly drift: DriftState; readonly log: GatewayDeps['log'] },
  closers: Closers,
): { readonly health: HealthMonitor; start(): void } {
  const { graph: settings, numbers, whatsapp } = config;
  if (settings === undefined) throw new TypeError('there is no graph');
  const watch = new DriftWatch({
    ...{ graph, numbers, appId, report: drift },
    intervalMs: settings.checkIntervalMs,
    reconcile: settings.reconcile,
  });
  closers.push(() => watch.close());
  const dispatcher = createDispatcher(settings.timeoutMs, settings.ca && readFileSync(settings.ca, 'utf8'));
  closers.push(() => dispatcher.destroy());
  const health = new HealthMonitor({
    ...{ graph, log, intervalMs: settings.checkIntervalMs },
    numbers: numbers.flatMap(({ number, phoneNumberId }) =>
      phoneNumberId === undefined ? [] : [{ number, phoneNumberId }],
    ),
    token: async () => inspectToken(graph, (await token()) ?? ''),
    time: () => timeToMeta({ url: settings.url, dispatcher, timeoutMs: settings.timeoutMs }),
    certificate: async () => Date.parse(new X509Certificate(await readFile(whatsapp.certificate)).validTo),
    pickup: (number, direction) => readPickup(store.records, { number, direction }, Date.now()),
  });
  closers.push(() => health.close());
  return {
    health,
    start: () => {
      watch.start();
      health.start();
    },
  };
}
