import { tokenHash } from './tokens.js';

/** One request to the stand-in. */
export interface SeenRequest {
  /** 1, 2, … */
  readonly index: number;
  readonly method: string;
  /** Without the version: `106540352242922/settings`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Of the token: the beginning of its SHA-256. */
  readonly token?: string;
  /** Epoch ms. */
  readonly atMs: number;
  /** HTTP status of the answer; absent: none yet, or the connection was dropped. */
  status?: number;
  /** error.code of the answer. */
  errorCode?: number;
  /** Dropped before or after the request took effect. */
  dropped?: 'before' | 'after';
}

const SECRET_PARAMETERS = new Set(['input_token', 'access_token']);

export function seenRequest(
  index: number,
  request: {
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
    readonly authorization: string | undefined;
    readonly body: unknown;
  },
  atMs: number,
): SeenRequest {
  const token = /^Bearer +(\S+)$/i.exec(request.authorization ?? '')?.[1];
  return {
    index,
    method: request.method,
    path: request.path.replace(/^\/[^/]*\/?/, ''),
    query: Object.fromEntries(
      [...request.query].map(([name, value]) => [name, SECRET_PARAMETERS.has(name) ? tokenHash(value) : value]),
    ),
    body: request.body,
    ...(token !== undefined && { token: tokenHash(token) }),
    atMs,
  };
}
