import { closest, describe, keyOf } from './faults.js';
import type { Fault, Path } from './faults.js';
import type { Dictionary, Field, Group, List, Scalar, Shape } from './shapes.js';
import type { Source } from './source.js';

/** A checked tree: whatever was not allowed is undefined, and has its fault. */
export type Draft<T> = T extends readonly (infer E)[]
  ? readonly (Draft<E> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> | undefined }
    : T;

type Where = Pick<Source, 'file' | 'line' | 'plainText'>;

/**
 * Checks a tree against the schema: types without coercion, unknown keys anywhere, and defaults inside lists and optional
 * groups (those of sections are left to the merge with the environment). Finds every fault, not just the first.
 */
export function checkStructure<T>(shape: Group<T>, source: Source): { draft: Draft<T>; faults: readonly Fault[] } {
  const checker = new Checker(source);
  const draft = checker.top(shape, source.tree ?? {});
  return { draft: draft as Draft<T>, faults: checker.faults };
}

/** Required keys that neither file nor environment gave, in the merged tree's sections. */
export function checkPresence(shape: Group<unknown>, merged: unknown, where: Where, at: Path = []): readonly Fault[] {
  return Object.entries(shape.fields).flatMap(([key, field]) => {
    const path = [...at, key];
    const value = (merged as Record<string, unknown> | undefined)?.[key];
    if (field.presence.kind === 'section') return checkPresence(field.shape as Group<unknown>, value, where, path);
    return field.presence.kind === 'required' && value === undefined ? [missing(field, path, where)] : [];
  });
}

class Checker {
  readonly faults: Fault[] = [];
  readonly #where: Where;

  constructor(where: Where) {
    this.#where = where;
  }

  top(shape: Group<unknown>, value: unknown): unknown {
    return this.#group(shape, value, [], false);
  }

  #check(shape: Shape<unknown>, value: unknown, path: Path): unknown {
    switch (shape.kind) {
      case 'scalar':
        return this.#scalar(shape, value, path);
      case 'list':
        return this.#list(shape, value, path);
      case 'group':
        return this.#group(shape, value, path, true);
      case 'dictionary':
        return this.#dictionary(shape, value, path);
    }
  }

  #scalar(shape: Scalar<unknown>, raw: unknown, path: Path): unknown {
    const value = shape.textual && typeof raw !== 'string' ? (this.#where.plainText(path) ?? raw) : raw;
    const read = shape.read(value);
    if (read === undefined) {
      const meant = typeof value === 'string' ? closest(value, shape.choices ?? []) : undefined;
      this.#fault(path, shape.confidential ? 'an unusable value' : describe(value), shape.allowed, meant);
    }
    return read;
  }

  #list(shape: List<unknown>, value: unknown, path: Path): unknown {
    if (!Array.isArray(value) || value.length < shape.min) {
      const found = Array.isArray(value) ? 'an empty list' : describe(value);
      return this.#fault(path, found, `a list of ${shape.noun}`);
    }
    const items = value.map((item, i) => this.#check(shape.item, item, [...path, i]));
    if (shape.item.kind === 'scalar') this.#repeated(items, path);
    return items;
  }

  #repeated(items: readonly unknown[], path: Path): void {
    for (const [i, item] of items.entries()) {
      const first = items.indexOf(item);
      if (item === undefined || first === i) continue;
      this.#fault([...path, i], `${describe(item)} again (see ${keyOf([...path, first])})`, 'each value once');
    }
  }

  #group(shape: Group<unknown>, value: unknown, path: Path, fill: boolean): unknown {
    if (!isMapping(value)) return this.#fault(path, describe(value), 'a mapping of keys');
    this.#unknownKeys(shape, value, path);
    const entries = Object.entries(shape.fields).flatMap(([key, field]): [string, unknown][] => {
      const checked = this.#field(field, Object.hasOwn(value, key) ? value[key] : undefined, [...path, key], fill);
      return checked === undefined ? [] : [[key, checked]];
    });
    return Object.fromEntries(entries);
  }

  #field(field: Field<unknown>, value: unknown, path: Path, fill: boolean): unknown {
    // `key:` with nothing behind it is the same as no key.
    const given = value ?? undefined;
    if (field.presence.kind === 'section') return this.#group(field.shape as Group<unknown>, given ?? {}, path, fill);
    if (given !== undefined) return this.#check(field.shape, given, path);
    if (!fill) return undefined;
    switch (field.presence.kind) {
      case 'required':
        this.faults.push(missing(field, path, this.#where));
        return undefined;
      case 'optional':
        return undefined;
      case 'default':
        return field.presence.value;
    }
  }

  #unknownKeys(shape: Group<unknown>, value: Readonly<Record<string, unknown>>, path: Path): void {
    const known = Object.keys(shape.fields);
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(shape.fields, key)) continue;
      const at = [...path, key];
      // The value of such a key is not shown: it may be a password.
      const inFile = known.find((other) => shape.fields[other]?.shape.kind === 'scalar' && isFileFor(other, key));
      if (inFile !== undefined) {
        const allowed = `${inFile} (a file that holds it) or the environment variable, see docs/reference/configuration.md`;
        this.#fault(at, 'a secret written into the file', allowed);
      } else {
        this.#fault(at, 'an unknown key', known.join(', '), closest(key, known));
      }
    }
  }

  #dictionary(_shape: Dictionary<unknown>, value: unknown, path: Path): unknown {
    if (!isMapping(value)) return this.#fault(path, describe(value), 'a mapping of names to texts');
    const entries = Object.entries(value).flatMap(([key, raw]): [string, string][] => {
      const at = [...path, key];
      const text = typeof raw === 'string' ? raw : this.#where.plainText(at);
      if (
        !/^[A-Za-z0-9.!%*_+~-]{1,64}$/.test(key) ||
        key === '__proto__' ||
        key === 'constructor' ||
        key === 'prototype'
      ) {
        this.#fault(at, `the name ${describe(key)}`, 'the name of a SIP URI parameter');
        return [];
      }
      if (text === undefined || /\p{Cc}/u.test(text)) {
        this.#fault(at, describe(raw), 'one line of text');
        return [];
      }
      return [[key, text]];
    });
    return Object.fromEntries(entries);
  }

  #fault(path: Path, found: string, allowed: string, meant?: string): undefined {
    const { file } = this.#where;
    this.faults.push({ file, key: keyOf(path), found, allowed, line: this.#where.line(path), meant });
    return undefined;
  }
}

function missing(field: Field<unknown>, path: Path, where: Where): Fault {
  return {
    file: where.file,
    key: keyOf(path),
    found: 'nothing',
    allowed: allowedOf(field.shape),
    line: where.line(path),
  };
}

function allowedOf(shape: Shape<unknown>): string {
  switch (shape.kind) {
    case 'scalar':
      return shape.allowed;
    case 'list':
      return `a list of ${shape.noun}`;
    case 'group':
    case 'dictionary':
      return 'a mapping of keys';
  }
}

/** `sipPasswordFile` is the file for `sipPassword` and `password`; `secretFile` for `secret`, `password`. */
function isFileFor(field: string, key: string): boolean {
  if (!/(password|secret)file$/i.test(field)) return false;
  return field.toLowerCase() === `${key.toLowerCase()}file` || /password|passwd|secret/i.test(key);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
