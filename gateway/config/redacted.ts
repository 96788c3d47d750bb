import { isSecret, REDACTED } from './secret.js';
import type { Config } from './types.js';

/** The configuration as plain data for printing: no secret appears in it. */
export function redacted(config: Config): Readonly<Record<string, unknown>> {
  return plain(config) as Record<string, unknown>;
}

function plain(value: unknown): unknown {
  if (isSecret(value)) return REDACTED;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
