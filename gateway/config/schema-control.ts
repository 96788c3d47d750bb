import * as f from './formats.js';
import { group, list, optional, required, section, withDefault } from './shapes.js';

/** The control plane's keys: Graph API, store, permissions, callbacks, webhooks, HTTP. */

const PRESET = 'that of the preset';

function listener(port: number) {
  return group({
    host: withDefault(f.address, 'Local IP address.', '127.0.0.1'),
    port: required(f.listenPort, 'Local TCP port; 0 takes any free one.', port),
  });
}

export const graph = section("Meta's Graph API: settings, SIP passwords, permissions, health.", {
  tokenFile: optional(
    f.secretFile,
    'File that holds the access token of a system user; read again when it changes. Or set the environment variable\n' +
      'WA_TRUNK_GRAPH_TOKEN, which wins over the file.',
    'nothing is asked of the Graph API',
    'secrets/graph-token',
  ),
  url: withDefault(f.httpUrl, 'Where the Graph API is.', 'https://graph.facebook.com'),
  version: withDefault(f.graphVersion, 'Its version.', 'v25.0'),
  businessAccountId: optional(
    f.digits,
    "Meta's id of the WhatsApp Business Account.",
    'wa-trunk numbers lists the configured numbers alone',
    '102290129340398',
  ),
  ca: optional(
    f.file,
    'PEM file with further roots for its certificate (laboratories).',
    "the system's roots alone",
    'certs/ca.pem',
  ),
  timeout: withDefault(f.duration('100ms', '2m'), 'How long one question may take, repetitions included.', '10s'),
  checkInterval: withDefault(
    f.duration('0s', '24h'),
    'From one comparison of Meta with this file to the next, give or take a fifth; 0s never compares.',
    '15m',
  ),
  reconcile: withDefault(
    f.flag,
    'Whether the running gateway brings Meta back to this file when it has drifted; false only reports it.',
    false,
  ),
});

export const store = section('What survives a restart: SIP passwords, permissions, callbacks, call records.', {
  file: optional(
    f.file,
    'SQLite file; its folder must be writable. Only for one gateway.',
    'kept in memory, lost at a restart',
    'wa-trunk.db',
    { live: true },
  ),
  redis: optional(
    group({
      url: required(f.redisUrl, 'The Redis that several gateways share, in place of file.', 'redis://10.0.0.20:6379'),
      passwordFile: optional(
        f.secretFile,
        'File that holds its password. Or set the environment variable WA_TRUNK_REDIS_PASSWORD, which wins.',
        'no password',
        'secrets/redis',
      ),
    }),
    'Only for several gateways.',
    'file',
    {},
  ),
  keyFile: optional(
    f.secretFile,
    'File with the key that SIP passwords are encrypted with: 32 bytes as hex or base64, or a text of at least 16\n' +
      'characters. Or set the environment variable WA_TRUNK_STORE_KEY, which wins.',
    'passwords are not kept, and a start needs the Graph API',
    'secrets/store-key',
  ),
});

export const permissions = section('Permission to call WhatsApp users.', {
  check: withDefault(f.flag, 'Whether Meta is asked before a user is called. Needs graph.tokenFile.', true),
  preset: withDefault(f.oneOf('production', 'sandbox'), "Which of Meta's limits apply.", 'production'),
  timeout: withDefault(
    f.duration('50ms', '5s'),
    'How long a call waits for the answer; then it goes out, and Meta has the last word.',
    '300ms',
  ),
  cache: withDefault(f.duration('0s', '5m'), 'How long an answer is used again.', '30s'),
  connectedCallsPerDay: optional(f.integer(1, 10_000), 'Connected calls to one user in 24 hours.', PRESET, 100),
  requestsPerDay: optional(f.integer(1, 1000), 'Permission requests to one user in 24 hours.', PRESET, 1),
  requestsPerWeek: optional(f.integer(1, 1000), 'Permission requests to one user in 7 days.', PRESET, 2),
  revokeAfterUnanswered: optional(
    f.integer(1, 100),
    'Unanswered calls in a row after which Meta revokes the permission; a warning comes one before.',
    PRESET,
    4,
  ),
  unavailableCountries: optional(
    list('countries', f.countryCode, 0),
    'ISO 3166 countries whose business numbers may not call users.',
    PRESET,
    ['US', 'CA', 'EG', 'VN', 'NG'],
  ),
  requestText: withDefault(
    f.words,
    'Text of a permission request within the service window.',
    'May we call you on WhatsApp?',
  ),
  requestTemplate: optional(
    group({
      name: required(f.templateName, 'Name of an approved template with a call permission request.', 'may_we_call'),
      language: withDefault(f.languageCode, 'Its language.', 'en'),
    }),
    'What is sent outside of the service window.',
    'no request is possible then',
    {},
  ),
});

export const webhooks = optional(
  group({
    listen: required(listener(9443), 'Where Meta reaches the webhooks, behind a reverse proxy or with tls.', {}),
    path: withDefault(f.urlPath, 'Path of the endpoint.', '/webhooks/whatsapp'),
    tls: withDefault(f.flag, 'Whether it speaks HTTPS itself, with the certificate of whatsapp.', false),
    verifyTokenFile: optional(
      f.secretFile,
      'File with the verify token entered at Meta. Or set the environment variable WA_TRUNK_WEBHOOK_VERIFY_TOKEN.',
      'the environment variable must be set',
      'secrets/verify-token',
    ),
    appSecretFiles: required(
      list('files', f.secretFile),
      "Files with the app's secret; two while it is changed, any of them may have signed.",
      ['secrets/app-secret'],
    ),
  }),
  'Webhooks of Meta: permission replies, calls as Meta saw them, changes of settings.',
  'none are taken',
  {},
);

export const http = section('Health, metrics and API.', {
  listen: optional(
    listener(9090),
    'Where /healthz, /readyz, /metrics and the API are served; plain HTTP.',
    'no HTTP server',
    {},
  ),
  tokenFile: optional(
    f.secretFile,
    'File with the bearer token of the API. Or set the environment variable WA_TRUNK_API_TOKEN, which wins.',
    'no API',
    'secrets/api-token',
  ),
});
