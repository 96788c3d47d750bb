/** Requests that arrive: seen through our own types, answered once. */
import type { Transport } from '../config/types.js';
import type { SrfAgent, SrfError, SrfMessage, SrfRequest, SrfResponse } from './drachtio-types.js';
import { cleanHeaders, cleanValue } from './headers.js';
import type { SipLog } from './log.js';
import type { IncomingRequest, Response, Source } from './port.js';
import { reasonPhrase } from './reason-phrases.js';

export type HeaderGetter = (name: string) => string | undefined;

/** drachtio-srf's own lookup goes through all names each time. */
export function headerGetter(message: SrfMessage): HeaderGetter {
  let index: Map<string, string> | undefined;
  return (name) => {
    if (!index) {
      index = new Map();
      for (const [key, value] of Object.entries(message.headers)) index.set(key.toLowerCase(), value);
    }
    return index.get(name.toLowerCase());
  };
}

/** The values of all lines of a header, each apart: where they are joined, a broken one spoils the others. */
export function headerLines(message: SrfMessage, name: string): string[] {
  const raw = message.raw ?? '';
  const end = raw.indexOf('\r\n\r\n');
  const [, ...lines] = (end < 0 ? raw : raw.slice(0, end)).split(/\r\n(?![ \t])/);
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return line.slice(0, colon).trim().toLowerCase() === name.toLowerCase() ? [line.slice(colon + 1).trim()] : [];
  });
}

/** Whether a From or To value has a tag of its own, one in the URI not counted. */
export function hasTag(value: string): boolean {
  return /;\s*tag\s*=/i.test(value.slice(value.lastIndexOf('>') + 1));
}

export function sourceOf(request: SrfRequest): Source {
  const { source_address: address, source_port: port, receivedOn } = request;
  const transport: Transport = request.protocol === 'udp' || request.protocol === 'tls' ? request.protocol : 'tcp';
  return { address, port, transport, ...(receivedOn === undefined ? {} : { receivedOn }) };
}

/** Sends one response. drachtio-srf's own send() refuses status codes it does not know and prints everything for its log. */
export function sendResponse(
  agent: SrfAgent,
  response: SrfResponse,
  answer: Response,
  sent?: (error: SrfError, message?: SrfMessage) => void,
): void {
  response.status = answer.status;
  response.reason = cleanValue(answer.reason ?? reasonPhrase(answer.status));
  const headers = cleanHeaders(answer.headers ?? {});
  const body = answer.body ?? '';
  agent.sendResponse(response, body === '' ? { headers } : { headers, body }, sent);
}

export class Incoming implements IncomingRequest {
  readonly method: string;
  readonly source: Source;
  readonly requestUri: string;
  readonly callId: string;
  readonly body: string;
  readonly header: HeaderGetter;
  protected readonly agent: SrfAgent;
  protected readonly res: SrfResponse;
  protected readonly log: SipLog;
  #answered = false;

  constructor(agent: SrfAgent, req: SrfRequest, res: SrfResponse, log: SipLog) {
    this.agent = agent;
    this.res = res;
    this.log = log;
    this.method = req.method;
    this.source = sourceOf(req);
    this.requestUri = req.uri;
    this.header = headerGetter(req.msg);
    this.callId = this.header('call-id') ?? '';
    this.body = req.msg.body ?? '';
  }

  /** A final response was given, or can no longer be. */
  get answered(): boolean {
    return this.#answered;
  }

  protected markAnswered(): void {
    this.#answered = true;
  }

  respond(response: Response): void {
    if (this.#answered) return;
    if (response.status >= 200) this.markAnswered();
    sendResponse(this.agent, this.res, response);
  }
}
