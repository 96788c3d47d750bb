import * as f from './formats.js';
import { META_NETWORKS } from './meta-networks.js';
import { graph, http, permissions, store, webhooks } from './schema-control.js';
import { hours } from './schema-hours.js';
import { number } from './schema-number.js';
import { dictionary, group, list, optional, required, section, withDefault } from './shapes.js';
import type { Shape } from './shapes.js';

/** Every key of wa-trunk.yaml. Checks, defaults, the example file and the reference page are all made from this. */

const advertised = group({
  host: required(f.host, 'Address or name that peers are told instead of host.', '203.0.113.5'),
  port: optional(f.port, 'Port that peers are told.', 'the port listened on', 5061),
});

const NAT = 'Only behind 1:1 NAT: what peers are told instead of host and port.';

const pbxListen = group({
  transport: withDefault(f.oneOf('udp', 'tcp', 'tls'), 'udp, tcp or tls (with the certificate of whatsapp).', 'udp'),
  host: withDefault(f.address, 'Local IP address; 0.0.0.0 is every IPv4 address, :: every address.', '0.0.0.0'),
  port: withDefault(f.listenPort, 'Local port; 0 takes any free one.', 5060),
  advertised: optional(advertised, NAT, 'peers are told host and port', {}),
});

const rtpengine = group({
  host: withDefault(f.host, 'Where its ng control port is reached (its listen-ng).', '127.0.0.1'),
  port: withDefault(f.port, 'UDP port of its ng control protocol.', 2223),
  interfaces: optional(
    group({
      whatsapp: required(f.name, 'Name of the interface towards WhatsApp.', 'public'),
      pbx: required(f.name, 'Name of the interface towards the PBX.', 'private'),
    }),
    "Names out of rtpengine's own `interface` setting, one for each side.",
    "rtpengine's default interface serves both sides",
    {},
  ),
  advertised: optional(
    group({
      whatsapp: optional(f.address, 'Public address told to WhatsApp.', "rtpengine's own address", '203.0.113.5'),
      pbx: optional(f.address, 'Address told to the PBX.', "rtpengine's own address", '10.0.0.5'),
    }),
    'Only behind 1:1 NAT: media addresses that peers are told.',
    "rtpengine's own addresses",
    {},
  ),
  ipv6: withDefault(
    f.flag,
    'Whether IPv6 is routed between rtpengine and the Internet; false leaves out the IPv6 candidate of Meta.',
    false,
  ),
  relayAddress: optional(
    f.address,
    'Address of this machine which the PBX and rtpengine reach, for the plain RTP between them.',
    'the address of the first pbx.listen; 127.0.0.1 where all trunks are on this machine',
    '10.0.0.5',
    { live: true },
  ),
});

const pbxCodec = f.oneOf('opus', 'PCMA', 'PCMU');

const fallbackStatus = optional(
  f.integer(400, 699),
  'SIP status that the caller who is then still not through is refused with: 486 is busy, 480 unavailable.',
  'what the PBX said, or 503',
  486,
);
const fallbackExtension = optional(
  f.userPart,
  'Extension that is called there.',
  'the one that was to be called',
  '1099',
);

const trunkHost = group({
  host: required(f.host, 'IP address or name of the PBX.', '10.0.0.10'),
  port: optional(f.port, 'SIP port of the PBX.', 'found by RFC 3263: SRV, else 5060, or 5061 for tls', 5060),
  transport: withDefault(f.oneOf('udp', 'tcp', 'tls'), 'udp, tcp or tls.', 'udp'),
  weight: withDefault(f.integer(1, 1000), 'Its share of the calls, for order weighted.', 1),
});

const trunk = group({
  name: required(f.name, 'Name of the trunk, for numbers, routes, logs and metrics.', 'office'),
  hosts: optional(
    list('hosts', trunkHost),
    'The hosts of the PBX; the next one is tried when one is down.',
    'register must be true',
    [],
    { live: true },
  ),
  order: withDefault(
    f.oneOf('sequential', 'weighted'),
    'Which host is tried first: always the first one listed, or one drawn by weight for each call.',
    'sequential',
  ),
  qualify: section('OPTIONS to each host: one that does not answer is left out until it does.', {
    interval: withDefault(f.duration('0s', '1h'), 'From one to the next; 0s sends none.', '30s'),
    timeout: withDefault(f.duration('100ms', '32s'), 'How long a host may take to answer, with any status.', '2s'),
  }),
  networks: optional(
    list('CIDR prefixes', f.prefix),
    'CIDR prefixes from which this PBX sends SIP.',
    'the addresses of hosts, if all are IP addresses; anywhere, where auth is set',
    ['10.0.0.0/24'],
  ),
  auth: optional(
    group({
      username: required(f.userPart, 'Its user name, of no other trunk.', 'office'),
      passwordFile: optional(
        f.secretFile,
        'File that holds its password. Or set the environment variable WA_TRUNK_PBX_PASSWORD_<name of trunk>,\n' +
          'here WA_TRUNK_PBX_PASSWORD_OFFICE, which wins over the file.',
        'the environment variable must be set',
        'secrets/office',
      ),
    }),
    'What the PBX must prove by digest (MD5 or SHA-256) in every call and registration, from its networks too if they are set.',
    'its networks are enough',
    {},
  ),
  register: withDefault(
    f.flag,
    'Whether the PBX registers here, as one without a fixed address does. Needs auth; its contacts are hosts besides those listed.',
    false,
  ),
  codecs: withDefault(list('codecs', pbxCodec), 'Codecs offered to the PBX, best first: opus, PCMA, PCMU.', [
    'PCMA',
    'PCMU',
  ]),
  connectTimeout: withDefault(
    f.duration('100ms', '32s'),
    'How long one host may take to give any response before the next is tried.',
    '5s',
  ),
  answerTimeout: withDefault(f.duration('1s', '10m'), 'How long the PBX may ring.', '60s'),
  callerAlias: withDefault(
    f.userPart,
    'User of the From towards the PBX for a caller who shows no phone number.',
    'whatsapp',
  ),
  callerIdHeader: optional(
    f.headerName,
    "Header of the PBX's INVITE that names the business number to call as.",
    'From, else P-Asserted-Identity or P-Preferred-Identity, name it',
    'X-Business-Number',
  ),
  callerId: optional(
    f.e164,
    'Business number that calls out are made as when they name none; one of numbers, with this trunk.',
    'the only number of this trunk; where it has several, a call must name one',
    '+15551234567',
  ),
  country: optional(
    f.countryCode,
    'ISO 3166 country in whose way the PBX dials, for numbers that set none.',
    'the country of the business number',
    'BR',
  ),
  ringback: withDefault(
    f.oneOf('pbx', 'rtpengine'),
    'Who plays the ringing tone while a WhatsApp user rings: the PBX after a 180, or rtpengine after a 183.',
    'pbx',
  ),
  maxCalls: optional(
    f.integer(1, 100_000),
    'Calls at once, in both directions; one more is refused with 503 and Retry-After.',
    'gateway.maxCalls and numbers[].maxCalls alone',
    30,
  ),
  fallback: optional(
    group({
      trunk: optional(f.name, 'Another trunk that the call goes to. Needed, or status.', 'no other trunk', 'branch'),
      extension: fallbackExtension,
      status: fallbackStatus,
    }),
    'What becomes of a call from WhatsApp that reaches no host.',
    'it is refused with 503',
    {},
  ),
});

const route = group({
  match: required(
    group({
      number: optional(f.e164, 'The called business number, one of numbers.', 'any', '+15551234567'),
      payload: optional(f.words, 'Payload of the call button or deep link, exactly.', 'any', 'sales'),
      country: optional(f.countryCode, "The caller's country, ISO 3166.", 'any', 'BR'),
      userParams: optional(
        dictionary(),
        "User parameters of the request-URI (Meta's request_uri_user_params), each compared exactly.",
        'any',
        { tgrp: 'wacall' },
      ),
      hours: optional(
        hours,
        'When the route is open. At other times its fallback is taken, or without one the next route.',
        'always',
        {},
      ),
    }),
    'What a call must have; all keys given must match, {} matches every call.',
    {},
  ),
  trunk: optional(f.name, 'Trunk that the call goes to.', "the number's trunk", 'office'),
  extension: optional(f.userPart, 'Extension that is called there.', 'the called number', '1001'),
  fallback: optional(
    group({
      trunk: optional(f.name, 'Trunk that the call goes to then.', 'the same trunk', 'branch'),
      extension: fallbackExtension,
      status: fallbackStatus,
    }),
    'What becomes of a call outside of match.hours, or one that reaches no host of the trunk.',
    "outside of the hours the next route, and then the trunk's fallback",
    {},
  ),
});

export const settings = group({
  gateway: section('The gateway as a whole.', {
    hostname: required(
      f.fqdn,
      'The host name that Meta dials (set as the SIP server of the numbers); the certificate must cover it.',
      'sip.example.com',
    ),
    maxCalls: withDefault(f.integer(1, 100_000), 'Calls at once; one more is refused with 503 and Retry-After.', 200),
    drainTimeout: withDefault(
      f.duration('0s', '24h'),
      'How long SIGTERM waits for running calls before it ends them.',
      '5m',
    ),
  }),
  whatsapp: section("Meta's side: SIP over TLS.", {
    listen: section('Where Meta connects to; always TLS.', {
      host: withDefault(f.address, 'Local IP address; 0.0.0.0 is every IPv4 address, :: every address.', '0.0.0.0'),
      port: withDefault(f.listenPort, 'Local TCP port; 0 takes any free one.', 5061),
      advertised: optional(advertised, NAT, 'peers are told gateway.hostname and port', {}),
    }),
    certificate: required(
      f.file,
      'PEM file with the full chain: the certificate for gateway.hostname first, then the intermediates.\n' +
        'Must come from a public CA. Paths are relative to this file.',
      'certs/fullchain.pem',
    ),
    privateKey: required(f.file, 'PEM file with its private key, without a passphrase.', 'certs/privkey.pem'),
    ca: optional(
      f.file,
      "PEM file with further roots that may sign the certificate of Meta's edge (laboratories).",
      "the system's roots alone",
      'certs/ca.pem',
    ),
    edge: section("Meta's SIP edge. Its certificate is verified for wa.meta.vc, whatever is set here.", {
      host: withDefault(f.host, 'IP address or host name.', 'wa.meta.vc'),
      port: withDefault(f.port, 'TCP port.', 5061),
    }),
    trustedNetworks: withDefault(
      list('CIDR prefixes', f.prefix),
      'CIDR prefixes from which Meta calls; requests from elsewhere get no answer.',
      META_NETWORKS,
      "Meta's networks (AS32934): the 23 IPv4 prefixes it lists, and 2a03:2880::/32",
    ),
    challenge: withDefault(
      f.flag,
      "Whether Meta's INVITE must prove the number's SIP password (digest, 407). Needs a password for each number.",
      true,
    ),
  }),
  pbx: section("The PBX's side.", {
    listen: withDefault(list('listeners', pbxListen), 'Where the PBX reaches the gateway.', [{}], 'udp 0.0.0.0:5060'),
  }),
  media: section('Media: rtpengine.', {
    rtpengine: withDefault(
      list('rtpengine nodes', rtpengine),
      'The rtpengine nodes; the next one is taken when one does not answer.',
      [{}],
      'one at 127.0.0.1:2223',
    ),
    commandTimeout: withDefault(
      f.duration('50ms', '30s'),
      'How long a node may take for one command before the next is tried.',
      '1s',
    ),
  }),
  numbers: required(list('numbers', number), 'The WhatsApp Business numbers.', []),
  trunks: required(list('trunks', trunk), 'The PBXs.', []),
  routes: withDefault(
    list('routes', route, 0),
    'Exceptions; the first that matches wins. Without one, a call goes to the trunk of its number, with the number as extension.',
    [],
    'no routes',
  ),
  sip: section('The SIP server.', {
    engine: withDefault(
      f.oneOf('embedded', 'drachtio'),
      "embedded: the gateway's own. drachtio: a drachtio-server 0.9.10 or later beside it.",
      'embedded',
    ),
    drachtio: section('Only for engine drachtio.', {
      host: withDefault(f.host, 'Where its admin port is reached.', '127.0.0.1'),
      port: withDefault(f.port, 'Its admin port, TCP.', 9022),
      secretFile: optional(
        f.secretFile,
        'File that holds its admin secret. Or set the environment variable WA_TRUNK_DRACHTIO_SECRET, which wins.',
        'the environment variable must be set for engine drachtio',
        'secrets/drachtio',
      ),
    }),
  }),
  graph,
  store,
  permissions,
  webhooks,
  http,
  logging: section('The log: JSON lines on stdout.', {
    level: withDefault(
      f.oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
      'trace, debug, info, warn, error or silent.',
      'info',
    ),
    sipTrace: optional(
      f.file,
      'File for every SIP message as a JSON line; credentials and SRTP keys are masked. At 100 MB it is renamed to <file>.1 and begun anew.',
      'no trace',
      'sip-trace.jsonl',
    ),
  }),
});

type Value<S> = S extends Shape<infer T> ? T : never;

/** The settings as checked: texts, numbers, milliseconds; files not yet read, references not yet resolved. */
export type Settings = Value<typeof settings>;
