import * as f from './formats.js';
import { calling } from './schema-calling.js';
import { hours } from './schema-hours.js';
import { group, list, optional, required, withDefault } from './shapes.js';

const whatsAppCodec = f.oneOf('opus', 'PCMA', 'PCMU');

export const number = group({
  number: required(f.e164, 'The WhatsApp Business number, E.164 with its +.', '+15551234567'),
  phoneNumberId: optional(f.digits, "Meta's id of the number.", 'nothing that needs the Graph API', '106540352242922'),
  sipPasswordFile: optional(
    f.secretFile,
    'File that holds the SIP password which Meta made for this number. Or set the environment variable\n' +
      'WA_TRUNK_SIP_PASSWORD_<digits of number>, here WA_TRUNK_SIP_PASSWORD_15551234567, which wins over the file.',
    'it is fetched from the Graph API; where there is no graph.tokenFile or phoneNumberId, the environment variable must be set',
    'secrets/15551234567',
    { live: true },
  ),
  keying: withDefault(
    f.oneOf('dtls', 'sdes'),
    'SRTP key exchange, as set for the number at Meta: dtls or sdes.',
    'dtls',
  ),
  codecs: optional(
    list('codecs', whatsAppCodec),
    'Codecs taken from WhatsApp, best first: opus, and PCMA, PCMU where they are set for the number at Meta.',
    '[opus]',
    ['opus'],
    { live: true },
  ),
  trunk: required(f.name, 'Name of the trunk that its calls go to.', 'office'),
  country: optional(
    f.countryCode,
    'ISO 3166 country in whose way the PBX dials when it calls out as this number (national numbers, international prefix).',
    "the trunk's country, else the country of the number",
    'BR',
  ),
  maxCalls: withDefault(
    f.integer(1, 100_000),
    'Calls at once, in both directions; one more is refused with 503 and Retry-After. Meta allows 1000.',
    1000,
  ),
  uriTransportParameter: withDefault(
    f.flag,
    'Whether calls out carry ;transport=tls in request-URI, To and digest uri, if Meta should ask for it.',
    false,
  ),
  dailyMinutes: optional(
    f.integer(1, 1_000_000),
    'Minutes of business-initiated calls in a day (UTC); then further ones are refused with 503.',
    'no limit',
    600,
  ),
  answerTimeout: withDefault(f.duration('1s', '10m'), 'How long a WhatsApp user may ring.', '60s'),
  maxDuration: optional(f.duration('1m', '24h'), 'How long a call may last, in both directions.', 'no limit', '2h'),
  calling: optional(
    calling,
    "The number's call settings at Meta, as wa-trunk plan and apply bring them about; keying belongs to them, and codecs\n" +
      'where they are set here. Needs phoneNumberId and graph.tokenFile.',
    'the settings at Meta are left alone',
    {},
  ),
  requestPermission: withDefault(
    f.flag,
    'Whether a user who was called without permission is asked for it, as often as Meta allows.',
    false,
  ),
  callback: optional(
    group({
      extension: required(f.userPart, 'Queue or extension of the trunk that is called first.', '500'),
      automatic: withDefault(f.flag, 'Whether users are called back at these hours; false waits for an agent.', true),
      hours: optional(hours, 'When users are called back.', 'always', {}),
    }),
    'Calls back to users who were not answered and allow it.',
    'users who allow a call back are only listed',
    {},
  ),
});
