import type { MetaCallHours, MetaCalling, MetaServer, MetaSip, MetaVoicemail } from './calling.js';

export type Leaf = string | number | readonly string[];

/** One difference, its path in Meta's names: `sip.servers[0].port`. */
export type Change =
  | { readonly kind: 'added'; readonly path: string; readonly after: Leaf }
  | { readonly kind: 'changed'; readonly path: string; readonly before: Leaf; readonly after: Leaf }
  | { readonly kind: 'removed'; readonly path: string; readonly before: Leaf };

/** What Meta does as long as nothing was set. */
const DEFAULTS: Readonly<Record<string, Leaf>> = {
  status: 'DISABLED',
  call_icon_visibility: 'DEFAULT',
  callback_permission_status: 'DISABLED',
  srtp_key_exchange_protocol: 'DTLS',
  'call_icons.restrict_to_user_countries': [],
  'audio.additional_codecs': [],
  'call_hours.status': 'DISABLED',
  'sip.status': 'DISABLED',
  'sip.webhook_delivery': 'DISABLED',
  'voicemail.status': 'DISABLED',
};

/** What must be done to Meta's settings so that they are as wanted; what is not wanted to be anything does not matter. */
export function diffCalling(wanted: MetaCalling, current: MetaCalling): readonly Change[] {
  const after = leaves(wanted, wanted);
  const before = leaves(current, wanted);
  const gone = [...before.keys()].filter((path) => !after.has(path) && isOwned(path, wanted));
  return [
    ...[...after].flatMap(([path, value]) => change(path, before.get(path), value)),
    ...gone.flatMap((path) => change(path, before.get(path), undefined)),
  ].sort((a, b) => order(a.path) - order(b.path));
}

function change(path: string, before: Leaf | undefined, after: Leaf | undefined): readonly Change[] {
  if (after === undefined) return before === undefined ? [] : [{ kind: 'removed', path, before }];
  if (same(before ?? DEFAULTS[path], after)) return [];
  return before === undefined ? [{ kind: 'added', path, after }] : [{ kind: 'changed', path, before, after }];
}

function same(a: Leaf | undefined, b: Leaf): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Lists that are replaced as a whole: what is in them at Meta and is not wanted must go. */
function isOwned(path: string, wanted: MetaCalling): boolean {
  if (path.startsWith('sip.servers[')) return isOn(wanted.sip);
  if (/^call_hours\.(weekly_operating_hours|holiday_schedule)\./.test(path)) return isOn(wanted.call_hours);
  return false;
}

function isOn(group: { readonly status?: string } | undefined): boolean {
  return group?.status === 'ENABLED';
}

const ORDER = [
  'status',
  'sip',
  'srtp_key_exchange_protocol',
  'audio',
  'call_icon_visibility',
  'call_icons',
  'call_hours',
  'callback_permission_status',
  'voicemail',
];

function order(path: string): number {
  return ORDER.indexOf(/^[a-z_]+/.exec(path)?.[0] ?? '');
}

type Leaves = readonly (readonly [path: string, value: Leaf | undefined])[];

/** Every single value by its path. Of what is wanted off the rest does not matter, Meta may have forgotten it. */
function leaves(calling: MetaCalling, wanted: MetaCalling): ReadonlyMap<string, Leaf> {
  const { sip, call_hours: hours, voicemail } = calling;
  const all: Leaves = [
    ['status', calling.status],
    ['call_icon_visibility', calling.call_icon_visibility],
    ['call_icons.restrict_to_user_countries', calling.call_icons?.restrict_to_user_countries],
    ['callback_permission_status', calling.callback_permission_status],
    ['srtp_key_exchange_protocol', calling.srtp_key_exchange_protocol],
    ['audio.additional_codecs', calling.audio?.additional_codecs],
    ['sip.status', sip?.status],
    ['sip.webhook_delivery', sip?.webhook_delivery],
    ...(sip !== undefined && isOn(wanted.sip) ? serversLeaves(sip) : []),
    ['call_hours.status', hours?.status],
    ...(hours !== undefined && isOn(wanted.call_hours) ? hoursLeaves(hours) : []),
    ['voicemail.status', voicemail?.status],
    ...(voicemail !== undefined && isOn(wanted.voicemail) ? voicemailLeaves(voicemail) : []),
  ];
  return new Map(all.filter((leaf): leaf is readonly [string, Leaf] => leaf[1] !== undefined));
}

function serversLeaves({ servers = [] }: MetaSip): Leaves {
  return servers.flatMap((server, i) => serverLeaves(server, `sip.servers[${i}]`));
}

function serverLeaves(server: MetaServer, at: string): Leaves {
  const params = Object.entries(server.request_uri_user_params ?? {});
  return [
    [`${at}.hostname`, server.hostname],
    [`${at}.port`, server.port],
    ...params.map(([name, value]) => [`${at}.request_uri_user_params.${name}`, value] as const),
  ];
}

function hoursLeaves({ timezone_id, weekly_operating_hours = [], holiday_schedule = [] }: MetaCallHours): Leaves {
  const week = weekly_operating_hours.map(
    ({ day_of_week, open_time, close_time }) => [day_of_week, `${open_time}-${close_time}`] as const,
  );
  const holidays = holiday_schedule.map(
    ({ date, start_time, end_time }) => [date, `${start_time}-${end_time}`] as const,
  );
  return [
    ['call_hours.timezone_id', timezone_id],
    ...windowLeaves('call_hours.weekly_operating_hours', week),
    ...windowLeaves('call_hours.holiday_schedule', holidays),
  ];
}

function windowLeaves(at: string, windows: readonly (readonly [day: string, window: string])[]): Leaves {
  const days = new Map<string, string[]>();
  for (const [day, window] of windows) days.set(day, [...(days.get(day) ?? []), window].sort());
  return [...days].map(([day, list]) => [`${at}.${day}`, list] as const);
}

function voicemailLeaves({ triggers, audio, timeout_seconds }: MetaVoicemail): Leaves {
  return [
    ['voicemail.triggers', triggers],
    ['voicemail.audio.default.announcement_media_id', audio?.default.announcement_media_id],
    ['voicemail.timeout_seconds', timeout_seconds],
  ];
}
