/** From a request to the route that answers it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Secret } from '../config/types.js';
import { readJson } from './body.js';
import { pathOf } from './listener.js';
import { HttpError, send, type Reply } from './reply.js';
import { sameSecret } from './same-secret.js';

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `{name}` stands for one segment. Below /api/ the bearer token is asked for. */
  readonly path: string;
  readonly answer: (call: RouteCall) => Promise<Reply>;
}

export interface RouteCall {
  readonly params: Readonly<Record<string, string>>;
  /** Of POST and DELETE: parsed JSON, undefined when there was no body. */
  readonly body: unknown;
}

export interface RouterOptions {
  readonly routes: readonly Route[];
  /** Absent: there must be no routes below /api/. */
  readonly token?: Secret | undefined;
  readonly observe?: HttpObserver | undefined;
}

export interface HttpObserver {
  /** @param route as in {@link Route.path}, or `none` */
  answered(method: string, route: string, status: number): void;
}

const API = '/api/';
const MAX_BODY_BYTES = 65_536;
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'DELETE'];

export function createRouter(
  options: RouterOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { token, observe } = options;
  const compiled = options.routes.map((route) => ({ ...route, segments: route.path.split('/') }));
  const isApi = compiled.some(({ path }) => path.startsWith(API));
  return async (request, response) => {
    const path = pathOf(request);
    const matches = compiled.flatMap((route) => {
      const params = match(route.segments, path);
      return params === undefined ? [] : [{ route, params }];
    });
    const label = METHODS.includes(request.method ?? '') ? (request.method ?? '') : 'other';
    response.once('finish', () => observe?.answered(label, matches[0]?.route.path ?? 'none', response.statusCode));
    if (isApi && path.startsWith(API)) checkToken(request, token);
    if (matches.length === 0) throw notFound(path, compiled);
    const wanted = request.method === 'HEAD' ? 'GET' : request.method;
    const found = matches.find(({ route }) => route.method === wanted);
    if (found === undefined) throw notAllowed(matches.map(({ route }) => route.method));
    if (wanted === 'GET') request.resume();
    const body = wanted === 'GET' ? undefined : await readJson(request, MAX_BODY_BYTES);
    send(response, await found.route.answer({ params: found.params, body }));
  };
}

function match(segments: readonly string[], path: string): Readonly<Record<string, string>> | undefined {
  const given = path.split('/');
  if (given.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const value = given[index] ?? '';
    if (segment.startsWith('{')) {
      if (value === '') return undefined;
      params[segment.slice(1, -1)] = decoded(value);
    } else if (value !== segment) return undefined;
  }
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, 'bad-path', 'the path has an incomplete % escape');
  }
}

function checkToken({ headers }: IncomingMessage, token: Secret | undefined): void {
  const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (given !== undefined && token !== undefined && sameSecret(given, token.reveal())) return;
  const message = given === undefined ? 'send Authorization: Bearer and the token of http.tokenFile' : 'wrong token';
  const challenge = given === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
  throw new HttpError(401, 'unauthorized', message, { headers: { 'www-authenticate': challenge } });
}

function notFound(path: string, routes: readonly Route[]): HttpError {
  const paths = [...new Set(routes.map((route) => route.path))];
  return new HttpError(404, 'not-found', `there is no ${path.slice(0, 200)}`, { details: { paths } });
}

function notAllowed(methods: readonly string[]): HttpError {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return new HttpError(405, 'method-not-allowed', `allowed here: ${allow}`, { headers: { allow } });
}
