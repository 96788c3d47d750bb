import { isIP } from 'node:net';
import type { Settings } from './schema.js';
import type {
  Config,
  ListenConfig,
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
    numbers: settings.numbers.map(({ number, keying, codecs, trunk, ...more }, i) => {
      const sipPassword = resolved.secrets.sipPasswords[i];
      return {
        number,
        ...(more.phoneNumberId === undefined ? {} : { phoneNumberId: more.phoneNumberId }),
        ...(sipPassword === undefined ? {} : { sipPassword }),
        keying,
        codecs,
        trunk,
      };
    }),
    trunks: settings.trunks.map(toTrunk),
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

function toTrunk(trunk: Settings['trunks'][number]): TrunkConfig {
  return {
    name: trunk.name,
    hosts: trunk.hosts.map(({ host, port, transport }) => ({
      host,
      ...(port === undefined ? {} : { port }),
      transport,
    })),
    networks: trunk.networks ?? trunk.hosts.map(({ host }) => `${host}/${isIP(host) === 6 ? 128 : 32}`),
    codecs: trunk.codecs,
    connectTimeoutMs: trunk.connectTimeout,
    answerTimeoutMs: trunk.answerTimeout,
    callerAlias: trunk.callerAlias,
  };
}

function toRoute(route: Settings['routes'][number]): RouteConfig {
  const { number, payload, country, userParams } = route.match;
  return {
    match: {
      ...(number === undefined ? {} : { number }),
      ...(payload === undefined ? {} : { payload }),
      ...(country === undefined ? {} : { country }),
      ...(userParams === undefined ? {} : { userParams }),
    },
    ...(route.trunk === undefined ? {} : { trunk: route.trunk }),
    ...(route.extension === undefined ? {} : { extension: route.extension }),
  };
}

function toSipEngine(sip: Settings['sip'], secret: Secret | undefined): SipEngineConfig {
  if (sip.engine === 'embedded' || secret === undefined) return { engine: 'embedded' };
  return { engine: 'drachtio', host: sip.drachtio.host, port: sip.drachtio.port, secret };
}
