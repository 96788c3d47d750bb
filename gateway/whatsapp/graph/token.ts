import { readFile, stat } from 'node:fs/promises';
import type { Secret } from '../../config/types.js';
import type { Logger } from '../../telemetry/log.js';
import { GraphError } from './port.js';
import type { Graph, GraphObject } from './port.js';
import { asObject } from './reply.js';

export function fixedToken(token: Secret | undefined): () => Promise<string | undefined> {
  return () => Promise.resolve(token?.reveal());
}

/** The file is looked at this often at most. */
const LOOK_EVERY_MS = 1000;

/** An access token in a file, read again when the file changes. */
export class TokenFile {
  readonly #file: string;
  readonly #log: Logger;
  readonly #now: () => number;
  #token: string | undefined;
  #version = '';
  #lookedAtMs = -Infinity;

  /** `now`: a steady clock, ms. */
  constructor(file: string, log: Logger, now: () => number = () => performance.now()) {
    this.#file = file;
    this.#log = log;
    this.#now = now;
  }

  /** The token; one that was read stays in use while the file cannot be read. Rejects with GraphError when there is none. */
  async read(): Promise<string> {
    if (this.#token !== undefined && this.#now() - this.#lookedAtMs < LOOK_EVERY_MS) return this.#token;
    this.#lookedAtMs = this.#now();
    try {
      this.#token = await this.#refresh();
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      if (this.#token === undefined) throw noToken(this.#file, reason);
      this.#log.warn({ file: this.#file, reason }, 'the token file cannot be used, the token read before stays');
    }
    return this.#token;
  }

  async #refresh(): Promise<string> {
    const { mtimeMs, size, ino } = await stat(this.#file);
    const version = `${mtimeMs} ${size} ${ino}`;
    if (this.#token !== undefined && version === this.#version) return this.#token;
    const token = (await readFile(this.#file, 'utf8')).trim();
    // A header value; anything else is not a token of Meta's.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(token === '' ? 'it is empty' : 'it holds more than one word');
    if (this.#token !== undefined && token !== this.#token)
      this.#log.info({ file: this.#file }, 'new access token read');
    this.#version = version;
    return token;
  }
}

function noToken(file: string, reason: string): GraphError {
  const message = `${file}: no access token: ${reason}; put a system-user token into it, alone, on one line`;
  return new GraphError({ kind: 'no-token', message, unsent: true });
}

export const NEEDED_SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'] as const;

export interface TokenState {
  readonly valid: boolean;
  /** Epoch ms; absent: it does not expire. */
  readonly expiresAtMs?: number;
  /** Epoch ms; absent: for ever. */
  readonly dataAccessExpiresAtMs?: number;
  readonly appId?: string;
  /** `SYSTEM_USER`, `USER`, … */
  readonly type?: string;
  readonly scopes: readonly string[];
  /** Of {@link NEEDED_SCOPES}. */
  readonly missingScopes: readonly string[];
  /** Why it is not valid, in Meta's words. */
  readonly reason?: string;
}

/** What Meta says about an access token. Rejects with GraphError. */
export async function inspectToken(graph: Graph, token: string): Promise<TokenState> {
  const reply = await graph.get('debug_token', { input_token: token });
  const data = asObject(reply.data) ?? {};
  const scopes = Array.isArray(data.scopes) ? data.scopes.filter((scope) => typeof scope === 'string') : [];
  const reason = asObject(data.error)?.message;
  return {
    valid: data.is_valid === true,
    ...epoch('expiresAtMs', data.expires_at),
    ...epoch('dataAccessExpiresAtMs', data.data_access_expires_at),
    ...textOf('appId', data.app_id),
    ...textOf('type', data.type),
    scopes,
    missingScopes: NEEDED_SCOPES.filter((scope) => !scopes.includes(scope)),
    ...textOf('reason', typeof reason === 'string' ? reason.replaceAll(token, '[redacted]') : undefined),
  };
}

/** Seconds at Meta; 0 is never. */
function epoch<K extends string>(key: K, seconds: unknown): Partial<Record<K, number>> {
  return typeof seconds === 'number' && seconds > 0 ? ({ [key]: seconds * 1000 } as Partial<Record<K, number>>) : {};
}

function textOf<K extends string>(key: K, value: GraphObject[string]): Partial<Record<K, string>> {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' ? ({ [key]: text } as Partial<Record<K, string>>) : {};
}
