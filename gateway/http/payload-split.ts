/** A payload with many entries and changes as many payloads with one. */

export interface Split {
  /** The payload's `object`. */
  readonly object: unknown;
  /** JSON, each short. */
  readonly pieces: readonly string[];
}

/** @returns undefined: not JSON */
export function split(text: string): Split | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(payload) || !Array.isArray(payload.entry)) return { object: objectOf(payload), pieces: [] };
  const pieces = payload.entry.flatMap((entry: unknown) => {
    const changes: unknown = isObject(entry) ? entry.changes : undefined;
    if (!isObject(entry) || !Array.isArray(changes)) return [];
    return changes.map((change: unknown) => JSON.stringify({ entry: [{ ...entry, changes: [change] }] }));
  });
  return { object: payload.object, pieces };
}

export function objectOf(payload: unknown): unknown {
  return isObject(payload) ? payload.object : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
