import { randomUUID } from 'node:crypto';
import { newTag } from './random.js';
import { ServerTransaction } from '../transaction/server.js';
import { buildResponse, responseFrame, type ResponseFrame } from '../sip/build.js';
import { markSource } from '../sip/via.js';
import type { AppConnection } from '../app/app-connection.js';
import type { CallDialog, Context } from './context.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';

/** Key of a server transaction: RFC 3261 section 17.2.3. An ACK has the key of its INVITE; `method` asks for another's. */
export function serverKey(message: SipMessage, method = message.method): string {
  const kind = method === 'ACK' ? 'INVITE' : method;
  const via = message.via;
  if (via?.branch?.startsWith('z9hG4bK')) return `${via.branch} ${via.host}:${via.port ?? ''} ${kind}`;
  // RFC 2543 peers: the branch means nothing.
  return `${message.callId} ${message.fromTag ?? ''} ${message.cseq?.seq ?? ''} ${via?.value ?? ''} ${kind}`;
}

/** What makes two requests the same one that came by different ways (section 8.2.2.2). */
export function mergeKey(message: SipMessage): string {
  return `${message.callId} ${message.fromTag ?? ''} ${message.first('cseq') ?? ''}`;
}

/** A request from the network that is being answered. */
export class ServerRequest {
  readonly id = randomUUID();
  readonly method: string;
  readonly transaction: ServerTransaction;
  readonly message: SipMessage;
  readonly merge: string;
  readonly #frame: ResponseFrame;
  readonly #context: Context;
  #flow: Flow;
  app: AppConnection | undefined;
  dialog: CallDialog | undefined;
  /** Tag of our responses to a request without one. */
  localTag = newTag();

  constructor(context: Context, message: SipMessage, flow: Flow, on: { timeout: () => void; ended: () => void }) {
    this.#context = context;
    this.method = message.method;
    this.message = message;
    this.merge = mergeKey(message);
    this.#flow = flow;
    this.#frame = responseFrame(message, message.via ? markSource(message.via, flow.remote) : '');
    this.transaction = new ServerTransaction({
      key: serverKey(message),
      method: message.method,
      env: { ...context.env, reliable: flow.reliable },
      send: (text, again) => {
        this.send(text, again);
      },
      trying: () => {
        this.respond(100, 'Trying');
      },
      ...on,
    });
  }

  get flow(): Flow {
    return this.#flow;
  }

  /** Sends a response of the engine's own. @returns its text. */
  respond(status: number, reason: string, headers = ''): string {
    return this.respondWith(status, reason, { headers });
  }

  respondWith(status: number, reason: string, rest: { headers: string; body?: string }): string {
    const tag = status === 100 || this.message.toTag !== undefined ? {} : { tag: this.localTag };
    const recordRoute = this.method !== 'CANCEL' && status > 100 && status < 300;
    const text = buildResponse(this.#frame, status, reason, { ...tag, ...rest, recordRoute });
    this.transaction.respond(status, text);
    return text;
  }

  /** Puts a response on its way: over the request's own flow, else another connection of that peer, else a new one (section 18.2.2). */
  send(text: string, again: boolean): void {
    if (again) this.#context.counters.retransmissions.responses++;
    if (this.#flow.closed) this.#flow = this.#otherFlow() ?? this.#flow;
    this.#flow.send(text);
  }

  #otherFlow(): Flow | undefined {
    const { transports } = this.#context;
    const { via } = this.message;
    const { transport, remote } = this.#flow;
    const port = via?.port ?? (transport === 'tls' ? 5061 : 5060);
    return (
      transports.flowFrom(this.#flow) ??
      transports.flow({ transport, address: remote.address, port, name: via?.host ?? remote.address })
    );
  }
}
