/** Answers, good and bad. */
import type { ServerResponse } from 'node:http';

/** What a request comes to; the body of an error is `{"error":{"code","message",…}}`. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  /**
   * @param code stable, for programs
   * @param message what is wrong and what to do, for people; no secret in it
   */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly more: { readonly details?: object; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
  }
}

export type Reply =
  { readonly status: number; readonly json?: object } | { readonly text: string; readonly type: string };

export function send(response: ServerResponse, reply: Reply): void {
  if ('text' in reply) return write(response, 200, reply.type, reply.text);
  if (reply.json === undefined) return write(response, reply.status);
  write(response, reply.status, 'application/json', `${JSON.stringify(reply.json)}\n`);
}

export function sendError(response: ServerResponse, { status, code, message, more }: HttpError): void {
  for (const [name, value] of Object.entries(more.headers ?? {})) response.setHeader(name, value);
  send(response, { status, json: { error: { code, message, ...more.details } } });
}

function write(response: ServerResponse, status: number, type?: string, body?: string): void {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  if (type !== undefined) response.setHeader('content-type', type);
  if (body !== undefined) response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status);
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
