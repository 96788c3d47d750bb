/** Strict reading of JSON: whatever is not asked for is a fault, with the path to it. */

/** `shape`: unknown or missing field, wrong type; `value`: right type, bad value. */
export class ParseFault extends Error {
  override readonly name = 'ParseFault';

  constructor(
    readonly kind: 'shape' | 'value',
    readonly path: string,
    what: string,
  ) {
    super(`${path} ${what}`);
  }
}

/** Returns the value as its type, or throws {@link ParseFault}. */
export type Parse<T> = (value: unknown, path: string) => T;

type Fields = Readonly<Record<string, Parse<unknown>>>;
type Parsed<F extends Fields, R extends keyof F> = { readonly [K in keyof F]?: ReturnType<F[K]> } & {
  readonly [K in R]: ReturnType<F[K]>;
};

export function object<F extends Fields, R extends keyof F & string = never>(
  fields: F,
  required: readonly R[] = [],
): Parse<Parsed<F, R>> {
  return (value, path) => {
    const source = record(value, path);
    for (const name of required) {
      if (!(name in source)) throw new ParseFault('shape', `${path}.${name}`, 'is required');
    }
    const entries = Object.entries(source).map(([name, field]) => {
      const parse = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (parse === undefined) throw new ParseFault('shape', `${path}.${name}`, 'is not a known field');
      return [name, parse(field, `${path}.${name}`)];
    });
    return Object.fromEntries(entries) as Parsed<F, R>;
  };
}

export function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ParseFault('shape', path, 'must be an object');
  }
  return value as Readonly<Record<string, unknown>>;
}

export function mapOf<T>(item: Parse<T>): Parse<Readonly<Record<string, T>>> {
  return (value, path) =>
    Object.fromEntries(Object.entries(record(value, path)).map(([key, field]) => [key, item(field, `${path}.${key}`)]));
}

export function array<T>(item: Parse<T>, { min = 0, max = Infinity } = {}): Parse<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ParseFault('shape', path, 'must be an array');
    if (value.length < min) throw new ParseFault('value', path, `must have at least ${min} entries`);
    if (value.length > max) throw new ParseFault('value', path, `must have at most ${max} entries`);
    return value.map((entry, index) => item(entry, `${path}[${index}]`));
  };
}

export function unique<T>(parse: Parse<readonly T[]>): Parse<readonly T[]> {
  return (value, path) => {
    const entries = parse(value, path);
    if (new Set(entries).size < entries.length) throw new ParseFault('value', path, 'must not repeat an entry');
    return entries;
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): Parse<T> {
  return (value, path) => {
    const text = string()(value, path);
    const found = values.find((known) => known === text);
    if (found === undefined) throw new ParseFault('value', path, `must be one of ${values.join(', ')}`);
    return found;
  };
}

/** `max` counts characters as the user sees them in code points. */
export function string({ min = 0, max = Infinity } = {}): Parse<string> {
  return (value, path) => {
    if (typeof value !== 'string') throw new ParseFault('shape', path, 'must be a string');
    const { length } = [...value];
    if (length < min) throw new ParseFault('value', path, `must have at least ${min} characters`);
    if (length > max) throw new ParseFault('value', path, `must have at most ${max} characters`);
    return value;
  };
}

export function matching(test: (text: string) => boolean, what: string): Parse<string> {
  return (value, path) => {
    const text = string()(value, path);
    if (!test(text)) throw new ParseFault('value', path, what);
    return text;
  };
}

export function integer(min: number, max: number): Parse<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new ParseFault('shape', path, 'must be an integer');
    if (value < min || value > max) throw new ParseFault('value', path, `must be ${min} to ${max}`);
    return value;
  };
}

export const anything: Parse<unknown> = (value) => value;
