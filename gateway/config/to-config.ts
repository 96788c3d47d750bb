import { isIP } from 'node:net';
import { given } from './given.js';
import type { Settings } from './schema.js';
import { toCallback, toCalling, toGraph, toPermissions, toStore, toWebhooks } from './to-control.js';
import type {
  Config,
  ListenConfig,
  NumberConfig,
  RouteConfig,
  RtpengineConfig,
  Secret,
  SipEngineConfig,
  TrunkConfig,
} from './types.js';

/** What the settings alone do not hold. */
export interface Resolved {
  readonly secrets: {
    readonly sipPasswords: readonly (Secret | undefined)[];
    readonly pbxPasswords: readonly (Secret | undefined)[];
    readonly drachtio: Secret | undefined;
    /** Only those of the environment: the file is read while the program runs. */
    readonly graphToken: Secret | undefined;
    readonly storeKey: Secret | undefined;
    readonly redis: Secret | undefined;
    readonly verifyToken: Secret | undefined;
    readonly appSecrets: readonly Secret[];
    readonly apiToken: Secret | undefined;
  };
  /** For nodes that set none. */
  readonly relayAddress: string;
  readonly absolute: (path: string) => string;
}

/** Checked settings to the shape that the program runs on. */
export function toConfig(settings: Settings, resolved: Resolved): Config {
  const { whatsapp, http, logging, webhooks } = settings;
  const { secrets } = resolved;
  const graph = toGraph(settings.graph, secrets.graphToken, resolved.absolute);
  return {
    gateway: {
      hostname: settings.gateway.hostname,
      maxCalls: settings.gateway.maxCalls,
      drainTimeoutMs: settings.gateway.drainTimeout,
    },
    whatsapp: {
      listen: [toListen({ transport: 'tls', ...whatsapp.listen })],
      certificate: resolved.absolute(whatsapp.certificate),
      privateKey: resolved.absolute(whatsapp.privateKey),
      ...(whatsapp.ca === undefined ? {} : { ca: resolved.absolute(whatsapp.ca) }),
      edge: whatsapp.edge,
      trustedNetworks: whatsapp.trustedNetworks,
      challenge: whatsapp.challenge,
    },
    pbx: { listen: settings.pbx.listen.map(toListen) },
    media: {
      rtpengine: settings.media.rtpengine.map((node) => toNode(node, resolved.relayAddress)),
      commandTimeoutMs: settings.media.commandTimeout,
    },
    numbers: settings.numbers.map((number, i) => toNumber(number, settings, secrets.sipPasswords[i])),
    trunks: settings.trunks.map((trunk, i) => toTrunk(trunk, settings, secrets.pbxPasswords[i])),
    routes: settings.routes.map(toRoute),
    sip: toSipEngine(settings.sip, secrets.drachtio),
    ...(graph === undefined ? {} : { graph }),
    store: toStore(settings.store, { key: secrets.storeKey, redis: secrets.redis }, resolved.absolute),
    permissions: toPermissions(settings.permissions),
    ...(webhooks === undefined || secrets.verifyToken === undefined
      ? {}
      : { webhooks: toWebhooks(webhooks, secrets.verifyToken, secrets.appSecrets) }),
    http: {
      ...(http.listen === undefined ? {} : { listen: http.listen }),
      ...(secrets.apiToken === undefined ? {} : { token: secrets.apiToken }),
    },
    logging: {
      level: logging.level,
      ...(logging.sipTrace === undefined ? {} : { sipTrace: resolved.absolute(logging.sipTrace) }),
    },
  };
}

function toListen(listen: Settings['pbx']['listen'][number]): ListenConfig {
  const { advertised } = listen;
  return {
    transport: listen.transport,
    host: listen.host,
    port: listen.port,
    ...(advertised === undefined
      ? {}
      : { advertised: { host: advertised.host, ...(advertised.port === undefined ? {} : { port: advertised.port }) } }),
  };
}

function toNode(node: Settings['media']['rtpengine'][number], relayAddress: string): RtpengineConfig {
  const { interfaces, advertised } = node;
  return {
    host: node.host,
    port: node.port,
    ...(interfaces === undefined ? {} : { interfaces }),
    ...(advertised === undefined
      ? {}
      : {
          advertised: {
            ...(advertised.whatsapp === undefined ? {} : { whatsapp: advertised.whatsapp }),
            ...(advertised.pbx === undefined ? {} : { pbx: advertised.pbx }),
          },
        }),
    ipv6: node.ipv6,
    relayAddress: node.relayAddress ?? relayAddress,
  };
}

function toNumber(
  number: Settings['numbers'][number],
  settings: Settings,
  sipPassword: Secret | undefined,
): NumberConfig {
  const { answerTimeout, maxDuration, sipPasswordFile: _, codecs = ['opus'], callback, calling: __, ...same } = number;
  const calling = toCalling(number, settings);
  return {
    ...given(same),
    codecs,
    ...(calling === undefined ? {} : { calling }),
    ...(callback === undefined ? {} : { callback: toCallback(callback) }),
    ...(sipPassword === undefined ? {} : { sipPassword }),
    answerTimeoutMs: answerTimeout,
    ...(maxDuration === undefined ? {} : { maxDurationMs: maxDuration }),
  };
}

function toTrunk(trunk: Settings['trunks'][number], settings: Settings, password: Secret | undefined): TrunkConfig {
  const { hosts = [], auth, qualify, connectTimeout, answerTimeout, callerId, fallback, networks, ...same } = trunk;
  const caller = callerId ?? onlyNumberOf(trunk.name, settings);
  return {
    ...given(same),
    hosts: hosts.map(given),
    networks: networks ?? (auth === undefined ? hosts.map(({ host }) => `${host}/${isIP(host) === 6 ? 128 : 32}`) : []),
    ...(auth === undefined || password === undefined ? {} : { auth: { username: auth.username, password } }),
    qualify: { intervalMs: qualify.interval, timeoutMs: qualify.timeout },
    connectTimeoutMs: connectTimeout,
    answerTimeoutMs: answerTimeout,
    ...(caller === undefined ? {} : { callerId: caller }),
    ...(fallback === undefined ? {} : { fallback: given(fallback) }),
  };
}

function onlyNumberOf(trunk: string, { numbers }: Settings): string | undefined {
  const [own, ...more] = numbers.filter((number) => number.trunk === trunk);
  return more.length === 0 ? own?.number : undefined;
}

function toRoute(route: Settings['routes'][number]): RouteConfig {
  const { fallback, match, ...same } = route;
  return { match: given(match), ...given(same), ...(fallback === undefined ? {} : { fallback: given(fallback) }) };
}

function toSipEngine(sip: Settings['sip'], secret: Secret | undefined): SipEngineConfig {
  if (sip.engine === 'embedded' || secret === undefined) return { engine: 'embedded' };
  return { engine: 'drachtio', host: sip.drachtio.host, port: sip.drachtio.port, secret };
}
