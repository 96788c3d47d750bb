import type { GraphObject } from '../graph/port.js';
import type { MetaCallHours, MetaCalling, MetaServer, MetaSip, MetaVoicemail } from './calling.js';
import { asInteger, asList, asObject, asText, asTime, asWord } from './lenient.js';

/** The call settings of a number as Meta has them now. */
export interface Current {
  readonly calling: MetaCalling;
  /** SIP servers that other apps have set: a BYE of any ends the call. */
  readonly foreignServers: readonly MetaServer[];
  /** Only when it was asked for, and of this app's server. */
  readonly sipPassword?: string;
  readonly restrictions: readonly Restriction[];
}

export interface Restriction {
  readonly type: string;
  readonly reason?: string;
  /** Epoch ms. */
  readonly expiresAtMs?: number;
}

/**
 * Reads `GET <id>/settings`, whatever spelling of it comes. Values that are not understood stay as they are, and differ from
 * what is wanted. `appId`: the app of the token; undefined: not known, then the first server counts as its own.
 */
export function readSettings(reply: GraphObject, appId: string | undefined): Current {
  const raw = asObject(reply.calling) ?? reply;
  const sip = asObject(raw.sip);
  const servers = asList(sip?.servers).flatMap((one) => serverOf(one) ?? []);
  const own = servers.filter(({ owner }, i) => (appId === undefined ? i === 0 : (owner ?? appId) === appId));
  const foreign = servers.filter((server) => !own.includes(server));
  const password = own.find((server) => server.password !== undefined)?.password;
  return {
    calling: callingOf(
      raw,
      sip &&
        sipOf(
          sip,
          own.map(({ server }) => server),
        ),
    ),
    foreignServers: foreign.map(({ server }) => server),
    ...(password === undefined ? {} : { sipPassword: password }),
    restrictions: asList(asObject(raw.restrictions)?.restrictions_list ?? raw.restrictions).flatMap(restrictionOf),
  };
}

function callingOf(raw: GraphObject, sip: MetaSip | undefined): MetaCalling {
  const countries = asObject(raw.call_icons)?.restrict_to_user_countries ?? raw.restrict_to_user_countries;
  const codecs = asObject(raw.audio)?.additional_codecs ?? raw.additional_codecs;
  const hours = asObject(raw.call_hours);
  const voicemail = asObject(raw.voicemail);
  return {
    ...word('status', raw.status),
    ...word('call_icon_visibility', raw.call_icon_visibility),
    ...(countries == null ? {} : { call_icons: { restrict_to_user_countries: words(countries) } }),
    ...(hours && { call_hours: hoursOf(hours) }),
    ...word('callback_permission_status', raw.callback_permission_status),
    ...(sip && { sip }),
    ...word(
      'srtp_key_exchange_protocol',
      raw.srtp_key_exchange_protocol ?? asObject(raw.sip)?.srtp_key_exchange_protocol,
    ),
    ...(codecs == null ? {} : { audio: { additional_codecs: words(codecs) } }),
    ...(voicemail && { voicemail: voicemailOf(voicemail) }),
  };
}

function sipOf(raw: GraphObject, servers: readonly MetaServer[]): MetaSip {
  return { ...word('status', raw.status), servers, ...word('webhook_delivery', raw.webhook_delivery) };
}

interface Owned {
  readonly server: MetaServer;
  readonly owner?: string;
  readonly password?: string;
}

function serverOf(value: unknown): Owned | undefined {
  const raw = asObject(value);
  const hostname = asText(raw?.hostname);
  if (raw === undefined || hostname === undefined) return undefined;
  // An empty one may come as [].
  const params = Object.entries(asObject(raw.request_uri_user_params) ?? {}).map(([name, of]) => [
    name,
    asText(of) ?? '',
  ]);
  const owner = asText(raw.app_id);
  const password = asText(raw.sip_user_password);
  return {
    server: {
      hostname: hostname.toLowerCase(),
      port: asInteger(raw.port) ?? 5061,
      ...(params.length === 0
        ? {}
        : { request_uri_user_params: Object.fromEntries(params) as Readonly<Record<string, string>> }),
    },
    ...(owner === undefined ? {} : { owner }),
    ...(password === undefined ? {} : { password }),
  };
}

function hoursOf(raw: GraphObject): MetaCallHours {
  const timezone = asText(raw.timezone_id ?? raw.timezone);
  const weekly = asList(raw.weekly_operating_hours).flatMap((value) => {
    const one = asObject(value) ?? {};
    const day = asWord(one.day_of_week);
    return day === undefined
      ? []
      : [{ day_of_week: day, open_time: asTime(one.open_time), close_time: asTime(one.close_time) }];
  });
  const holidays = asList(raw.holiday_schedule).flatMap((value) => {
    const one = asObject(value) ?? {};
    const date = asText(one.date);
    return date === undefined ? [] : [{ date, start_time: asTime(one.start_time), end_time: asTime(one.end_time) }];
  });
  return {
    ...word('status', raw.status),
    ...(timezone === undefined ? {} : { timezone_id: timezone }),
    weekly_operating_hours: weekly,
    holiday_schedule: holidays,
  };
}

function voicemailOf(raw: GraphObject): MetaVoicemail {
  const media = asText(asObject(asObject(raw.audio)?.default)?.announcement_media_id);
  const seconds = asInteger(raw.timeout_seconds);
  return {
    ...word('status', raw.status),
    ...(raw.triggers == null ? {} : { triggers: words(raw.triggers) }),
    ...(media === undefined ? {} : { audio: { default: { announcement_media_id: media } } }),
    ...(seconds === undefined ? {} : { timeout_seconds: seconds }),
  };
}

function restrictionOf(value: unknown): readonly Restriction[] {
  const raw = asObject(value);
  const type = asWord(raw?.type);
  if (raw === undefined || type === undefined) return [];
  const reason = asText(raw.reason);
  const seconds = asInteger(raw.expiration ?? raw.expiration_time);
  return [
    {
      type,
      ...(reason === undefined ? {} : { reason }),
      ...(seconds === undefined ? {} : { expiresAtMs: seconds * 1000 }),
    },
  ];
}

/** Sets: in no order. */
function words(value: unknown): readonly string[] {
  return asList(value)
    .flatMap((one) => asWord(one) ?? [])
    .sort();
}

function word<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  const text = asWord(value);
  return text === undefined ? {} : ({ [key]: text } as Record<K, string>);
}
