const REDACTED = '[redacted]';
const SECRET_FIELDS = new Set([
  'password',
  'sipPassword',
  'secret',
  'authorization',
  'Authorization',
  'proxy-authorization',
  'Proxy-Authorization',
]);
/** Levels of objects in objects that are looked at; what is deeper does not end up in a log by accident. */
const DEPTH = 4;

/**
 * What must not be printed even when an object that holds it is logged by accident. Nearly always there is nothing to
 * hide: then the object comes back as it is, and nothing was copied.
 */
export function withoutSecrets<T extends object>(fields: T, depth = DEPTH): T {
  let copy: Record<string, unknown> | undefined;
  for (const key in fields) {
    const value: unknown = fields[key];
    if (value === undefined || value === null) continue;
    let shown = value;
    if (SECRET_FIELDS.has(key)) shown = REDACTED;
    else if (typeof value === 'object' && depth > 1 && !writesItself(value)) shown = withoutSecrets(value, depth - 1);
    if (shown === value) continue;
    copy ??= (Array.isArray(fields) ? [...(fields as unknown[])] : { ...fields }) as Record<string, unknown>;
    copy[key] = shown;
  }
  return (copy ?? fields) as T;
}

/** Dates and our own secrets say what they are printed as; an error is made a plain object first. */
function writesItself(value: object): boolean {
  return value instanceof Error || 'toJSON' in value;
}
