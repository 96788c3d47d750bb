import { isIP } from 'node:net';
import { array, integer, mapOf, matching, object, oneOf, ParseFault, string, unique, type Parse } from '../parse.js';
import { callHours } from './call-hours.js';
import { COUNTRIES } from './countries.js';

const USER_PARAMS_MAX = 128;

const onOff = oneOf('ENABLED', 'DISABLED');

const hostname: Parse<string> = (value, path) => {
  const text = string({ min: 1, max: 253 })(value, path);
  if (isIP(text) !== 0) throw new ParseFault('value', path, 'must be a hostname, not an IP address');
  const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
  const labels = text.split('.');
  if (labels.length < 2 || !labels.every((part) => label.test(part))) {
    throw new ParseFault('value', path, 'must be a fully qualified hostname');
  }
  return text;
};

/** They become `;key=value` in the user part of the Request-URI (RFC 3261, section 25.1: user-unreserved, escapes). */
const userParams: Parse<Readonly<Record<string, string>>> = (value, path) => {
  const text = matching(
    (part) => /^[A-Za-z0-9\-_.!~*'()%&+$,?/]+$/.test(part),
    'must fit in the user part of a SIP URI',
  );
  const params = mapOf(text)(value, path);
  for (const key of Object.keys(params)) text(key, `${path}.${key}`);
  const rendered = Object.entries(params).map(([key, of]) => `${key}=${of}`);
  if (rendered.join(';').length > USER_PARAMS_MAX) {
    throw new ParseFault('value', path, `must have at most ${USER_PARAMS_MAX} characters in all`);
  }
  return params;
};

const server = object({ hostname, port: integer(1, 65_535), request_uri_user_params: userParams }, ['hostname']);

const voicemail = object(
  {
    status: onOff,
    triggers: unique(array(oneOf('REJECT', 'TIMEOUT'), { min: 1 })),
    audio: object({ default: object({ announcement_media_id: string({ min: 1 }) }, ['announcement_media_id']) }, [
      'default',
    ]),
    timeout_seconds: integer(0, 30),
  },
  ['status'],
);

/** `calling` of a POST. What only a GET has (app_id, sip_user_password, restrictions) is an unknown field here. */
export const callingWrite = object({
  status: onOff,
  call_icon_visibility: oneOf('DEFAULT', 'DISABLE_ALL'),
  call_icons: object(
    {
      restrict_to_user_countries: unique(
        array(matching((code) => COUNTRIES.has(code), 'must be an ISO 3166-1 alpha-2 code')),
      ),
    },
    ['restrict_to_user_countries'],
  ),
  call_hours: callHours,
  callback_permission_status: onOff,
  sip: object({ status: onOff, webhook_delivery: onOff, servers: array(server, { max: 1 }) }),
  srtp_key_exchange_protocol: oneOf('DTLS', 'SDES'),
  audio: object({ additional_codecs: unique(array(oneOf('PCMA', 'PCMU'))) }, ['additional_codecs']),
  voicemail,
});

export type CallingWrite = ReturnType<typeof callingWrite>;

export const settingsWrite = object({ calling: callingWrite }, ['calling']);
