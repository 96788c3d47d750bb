/** The connection to Redis: every command has a limit of time, and a lost connection is made anew for ever. */
import { once } from 'node:events';
import { createClient, type RedisClientType } from '@redis/client';
import type { Secret } from '../config/types.js';
import { StoreError } from './port.js';

export interface RedisConfig {
  readonly url: string;
  readonly password?: Secret;
}

export interface RedisLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export type Client = RedisClientType<Record<string, never>, Record<string, never>, Record<string, never>, 2>;

const COMMAND_MS = 2000;
const CONNECT_MS = 2000;
const RETRY_MAX_MS = 1000;

export class RedisLink {
  /** Host and port: the URL may hold a password. */
  readonly where: string;
  readonly #config: RedisConfig;
  readonly #log: RedisLog;
  #client: Client;
  #reachable = true;
  #closed = false;
  #answers = 0;

  constructor(config: RedisConfig, log: RedisLog) {
    this.where = hostOf(config.url);
    this.#config = config;
    this.#log = log;
    this.#client = this.#create();
  }

  /** @throws StoreError when Redis answers that it does not want us; when it does not answer, the attempts go on */
  async open(): Promise<void> {
    const client = this.#client;
    const waiting = new AbortController();
    const connected = client.connect().then(() => client.ping());
    const failed = once(client, 'error', { signal: waiting.signal });
    const outcome = await limited(Promise.race([connected, failed]).catch(asError), CONNECT_MS);
    failed.catch(ignore);
    waiting.abort();
    if (outcome === 'late') return this.#lost('no answer');
    const failure = [outcome.value].flat().find((value) => value instanceof Error);
    if (failure === undefined || !isRefusal(failure)) return;
    await this.close();
    throw this.#error(`${failure.message}; check store.url and the password`, failure);
  }

  /** @throws StoreError */
  async run<T>(commands: (client: Client) => Promise<T>): Promise<T> {
    if (this.#closed) throw this.#error('the store is closed');
    const client = this.#client;
    const answersBefore = this.#answers;
    // Offline commands are refused at once, not queued.
    const answer = commands(client).catch((error: unknown) => {
      throw this.#error(asError(error).message, error);
    });
    const outcome = await limited(answer, COMMAND_MS);
    if (outcome !== 'late') {
      this.#answers += 1;
      return outcome.value;
    }
    if (this.#answers === answersBefore) this.#startOver(client);
    throw this.#error(`no answer within ${COMMAND_MS} ms`);
  }

  close(): Promise<void> {
    this.#closed = true;
    drop(this.#client);
    return Promise.resolve();
  }

  /** A connection that does not answer may be half open: what waits on it would wait for TCP to notice. */
  #startOver(client: Client): void {
    if (this.#closed || client !== this.#client) return;
    drop(client);
    this.#lost('no answer');
    this.#client = this.#create();
    this.#client.connect().catch(ignore);
  }

  #create(): Client {
    const { url, password } = this.#config;
    const client: Client = createClient({
      url,
      ...(password === undefined ? {} : { password: password.reveal() }),
      RESP: 2,
      name: 'wa-trunk',
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      socket: {
        connectTimeout: CONNECT_MS,
        reconnectStrategy: (retries) => Math.min(50 * 2 ** Math.min(retries, 10), RETRY_MAX_MS),
      },
    });
    client.on('error', (error: Error) => {
      if (client === this.#client) this.#lost(error.message);
    });
    client.on('ready', () => {
      if (client !== this.#client || this.#closed) return;
      if (!this.#reachable) this.#log.info({ redis: this.where }, 'store: Redis is back');
      this.#reachable = true;
    });
    return client;
  }

  #lost(reason: string): void {
    if (!this.#reachable || this.#closed) return;
    this.#reachable = false;
    this.#log.warn({ redis: this.where, reason }, 'store: Redis cannot be reached; trying again until it can');
  }

  #error(text: string, cause?: unknown): StoreError {
    return new StoreError(`store at Redis ${this.where}: ${text}`, { cause });
  }
}

/** `late` after the time; the promise is left to itself then. */
async function limited<T>(promise: Promise<T>, ms: number): Promise<{ readonly value: T } | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    // Where this process itself was held up, the answer has come and only waits to be read: that is before setImmediate.
    timer = setTimeout(() => setImmediate(resolve, 'late'), ms);
  });
  promise.catch(ignore);
  try {
    return await Promise.race([promise.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}

function drop(client: Client): void {
  if (client.isOpen) client.destroy();
}

/** Wrong password, no right to, a server that is no Redis: waiting does not help. */
function isRefusal(error: Error): boolean {
  return /^(WRONGPASS|NOAUTH|NOPERM|ERR|DENIED)\b/.test(error.message);
}

function hostOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && ['redis:', 'rediss:'].includes(parsed.protocol)) return parsed.host;
  throw new StoreError('store.url: no URL of a Redis; write redis://HOST:PORT, or rediss:// for TLS');
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
const ignore = (): void => undefined;
