import { isIP } from 'node:net';
import type { Settings } from './schema.js';
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
  };
  /** For nodes that set none. */
  readonly relayAddress: string;
  absolute(path: string): string;
}

/** Checked settings to the shape that the program runs on. */
export function toConfig(settings: Settings, resolved: Resolved): Config {
  const { whatsapp, http, logging } = settings;
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
    numbers: settings.numbers.map((number, i) => toNumber(number, resolved.secrets.sipPasswords[i])),
    trunks: settings.trunks.map((trunk, i) => toTrunk(trunk, settings, resolved.secrets.pbxPasswords[i])),
    routes: settings.routes.map(toRoute),
    sip: toSipEngine(settings.sip, resolved.secrets.drachtio),
    http: http.listen === undefined ? {} : { listen: http.listen },
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

function toNumber(number: Settings['numbers'][number], sipPassword: Secret | undefined): NumberConfig {
  const { answerTimeout, maxDuration, sipPasswordFile: _, ...same } = number;
  return {
    ...given(same),
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

type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the keys that are undefined. */
function given<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Given<T>;
}

function toRoute(route: Settings['routes'][number]): RouteConfig {
  const { fallback, match, ...same } = route;
  return { match: given(match), ...given(same), ...(fallback === undefined ? {} : { fallback: given(fallback) }) };
}

function toSipEngine(sip: Settings['sip'], secret: Secret | undefined): SipEngineConfig {
  if (sip.engine === 'embedded' || secret === undefined) return { engine: 'embedded' };
  return { engine: 'drachtio', host: sip.drachtio.host, port: sip.drachtio.port, secret };
}
