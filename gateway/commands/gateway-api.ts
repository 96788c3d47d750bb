/** The API of the running gateway, for commands that it alone can carry out. */
import { request } from 'undici';
import { ConfigError } from '../config/index.js';
import type { Config } from '../config/index.js';

const TIMEOUT_MS = 10_000;

export interface ApiAnswer {
  readonly status: number;
  /** undefined: no JSON came. */
  readonly body: unknown;
}

/** @throws ConfigError where the configuration has no API; Error when the gateway cannot be reached. */
export async function askGateway(
  config: Config,
  file: string,
  method: 'GET' | 'POST',
  path: string,
): Promise<ApiAnswer> {
  const { listen, token } = config.http;
  const missing = listen === undefined ? 'http.listen' : token === undefined ? 'http.tokenFile' : undefined;
  if (listen === undefined || token === undefined) {
    const allowed = "the gateway's API, which this command asks";
    throw new ConfigError([{ file, key: missing ?? 'http', found: 'nothing', allowed }]);
  }
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[listen.host] ?? listen.host;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}${path}`;
  try {
    const { statusCode, body } = await request(url, {
      method,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        ...(method === 'POST' && { 'content-type': 'application/json' }),
      },
      ...(method === 'POST' && { body: '{}' }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: statusCode, body: parsed(await body.text()) };
  } catch (error) {
    throw new Error(`the gateway does not answer at ${url}: start it, or correct http.listen`, { cause: error });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
