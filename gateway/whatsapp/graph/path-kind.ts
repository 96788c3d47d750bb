import type { Query } from './port.js';

/** A bounded set, for metrics. */
export const PATH_KINDS = [
  'settings',
  'call_permissions',
  'messages',
  'phone_numbers',
  'media',
  'subscribed_apps',
  'debug_token',
  'health',
  'node',
  'other',
] as const;
export type PathKind = (typeof PATH_KINDS)[number];

/** `106540352242922/settings` is `settings`; an id alone is `node`, or `health` when that is what is asked for. */
export function pathKind(path: string, query: Query): PathKind {
  if (/^\d+$/.test(path)) return query.fields?.includes('health_status') === true ? 'health' : 'node';
  const last = path.split('/').at(-1);
  return PATH_KINDS.find((kind) => kind === last && kind !== 'health' && kind !== 'node') ?? 'other';
}
