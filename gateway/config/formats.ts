import { isIP } from 'node:net';
import { readWeeklyHours } from './hours.js';
import { readPrefix } from './networks.js';
import type { Scalar } from './shapes.js';
import type { WeeklyHours } from './types.js';

/** Scalars of the schema. Each says what it allows and reads without coercion. */

function text(
  type: string,
  allowed: string,
  read: (text: string) => string | undefined,
  more: Partial<Scalar<string>> = {},
): Scalar<string> {
  return {
    kind: 'scalar',
    type,
    allowed,
    textual: true,
    read: (value) => (typeof value === 'string' ? read(value) : undefined),
    ...more,
  };
}

function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
// The last label holds a letter, so that a mistyped IPv4 address (10.0.0.999) is not taken for a name.
const DNS_NAME = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)*(?=[a-z0-9-]*[a-z])${LABEL}$`, 'i');

function readHost(value: string): string | undefined {
  return isIP(value) !== 0 || DNS_NAME.test(value) ? value : undefined;
}

export const fqdn = text('host name', 'a fully qualified host name such as sip.example.com', (value) =>
  isIP(value) === 0 && DNS_NAME.test(value) && value.includes('.') ? value.toLowerCase() : undefined,
);

export const host = text('host', 'an IP address or a host name', readHost);

export const address = text('IP address', 'an IPv4 or IPv6 address', (value) => (isIP(value) ? value : undefined));

export const prefix = text(
  'CIDR prefix',
  'a CIDR prefix without host bits such as 10.0.0.0/8 or 2001:db8::/32, or an IP address',
  readPrefix,
);

export const e164 = text(
  'E.164 number',
  'an E.164 number with its + such as "+15551234567"',
  matching(/^\+[1-9]\d{6,14}$/),
);

export const digits = text('digits', 'digits only', matching(/^\d{1,32}$/));

export const countryCode = text(
  'country',
  'an ISO 3166 country code of two capital letters such as BR',
  matching(/^[A-Z]{2}$/),
);

export const userPart = text(
  'SIP user',
  'letters, digits and any of + * # . _ - (at most 64)',
  matching(/^[A-Za-z0-9+*#._-]{1,64}$/),
);

export const name = text(
  'name',
  'a name of letters, digits and any of . _ - (at most 64)',
  matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
);

// Control characters have no place in anything that is compared with a header.
export const words = text('text', 'one line of text', matching(/^\P{Cc}{1,1000}$/u));

export const headerName = text(
  'header name',
  'the name of a SIP header such as X-Business-Number',
  matching(/^[A-Za-z0-9.!%*_+`'~-]{1,64}$/),
);

export const timeZone = text('time zone', 'an IANA time zone such as America/Sao_Paulo', (value) => {
  // Offsets such as +02:00 know no summer time; they are no names.
  if (/^[+-]/.test(value)) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).format() === '' ? undefined : value;
  } catch {
    return undefined;
  }
});

export const weekly: Scalar<WeeklyHours> = {
  kind: 'scalar',
  type: 'hours of the week',
  allowed: 'days and times such as "Mo-Fr 09:00-12:30,14:00-18:00" or "Sa,Su 22:00-02:00"',
  textual: true,
  read: (value) => (typeof value === 'string' ? readWeeklyHours(value) : undefined),
};

export const date = text('date', 'a date such as "2026-12-25"', (value) => {
  const day = /^\d{4}-\d\d-\d\d$/.test(value) ? new Date(`${value}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value) ? value : undefined;
});

export const timeOfDay = text('time', 'a time of day such as "09:30"', matching(/^(?:[01]\d|2[0-3]):[0-5]\d$/));

export const httpUrl = text('URL', 'an http or https URL without query such as https://graph.facebook.com', (value) =>
  urlOf(value, ['http:', 'https:'])?.replace(/\/+$/, ''),
);

export const redisUrl = text(
  'URL',
  'a redis or rediss URL without password such as redis://10.0.0.20:6379/0',
  (value) => urlOf(value, ['redis:', 'rediss:']),
  { confidential: true },
);

/** Secrets have no place in it. */
function urlOf(value: string, protocols: readonly string[]): string | undefined {
  if (!URL.canParse(value)) return undefined;
  const url = new URL(value);
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain && protocols.includes(url.protocol) && url.hostname !== '' ? value : undefined;
}

export const graphVersion = text('version', 'a version such as v25.0', matching(/^v\d{1,3}\.\d$/));

export const urlPath = text(
  'path',
  'a path such as /webhooks/whatsapp',
  matching(/^(?:\/[A-Za-z0-9._~-]{1,100}){1,8}$/),
);

export const templateName = text('template', 'lower-case letters, digits and _', matching(/^[a-z0-9_]{1,512}$/));

export const languageCode = text(
  'language',
  'a language code such as en or pt_BR',
  matching(/^[a-z]{2,3}(?:_[A-Z]{2})?$/),
);

/** A path, relative to the YAML file. That it can be read is checked later, where its content is known. */
export const file = text('file', 'the path of a readable file', matching(/^\P{Cc}{1,4096}$/u));

export const secretFile = text('file', 'the path of a file that holds the secret', matching(/^\P{Cc}{1,4096}$/u), {
  confidential: true,
});

export function integer(min: number, max: number): Scalar<number> {
  return {
    kind: 'scalar',
    type: 'integer',
    allowed: `an integer from ${min} to ${max}`,
    textual: false,
    read: (value) => (isIntegerWithin(value, min, max) ? value : undefined),
  };
}

export const port: Scalar<number> = { ...integer(1, 65535), type: 'port' };

/** 0 is any free port: for tests and laboratories. */
export const listenPort: Scalar<number> = { ...integer(0, 65535), type: 'port' };

export const flag: Scalar<boolean> = {
  kind: 'scalar',
  type: 'boolean',
  allowed: 'true, false',
  textual: false,
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

export function oneOf<const T extends string>(...choices: readonly T[]): Scalar<T> {
  return {
    kind: 'scalar',
    type: choices.join(' | '),
    allowed: choices.join(', '),
    textual: true,
    choices,
    read: (value) => choices.find((choice) => choice === value),
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Loaded as milliseconds. The bounds are written as an operator would write them. */
export function duration(min: string, max: string): Scalar<number> {
  const [minMs, maxMs] = [milliseconds(min) ?? NaN, milliseconds(max) ?? NaN];
  return {
    kind: 'scalar',
    type: 'duration (ms, s, m, h)',
    allowed: `a duration with its unit (ms, s, m, h) from ${min} to ${max}, such as 30s`,
    textual: true,
    read: (value) => {
      const ms = typeof value === 'string' ? milliseconds(value) : undefined;
      return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined;
    },
  };
}

function milliseconds(value: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(value);
  return match === null ? undefined : Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN);
}

function isIntegerWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}
