import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { BusinessNumber } from '../../../../simulator/index.js';
import { startMetaEdge, type MetaEdge } from '../../../../simulator/sip/edge.js';
import { ca, HOSTNAME, PASSWORD, ScriptedGateway, wellBehaved } from '../scripted-gateway.js';

export const USER = '+12195550714';
export const BUSINESS = '+12145551869';
export const TO_URI = `sip:${USER}@wa.meta.vc`;

export const NUMBER: BusinessNumber = { number: BUSINESS, password: PASSWORD, keying: 'sdes' };

const LIMIT_MS = 10_000;
const TEST_LIMIT_MS = 40_000;
const KEY = Buffer.alloc(30, 7).toString('base64');
export const OFFER = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 30000 RTP/SAVP 107 0 8 101',
  'a=rtpmap:107 opus/48000/2',
  'a=rtpmap:101 telephone-event/8000',
  `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
  'a=ptime:20',
  '',
].join('\r\n');

/** A response as the scripted caller saw it, read with string tools of its own. */
export interface Response {
  readonly raw: string;
  readonly status: number;
  readonly reason: string;
  readonly cseq: string;
  readonly body: string;
  values(name: string): string[];
}

type Edit = (raw: string) => string;

/** The gateway's side of one call to Meta, by a script, on a TLS connection of its own. */
export class ScriptedCaller {
  readonly callId = randomUUID();
  readonly fromTag = randomUUID().slice(0, 8);
  readonly responses: Response[] = [];
  #cseq = 100;
  #branch = '';
  #invite = '';
  #pending = '';
  #waiting: (() => void)[] = [];

  private constructor(private readonly socket: TLSSocket) {
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      this.#take(chunk);
    });
  }

  static async connect(edge: MetaEdge): Promise<ScriptedCaller> {
    const { address = '', port = 0 } = edge.address ?? {};
    const socket = connect({ host: address, port, servername: 'wa.meta.vc', ca: ca.certificate });
    await once(socket, 'secureConnect');
    return new ScriptedCaller(socket);
  }

  /** The n-th response (from 0) with this status to this method. Rejects when it does not come. */
  async response(status: number, method = 'INVITE', n = 0): Promise<Response> {
    const limit = performance.now() + LIMIT_MS;
    for (;;) {
      const found = this.responses.filter((r) => r.status === status && r.cseq.endsWith(` ${method}`))[n];
      if (found) return found;
      if (performance.now() >= limit) {
        const got = this.responses.map((r) => `${r.status} ${r.cseq}`).join(', ');
        throw new Error(`no ${status} to ${method}, only: ${got}`);
      }
      await this.#next(limit - performance.now());
    }
  }

  /** Sends an INVITE, the next of this call; `edit` has the last word. */
  invite(headers: readonly string[] = [], edit: Edit = (raw) => raw, body = OFFER): void {
    this.#cseq += 1;
    this.#branch = `z9hG4bK${randomUUID()}`;
    const raw = [
      `INVITE ${TO_URI} SIP/2.0`,
      `Via: SIP/2.0/TLS ${HOSTNAME}:5061;branch=${this.#branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:${BUSINESS}@${HOSTNAME}>;tag=${this.fromTag}`,
      `To: <${TO_URI}>`,
      `Contact: <sip:${BUSINESS}@${HOSTNAME}:5061;transport=tls>`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${this.#cseq} INVITE`,
      'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS',
      'User-Agent: scripted',
      ...headers,
      'Content-Type: application/sdp',
      '',
      '',
    ].join('\r\n');
    this.#invite = edit(`${raw}${body}`);
    this.#send(this.#invite);
  }

  /** INVITE, and again with the answer to the challenge. */
  async call(
    headers: readonly string[] = [],
    edit: Edit = (raw) => raw,
    body = OFFER,
    answer: AuthorizeOptions = {},
  ): Promise<void> {
    this.invite(headers, edit, body);
    const challenge = await this.response(407);
    this.ack(challenge);
    this.invite([...headers, authorize(challenge, answer)], edit, body);
  }

  /** Calls, takes the 200, and acknowledges it. */
  async talk(): Promise<Response> {
    await this.call();
    const ok = await this.response(200);
    this.inDialog('ACK', ok);
    return ok;
  }

  /** The hop-by-hop ACK of a refusal, or CANCEL: everything is that of the INVITE sent last. */
  ack(refusal: Response): void {
    this.#hopByHop('ACK', (raw) => raw.replace(/To: .*/, `To: ${refusal.values('To')[0] ?? ''}`));
  }

  cancel(edit: Edit = (raw) => raw): void {
    this.#hopByHop('CANCEL', edit);
  }

  /** ACK of a 200, BYE and all else within the dialog that this 200 made. */
  inDialog(method: string, ok: Response, edit: Edit = (raw) => raw, headers: readonly string[] = []): void {
    const cseq = method === 'ACK' ? this.#cseq : (this.#cseq += 1);
    const routes = ok.values('Record-Route').reverse();
    const raw = [
      `${method} ${/<([^>]*)>/.exec(ok.values('Contact')[0] ?? '')?.[1] ?? ''} SIP/2.0`,
      `Via: SIP/2.0/TLS ${HOSTNAME}:5061;branch=z9hG4bK${randomUUID()};rport`,
      ...routes.map((route) => `Route: ${route}`),
      'Max-Forwards: 70',
      `From: <sip:${BUSINESS}@${HOSTNAME}>;tag=${this.fromTag}`,
      `To: ${ok.values('To')[0] ?? ''}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
      ...headers,
      '',
      '',
    ].join('\r\n');
    this.#send(edit(raw));
  }

  close(): void {
    this.socket.destroy();
  }

  async #next(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      timer = setTimeout(resolve, Math.max(1, limitMs));
    });
    clearTimeout(timer);
  }

  #hopByHop(method: string, edit: Edit): void {
    const kept = /^(?:Via|From|To|Call-ID|CSeq|Max-Forwards): /;
    const [start = '', ...lines] = (this.#invite.split('\r\n\r\n')[0] ?? '').split('\r\n');
    const raw = [start, ...lines.filter((line) => kept.test(line)), '', ''].join('\r\n');
    this.#send(edit(raw.replace('INVITE ', `${method} `).replace(/(CSeq: \d+) INVITE/, `$1 ${method}`)));
  }

  #send(raw: string): void {
    const body = raw.slice(raw.indexOf('\r\n\r\n') + 4);
    this.socket.write(raw.replace('\r\n\r\n', `\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`));
  }

  #take(chunk: string): void {
    this.#pending += chunk;
    for (;;) {
      const end = this.#pending.indexOf('\r\n\r\n');
      const length = Number(/\r\nContent-Length: (\d+)/i.exec(this.#pending.slice(0, end))?.[1]);
      if (end < 0 || !(this.#pending.length >= end + 4 + length)) return;
      this.responses.push(readResponse(this.#pending.slice(0, end + 4 + length)));
      this.#pending = this.#pending.slice(end + 4 + length);
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}

function readResponse(raw: string): Response {
  const [head = '', body = ''] = raw.split('\r\n\r\n');
  const [start = '', ...lines] = head.split('\r\n');
  const values = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const cseq = values('CSeq')[0] ?? '';
  return { raw, status: Number(start.slice(8, 11)), reason: start.slice(12), cseq, body, values };
}

export interface AuthorizeOptions {
  /** The challenge to take; default the last that can be computed. */
  readonly algorithm?: string;
  readonly password?: string;
  readonly method?: string;
  readonly uri?: string;
  readonly username?: string;
}

/** A Proxy-Authorization header for a challenge of a 407. */
export function authorize(challenge: Response, options: AuthorizeOptions = {}): string {
  const { password = PASSWORD, method = 'INVITE', uri = TO_URI, username = BUSINESS.slice(1) } = options;
  const offered = challenge.values('Proxy-Authenticate').map(parametersOf);
  const wanted = options.algorithm === undefined ? ['MD5', 'SHA-256'] : [options.algorithm];
  const chosen = offered.find(({ algorithm = '' }) => wanted.includes(algorithm)) ?? {};
  const { realm = '', nonce = '', opaque = '', algorithm = '' } = chosen;
  const hash = (text: string): string =>
    createHash(algorithm === 'SHA-256' ? 'sha256' : 'md5')
      .update(text)
      .digest('hex');
  const ha1 = hash(`${username}:${realm}:${password}`);
  const response = hash(`${ha1}:${nonce}:00000001:0a4f:auth:${hash(`${method}:${uri}`)}`);
  return (
    `Proxy-Authorization: Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", ` +
    `response="${response}", algorithm=${algorithm}, cnonce="0a4f", opaque="${opaque}", qop=auth, nc=00000001`
  );
}

/** The parameters of a challenge. */
export function parametersOf(value: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [, name = '', quoted, bare] of value.matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]*))/g)) {
    found[name] = quoted ?? bare ?? '';
  }
  return found;
}

export interface Desk {
  readonly edge: MetaEdge;
  readonly caller: ScriptedCaller;
  /** Where Meta's own link to the gateway ends: its BYE comes here. */
  readonly gateway: ScriptedGateway;
}

/** Runs a test with an edge that listens, a caller, and a gateway that answers BYE, and closes all. */
export async function desk(body: (desk: Desk) => Promise<void>, number: Partial<BusinessNumber> = {}): Promise<void> {
  const gateway = await ScriptedGateway.start(wellBehaved());
  const meta = ca.issue(['wa.meta.vc']);
  const edge = await startMetaEdge({
    gateway: { hostname: HOSTNAME, address: '127.0.0.1', port: gateway.port },
    tls: { ca: ca.certificate },
    listen: { key: meta.key, certificate: meta.certificate },
    numbers: [{ ...NUMBER, ...number }],
  });
  const caller = await ScriptedCaller.connect(edge);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('the test waits for something that does not come'));
    }, TEST_LIMIT_MS);
  });
  try {
    await Promise.race([body({ edge, caller, gateway }), limit]);
  } finally {
    clearTimeout(timer);
    caller.close();
    await edge.close();
    await gateway.close();
  }
}
