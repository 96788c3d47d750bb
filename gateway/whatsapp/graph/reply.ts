import { knownError } from './errors.js';
import type { GraphFault } from './errors.js';
import type { GraphObject } from './port.js';
import { regainAccessMs } from './rate-limits.js';

/** What one HTTP exchange brought back. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

export type Read = { readonly object: GraphObject } | { readonly fault: GraphFault };

/** `asked`: what the message begins with; `clean`: takes secrets out of what Meta wrote. */
export interface ReadContext {
  readonly asked: string;
  readonly nowMs: number;
  clean(text: string): string;
}

/** The object of a good reply, or what Meta's error says. */
export function readReply(reply: Reply, context: ReadContext): Read {
  const object = parseObject(reply.text);
  const error = object === undefined ? undefined : asObject(object.error);
  if (error !== undefined) return { fault: refusal(reply, error, context) };
  if (object !== undefined && reply.status >= 200 && reply.status < 300) return { object };
  return { fault: withoutError(reply, context) };
}

function refusal(reply: Reply, error: GraphObject, context: ReadContext): GraphFault {
  const code = asInteger(error.code);
  const subcode = asInteger(error.error_subcode);
  const traceId = typeof error.fbtrace_id === 'string' ? oneLine(context.clean(error.fbtrace_id), 40) : undefined;
  const known = code === undefined ? undefined : knownError(code, subcode);
  const kind = kindOf(reply.status, known?.about);
  const wait = regainAccessMs(reply.headers, context.nowMs);
  const isTransient = error.is_transient === true || reply.status >= 500 || code === 1 || code === 2;
  const numbers = [
    ...(code === undefined ? [`HTTP ${reply.status}`] : [`code ${code}${subcode === undefined ? '' : `/${subcode}`}`]),
    ...(traceId === undefined ? [] : [`trace ${traceId}`]),
  ];
  const said = textsOf(error)
    .map((text) => oneLine(context.clean(text), 300))
    .join(': ');
  const advice = known === undefined ? '' : `; ${known.meaning}: ${known.remedy}`;
  return {
    kind,
    message: `${context.asked}: Meta refused: ${said} (${numbers.join(', ')})${advice}`,
    httpStatus: reply.status,
    ...(code === undefined ? {} : { code }),
    ...(subcode === undefined ? {} : { subcode }),
    ...(traceId === undefined ? {} : { traceId }),
    ...(known === undefined ? {} : { meaning: known.meaning, remedy: known.remedy }),
    ...(kind === 'rate-limited' && wait !== undefined ? { retryAfterMs: wait } : {}),
    ...(isTransient ? { transient: true } : {}),
  };
}

function kindOf(status: number, about: 'rate' | 'token' | 'other' | undefined): GraphFault['kind'] {
  if (status === 429 || about === 'rate') return 'rate-limited';
  if (status === 401 || about === 'token') return 'unauthorized';
  return 'refused';
}

/** error.message, and the details that Meta puts elsewhere. */
function textsOf(error: GraphObject): readonly string[] {
  const candidates = [error.message, asObject(error.error_data)?.details, error.error_user_msg];
  const texts = candidates.filter((text): text is string => typeof text === 'string' && text !== '');
  return texts.length === 0 ? ['no reason given'] : [...new Set(texts)];
}

/** No JSON, or JSON that is neither an answer nor an error: something between here and Meta, or half a reply. */
function withoutError({ status, headers, text }: Reply, { asked, nowMs }: ReadContext): GraphFault {
  const httpStatus = status;
  const wait = regainAccessMs(headers, nowMs);
  if (status === 429) {
    const message = `${asked}: HTTP 429, too many requests; wait, and make requests less often`;
    return { kind: 'rate-limited', message, httpStatus, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
  }
  if (status === 401) {
    const message = `${asked}: HTTP 401 without a reason; look at the access token, and at a proxy on the way`;
    return { kind: 'unauthorized', message, httpStatus };
  }
  const what = text === '' ? 'an empty reply' : `a reply of ${text.length} characters that is not Meta's JSON`;
  return {
    kind: 'unreadable',
    message: `${asked}: HTTP ${status} with ${what}; look at graph.url and at a proxy on the way`,
    httpStatus,
    transient: true,
  };
}

function parseObject(text: string): GraphObject | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): GraphObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as GraphObject) : undefined;
}

/** Empty where there is none: for reading on without a question. */
export function objectOf(value: unknown): GraphObject {
  return asObject(value) ?? {};
}

function asInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

function oneLine(text: string, max: number): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > max ? `${line.slice(0, max)}…` : line;
}
