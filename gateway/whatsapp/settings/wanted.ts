import type { CallingConfig, Switch } from '../../config/types-control.js';
import type { MetaCallHours, MetaCalling, MetaSip, MetaVoicemail, OnOff } from './calling.js';

const DAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];

/** The configuration in Meta's names: what the YAML does not mention is not in it. */
export function wantedCalling(config: CallingConfig): MetaCalling {
  const { callIconVisibility, restrictToUserCountries, callbackPermission, additionalCodecs } = config;
  return {
    ...(config.status && { status: onOff(config.status) }),
    ...(config.sip && { sip: wantedSip(config.sip) }),
    ...(callIconVisibility && { call_icon_visibility: callIconVisibility === 'default' ? 'DEFAULT' : 'DISABLE_ALL' }),
    ...(restrictToUserCountries && {
      call_icons: { restrict_to_user_countries: [...restrictToUserCountries].sort() },
    }),
    ...(config.callHours && { call_hours: wantedHours(config.callHours) }),
    ...(callbackPermission && { callback_permission_status: onOff(callbackPermission) }),
    ...(config.voicemail && { voicemail: wantedVoicemail(config.voicemail) }),
    ...(additionalCodecs && { audio: { additional_codecs: [...additionalCodecs].sort() } }),
    srtp_key_exchange_protocol: config.keying === 'sdes' ? 'SDES' : 'DTLS',
  };
}

function onOff(value: Switch): OnOff {
  return value === 'enabled' ? 'ENABLED' : 'DISABLED';
}

function wantedSip(sip: NonNullable<CallingConfig['sip']>): MetaSip {
  const params = sip.requestUriUserParams ?? {};
  return {
    status: onOff(sip.status),
    servers: [
      {
        hostname: sip.hostname,
        port: sip.port,
        ...(Object.keys(params).length === 0 ? {} : { request_uri_user_params: params }),
      },
    ],
    ...(sip.webhookDelivery && { webhook_delivery: onOff(sip.webhookDelivery) }),
  };
}

function wantedHours(hours: NonNullable<CallingConfig['callHours']>): MetaCallHours {
  const windows = hours.weekly.flatMap(({ days, times }) =>
    days.flatMap((day) => times.map(({ from, to }) => ({ day, from, to }))),
  );
  windows.sort((a, b) => a.day - b.day || a.from - b.from);
  return {
    status: onOff(hours.status),
    timezone_id: hours.timezone,
    weekly_operating_hours: windows.map(({ day, from, to }) => ({
      day_of_week: DAYS[day] ?? '',
      open_time: hhmm(from),
      close_time: hhmm(to),
    })),
    holiday_schedule: [...hours.holidays]
      .sort((a, b) => a.date.localeCompare(b.date))
      .map(({ date, from, to }) => ({ date, start_time: from.replace(':', ''), end_time: to.replace(':', '') })),
  };
}

/** Meta knows no 24:00: the last minute of the day ends it. */
function hhmm(minutes: number): string {
  const within = Math.min(minutes, 23 * 60 + 59);
  return `${String(Math.floor(within / 60)).padStart(2, '0')}${String(within % 60).padStart(2, '0')}`;
}

function wantedVoicemail(voicemail: NonNullable<CallingConfig['voicemail']>): MetaVoicemail {
  const { announcementMediaId, timeoutSeconds } = voicemail;
  return {
    status: onOff(voicemail.status),
    triggers: voicemail.triggers.map((trigger) => trigger.toUpperCase()).sort(),
    ...(announcementMediaId === undefined
      ? {}
      : { audio: { default: { announcement_media_id: announcementMediaId } } }),
    ...(timeoutSeconds === undefined ? {} : { timeout_seconds: timeoutSeconds }),
  };
}
