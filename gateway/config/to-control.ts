import { given } from './given.js';
import type { Settings } from './schema.js';
import type {
  CallbackConfig,
  CallingConfig,
  GraphConfig,
  PermissionsConfig,
  StoreConfig,
  WebhooksConfig,
} from './types-control.js';
import type { Secret } from './types.js';

type NumberSettings = Settings['numbers'][number];

/** @param token out of the environment; wins over graph.tokenFile */
export function toGraph(
  { tokenFile, ca, timeout, checkInterval, ...same }: Settings['graph'],
  token: Secret | undefined,
  absolute: (path: string) => string,
): GraphConfig | undefined {
  const fixed = token === undefined ? undefined : ({ kind: 'fixed', secret: token } as const);
  const source =
    fixed ?? (tokenFile === undefined ? undefined : ({ kind: 'file', file: absolute(tokenFile) } as const));
  if (source === undefined) return undefined;
  return {
    ...given(same),
    token: source,
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
    timeoutMs: timeout,
    checkIntervalMs: checkInterval,
  };
}

export function toStore(
  { file, redis }: Settings['store'],
  secrets: { readonly key: Secret | undefined; readonly redis: Secret | undefined },
  absolute: (path: string) => string,
): StoreConfig {
  const key = secrets.key === undefined ? {} : { key: secrets.key };
  if (redis !== undefined) {
    return { engine: 'redis', url: redis.url, ...(secrets.redis && { password: secrets.redis }), ...key };
  }
  return file === undefined ? { engine: 'memory', ...key } : { engine: 'sqlite', file: absolute(file), ...key };
}

export function toPermissions(settings: Settings['permissions']): PermissionsConfig {
  const { check, timeout, cache, requestText, requestTemplate, ...rules } = settings;
  return {
    check,
    timeoutMs: timeout,
    cacheMs: cache,
    rules: given(rules),
    requestText,
    ...(requestTemplate === undefined ? {} : { requestTemplate }),
  };
}

export function toWebhooks(
  { listen, path, tls }: NonNullable<Settings['webhooks']>,
  verifyToken: Secret,
  appSecrets: readonly Secret[],
): WebhooksConfig {
  return { listen, path, tls, verifyToken, appSecrets };
}

export function toCalling(number: NumberSettings, settings: Settings): CallingConfig | undefined {
  if (number.calling === undefined) return undefined;
  const { sip, callIcons, callHours, voicemail, ...same } = number.calling;
  const { listen } = settings.whatsapp;
  const server = { hostname: settings.gateway.hostname, port: listen.advertised?.port ?? listen.port };
  const additional = number.codecs?.filter((codec) => codec !== 'opus');
  return {
    ...given(same),
    ...(sip === undefined ? {} : { sip: { ...server, ...given(sip) } }),
    ...(callIcons === undefined ? {} : { restrictToUserCountries: callIcons.restrictToUserCountries }),
    ...(callHours === undefined ? {} : { callHours }),
    ...(voicemail === undefined ? {} : { voicemail: given(voicemail) }),
    keying: number.keying,
    ...(additional === undefined ? {} : { additionalCodecs: additional }),
  };
}

export function toCallback(callback: NonNullable<NumberSettings['callback']>): CallbackConfig {
  return given(callback);
}
