import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { createCertificateAuthority, type CertificateAuthority } from '../../../simulator/pki.js';

export const HOSTNAME = 'sip.example.com';
export const PASSWORD = 'meta-made-this-up';
export const NONCE = '5f1e';
export const OPAQUE = 'c0ffee';
export const ca: CertificateAuthority = createCertificateAuthority();

export const ANSWER_SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 30000 RTP/SAVP 111 126',
  'a=rtpmap:111 opus/48000/2',
  'a=rtpmap:126 telephone-event/8000',
  '',
].join('\r\n');

/** A message as the scripted gateway saw it: parsed with string tools of its own, not those under test. */
export interface Seen {
  readonly raw: string;
  readonly start: string;
  readonly method: string;
  readonly lines: readonly string[];
  readonly body: string;
  readonly socket: TLSSocket;
  values(name: string): string[];
}

type Handler = (seen: Seen, gateway: ScriptedGateway) => void;

export interface ReplyOptions {
  readonly headers?: readonly string[];
  readonly body?: string;
  /** Last word on the text, to break a rule. */
  readonly edit?: (raw: string) => string;
  readonly toTag?: string;
}

/** A TLS server that answers SIP by a script; what it does by default is what a good gateway would do. */
export class ScriptedGateway {
  readonly seen: Seen[] = [];
  readonly sockets = new Set<TLSSocket>();
  port = 0;
  #waiting: (() => void)[] = [];
  readonly #server;

  constructor(
    private readonly handler: Handler,
    tls: TlsOptions,
  ) {
    this.#server = createServer(tls, (socket) => {
      this.#accept(socket);
    });
  }

  static async start(
    handler: Handler = wellBehaved(),
    tls: TlsOptions = {},
    names = [HOSTNAME],
  ): Promise<ScriptedGateway> {
    const pair = ca.issue(names);
    const gateway = new ScriptedGateway(handler, { key: pair.key, cert: pair.certificate, ...tls });
    gateway.#server.listen(0, '127.0.0.1');
    await once(gateway.#server, 'listening');
    gateway.port = (gateway.#server.address() as AddressInfo).port;
    return gateway;
  }

  /** The n-th message (from 0) of this method or status, waiting for it. */
  async message(method: string, n = 0): Promise<Seen> {
    for (;;) {
      const found = this.seen.filter((seen) => seen.method === method)[n];
      if (found) return found;
      await this.next();
    }
  }

  /** Resolves when another message has come. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  reply(
    to: Seen,
    status: string,
    { headers = [], body = '', edit = (raw) => raw, toTag = 'gw1' }: ReplyOptions = {},
  ): void {
    const [top = '', ...vias] = to.values('Via');
    const toValue = to.values('To')[0] ?? '';
    const lines = [
      `SIP/2.0 ${status}`,
      `Via: ${top.replace(';rport', ';rport=40000;received=127.0.0.1')}`,
      ...vias.map((via) => `Via: ${via}`),
      `From: ${to.values('From')[0] ?? ''}`,
      `To: ${toValue.includes(';tag=') || status.startsWith('100') ? toValue : `${toValue};tag=${toTag}`}`,
      `Call-ID: ${to.values('Call-ID')[0] ?? ''}`,
      `CSeq: ${to.values('CSeq')[0] ?? ''}`,
      ...headers,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    to.socket.write(edit(`${lines.join('\r\n')}\r\n\r\n${body}`));
  }

  /** The headers of a good 200 to this INVITE. */
  answerHeaders(invite: Seen): string[] {
    return [
      ...invite.values('Record-Route').map((value) => `Record-Route: ${value}`),
      `Contact: <sip:+15550001@${HOSTNAME}:${this.port};transport=tls>`,
    ];
  }

  answer(invite: Seen, options: ReplyOptions = {}): void {
    this.reply(invite, '200 OK', { headers: this.answerHeaders(invite), body: ANSWER_SDP, ...options });
  }

  /** A request within the dialog of this INVITE, e.g. BYE. */
  request(method: string, invite: Seen, edit: (raw: string) => string = (raw) => raw, cseq = 1): void {
    const [socket] = this.sockets;
    if (socket) this.requestOn(socket, method, invite, edit, cseq);
  }

  /** The same over another connection. */
  requestOn(
    socket: TLSSocket,
    method: string,
    invite: Seen,
    edit: (raw: string) => string = (raw) => raw,
    cseq = 1,
  ): void {
    const contact = /<([^>]*)>/.exec(invite.values('Contact')[0] ?? '')?.[1] ?? '';
    const raw = [
      `${method} ${contact} SIP/2.0`,
      `Via: SIP/2.0/TLS ${HOSTNAME}:${this.port};branch=z9hG4bK${method}${cseq};rport`,
      ...invite.values('Record-Route').map((value) => `Route: ${value}`),
      'Max-Forwards: 70',
      `From: ${invite.values('To')[0] ?? ''};tag=gw1`,
      `To: ${invite.values('From')[0] ?? ''}`,
      `Call-ID: ${invite.values('Call-ID')[0] ?? ''}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:+15550001@${HOSTNAME}:${this.port};transport=tls>`,
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
    socket.write(edit(raw));
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #accept(socket: TLSSocket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    let pending = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      pending += chunk;
      for (;;) {
        const end = pending.indexOf('\r\n\r\n');
        const length = Number(/\r\nContent-Length: (\d+)/i.exec(pending.slice(0, end))?.[1]);
        if (end < 0 || !(pending.length >= end + 4 + length)) return;
        this.#take(pending.slice(0, end + 4 + length), socket);
        pending = pending.slice(end + 4 + length);
      }
    });
  }

  #take(raw: string, socket: TLSSocket): void {
    const [head = '', body = ''] = raw.split('\r\n\r\n');
    const [start = '', ...lines] = head.split('\r\n');
    const values = (name: string): string[] =>
      lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
    const method = start.startsWith('SIP/2.0') ? (start.split(' ')[1] ?? '') : (start.split(' ')[0] ?? '');
    const seen: Seen = { raw, start, method, lines, body, socket, values };
    this.seen.push(seen);
    for (const wake of this.#waiting.splice(0)) wake();
    this.handler(seen, this);
  }
}

export interface Behaviour {
  readonly challenge?: boolean;
  /** In place of 180 and 200. */
  readonly onInvite?: Handler;
  readonly onOther?: Handler;
}

/** Challenges, rings, answers, and takes BYE and CANCEL. */
export function wellBehaved({ challenge = false, onInvite, onOther }: Behaviour = {}): Handler {
  let invite: Seen | undefined;
  return (seen, gateway) => {
    if (/^\d/.test(seen.method) || seen.method === 'ACK') return;
    if (seen.method === 'INVITE') {
      const authorization = seen.values('Proxy-Authorization')[0];
      if (challenge && authorization === undefined) {
        const headers = [
          `Proxy-Authenticate: Digest realm="sip.example.com",nonce="${NONCE}",opaque="${OPAQUE}",algorithm=MD5,qop="auth"`,
        ];
        gateway.reply(seen, '407 Proxy Authentication Required', { headers });
        return;
      }
      if (authorization !== undefined && !digestOf(authorization).good) {
        gateway.reply(seen, '403 Forbidden');
        return;
      }
      invite = seen;
      if (onInvite) {
        onInvite(seen, gateway);
        return;
      }
      gateway.reply(seen, '100 Trying');
      gateway.reply(seen, '180 Ringing', { headers: gateway.answerHeaders(seen) });
      gateway.answer(seen);
    } else if (onOther) {
      onOther(seen, gateway);
    } else {
      gateway.reply(seen, '200 OK');
      if (seen.method === 'CANCEL' && invite) gateway.reply(invite, '487 Request Terminated');
    }
  };
}

/** The parameters of a digest answer, and whether it is right for PASSWORD. */
export function digestOf(authorization: string): {
  readonly params: Readonly<Record<string, string>>;
  readonly good: boolean;
} {
  const params: Record<string, string> = {};
  for (const [, name = '', quoted, bare] of authorization.matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]*))/g)) {
    params[name] = quoted ?? bare ?? '';
  }
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const { username = '', realm = '', nonce = '', nc = '', cnonce = '', qop = '', uri = '', response = '' } = params;
  const ha1 = md5(`${username}:${realm}:${PASSWORD}`);
  return { params, good: response === md5(`${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${md5(`INVITE:${uri}`)}`) };
}
