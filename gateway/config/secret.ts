import { inspect } from 'node:util';
import type { Secret } from './types.js';

export const REDACTED = '[redacted]';

/** Wraps a secret so that only `reveal()` gives it away: string conversion, JSON and util.inspect print {@link REDACTED}. */
export function secret(value: string): Secret {
  return new Hidden(value);
}

export function isSecret(value: unknown): value is Secret {
  return value instanceof Hidden;
}

class Hidden implements Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
