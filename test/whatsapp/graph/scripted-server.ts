import { createServer as createHttp } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of the client: equal ports are one connection. */
  readonly port: number;
}

export type Answer = (response: ServerResponse, request: Seen) => void;

export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  readonly seen: readonly Seen[];
  /** Resolves when that many requests have come. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Answers the first request with the first answer, and so on; the last one serves all that follow. */
export async function scripted(
  answers: readonly Answer[],
  tls?: { readonly cert: string; readonly key: string },
): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body, port: request.socket.remotePort ?? 0 };
      seen.push(one);
      for (const { count, resolve } of waiting) if (seen.length >= count) resolve();
      answers[Math.min(seen.length, answers.length) - 1]?.(response, one);
    });
  };
  const server: Server = tls === undefined ? createHttp(onRequest) : createHttps(tls, onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    arrived: (count) =>
      new Promise((resolve) => {
        if (seen.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

export function raw(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, headers);
    response.end(text);
  };
}

export function error(status: number, code: number, more: object = {}, headers: Record<string, string> = {}): Answer {
  const body = { message: `(#${code}) said so`, type: 'OAuthException', code, fbtrace_id: 'TrAcE', ...more };
  return json(status, { error: body }, headers);
}

/** Takes the request and says nothing. */
export const silence: Answer = () => undefined;

/** Takes the request and drops the connection. */
export const hangUp: Answer = (response) => void response.socket?.destroy();
