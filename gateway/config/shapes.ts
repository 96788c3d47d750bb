/** The vocabulary of the schema: what a value looks like, and what a key means. Types are inferred from it. */
export type Shape<T> = Scalar<T> | List<T> | Group<T> | Dictionary<T>;

export interface Scalar<T> {
  readonly kind: 'scalar';
  /** For the reference: `duration`, `port`, … */
  readonly type: string;
  /** Completes "found X, allowed …". */
  readonly allowed: string;
  /** An unquoted YAML number or boolean is read as the text that was written: `+15551234567` keeps its plus. */
  readonly textual: boolean;
  /** Closed sets, for "did you mean". */
  readonly choices?: readonly string[];
  /** The value must never be repeated in a fault: it may be the secret itself. */
  readonly confidential?: true;
  /** The value, or undefined when it is not allowed. Never coerces. */
  read(value: unknown): T | undefined;
}

export interface List<T> {
  readonly kind: 'list';
  /** For texts: "a list of …". */
  readonly noun: string;
  readonly item: Shape<unknown>;
  readonly min: number;
  readonly value?: T;
}

export interface Group<T> {
  readonly kind: 'group';
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  readonly value?: T;
}

/** Free keys with text values. */
export interface Dictionary<T> {
  readonly kind: 'dictionary';
  readonly value?: T;
}

export type Presence =
  | { readonly kind: 'required' }
  /** `meaning`: what happens without it. */
  | { readonly kind: 'optional'; readonly meaning: string }
  /** `raw`: as an operator would write it; `value`: as it is loaded. */
  | { readonly kind: 'default'; readonly raw: unknown; readonly value: unknown; readonly meaning?: string }
  /** A group of keys that is always there, each with its own presence. */
  | { readonly kind: 'section' };

export interface Field<T> {
  readonly shape: Shape<T>;
  /** What it is, with its unit; one or several lines. */
  readonly doc: string;
  readonly presence: Presence;
  /** For the example file, where the default is not telling enough. */
  readonly example?: unknown;
  /** In the example file an optional key is commented out, unless it is live: most set-ups need it. */
  readonly live?: boolean;
}

export type ValueOf<F> = F extends Field<infer T> ? T : never;
type Fields = Readonly<Record<string, Field<unknown>>>;
type GroupValue<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

export function list<T>(noun: string, item: Shape<T>, min = 1): List<readonly T[]> {
  return { kind: 'list', noun, item, min };
}

export function group<F extends Fields>(fields: F): Group<GroupValue<F>> {
  return { kind: 'group', fields };
}

export function dictionary(): Dictionary<Readonly<Record<string, string>>> {
  return { kind: 'dictionary' };
}

export function required<T>(shape: Shape<T>, doc: string, example: unknown): Field<T> {
  return { shape, doc, presence: { kind: 'required' }, example };
}

export function optional<T>(
  shape: Shape<T>,
  doc: string,
  meaning: string,
  example: unknown,
  { live = false } = {},
): Field<T | undefined> {
  return { shape, doc, presence: { kind: 'optional', meaning }, example, live };
}

export function section<F extends Fields>(doc: string, fields: F): Field<GroupValue<F>> {
  return { shape: group(fields), doc, presence: { kind: 'section' } };
}

/** `raw` is the default as an operator would write it, `meaning` its name where it is too long to be shown. */
export function withDefault<T>(shape: Shape<T>, doc: string, raw: unknown, meaning?: string): Field<T> {
  const value = readDefault(shape, raw);
  return { shape, doc, presence: { kind: 'default', raw, value, ...(meaning === undefined ? {} : { meaning }) } };
}

function readDefault(shape: Shape<unknown>, raw: unknown): unknown {
  switch (shape.kind) {
    case 'scalar': {
      const value = shape.read(raw);
      if (value === undefined) throw new TypeError(`default ${String(raw)} is not ${shape.allowed}`);
      return value;
    }
    case 'list':
      return (raw as readonly unknown[]).map((item) => readDefault(shape.item, item));
    case 'group':
      return Object.fromEntries(
        Object.entries(shape.fields).flatMap(([key, field]) => {
          const given = (raw as Record<string, unknown>)[key];
          if (given !== undefined) return [[key, readDefault(field.shape, given)]];
          if (field.presence.kind === 'section') return [[key, readDefault(field.shape, {})]];
          return field.presence.kind === 'default' ? [[key, field.presence.value]] : [];
        }),
      );
    case 'dictionary':
      return raw;
  }
}
