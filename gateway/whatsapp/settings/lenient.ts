/** Values of Meta's JSON, read whatever form they come in. */
import type { GraphObject } from '../graph/port.js';
import { asObject } from '../graph/reply.js';

export { asObject };

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The objects of a list. */
export function asObjects(value: unknown): readonly GraphObject[] {
  return asList(value).flatMap((one): readonly GraphObject[] => {
    const object = asObject(one);
    return object === undefined ? [] : [object];
  });
}

export function asText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Enumerations, in whatever case; true and false are statuses. */
export function asWord(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'ENABLED' : 'DISABLED';
  return asText(value)?.toUpperCase();
}

export function asInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

/** HHMM of `0900`, `9:00`, `09:00:00`, 900 or 0. */
export function asTime(value: unknown): string {
  const text = typeof value === 'number' ? String(value).padStart(4, '0') : (asText(value) ?? '');
  const parts = /^(\d{1,2}):?(\d\d)(?::?00)?$/.exec(text);
  return parts === null ? text : `${(parts[1] ?? '').padStart(2, '0')}${parts[2]}`;
}
