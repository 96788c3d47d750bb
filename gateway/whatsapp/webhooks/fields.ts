/** Lenient access to JSON whose shape is Meta's affair: what is not there or of another type is undefined. */
import type { JsonObject } from './events.js';

export type Fields = Readonly<Record<string, unknown>>;

/** Empty for everything that is no object. */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Ids come as numbers too. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function number(value: unknown): number | undefined {
  const found = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** Meta's times are seconds, as number or text; what can be no second of this millennium is taken for milliseconds. */
export function timeMs(value: unknown): number | undefined {
  const found = number(value);
  if (found === undefined || found <= 0) return undefined;
  return found > 100_000_000_000 ? Math.trunc(found) : Math.trunc(found * 1000);
}

/** Meta writes phone numbers with and without "+"; a BSUID (`US.1349…`) stays as it is. */
export function party(value: unknown): string | undefined {
  const found = text(value)?.trim();
  const digits = found?.replace(/[\s()+-]/g, '') ?? '';
  return /^\d+$/.test(digits) ? `+${digits}` : found;
}

const SECRET = /password|token|secret/i;

/** A copy without the fields that could hold a secret: it goes into the store. */
export function withoutSecrets(value: unknown): JsonObject {
  return JSON.parse(
    JSON.stringify(fields(value), (key, inner: unknown) => (SECRET.test(key) ? undefined : inner)),
  ) as JsonObject;
}
