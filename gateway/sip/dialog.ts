/** One confirmed dialog, as UAS or UAC. It ends once: by the peer, by us, by the SIP server, or with the link. */
import type { Socket } from 'node:net';
import type { SrfAgent, SrfMessage, SrfRequest, SrfResponse } from './drachtio-types.js';
import { headerGetter, sendResponse } from './incoming.js';
import { InDialogRequest, type InDialogMessage } from './in-dialog-request.js';
import { IncomingInDialog } from './incoming-in-dialog.js';
import type { SipLog } from './log.js';
import type { Credentials, Dialog, DialogEnd, DialogObserver, DialogRequest, DialogResponse, Headers } from './port.js';

/** What a dialog or an INVITE needs of the port it lives in. */
export interface Ground {
  readonly agent: SrfAgent;
  readonly log: SipLog;
  /** The server is our own, not a drachtio-server. */
  readonly embedded: boolean;
  /** Open dialogs by the SIP server's id for them. */
  readonly dialogs: Map<string, SipDialog>;
  /** Calls foreign code; an exception of it is logged and goes no further. True when it returned normally. */
  guard(what: string, run: () => void): boolean;
}

// A BYE is answered or timed out by the SIP server after 64*T1 (RFC 3261 17.1.2.2); this is for one that says nothing.
const BYE_LIMIT_MS = 40_000;

export interface DialogIdentity {
  readonly id: string;
  readonly callId: string;
  readonly socket: Socket;
  readonly role: 'uas' | 'uac';
  /** Ours, as the peer was told it: what refreshes the target must repeat it. */
  readonly contact: string | undefined;
  /** For challenges of our requests in the dialog. */
  readonly credentials?: Credentials | undefined;
}

type State =
  | { readonly kind: 'open' }
  /** `held`: not sent yet, because the callee may send BYE only after the ACK (RFC 3261 15). */
  | { readonly kind: 'ending'; readonly done: () => void; readonly held: Headers | undefined }
  | { readonly kind: 'ended' };

export class SipDialog implements Dialog {
  readonly callId: string;
  readonly #ground: Ground;
  readonly #identity: DialogIdentity;
  readonly #observer: DialogObserver;
  readonly #requests = new Set<InDialogRequest>();
  #state: State = { kind: 'open' };
  /** The ACK of the first 200, of which a BYE of the callee must wait. */
  #acked: boolean;
  /** CSeq of the last ACK: a drachtio-server may hand over the ACK of a repeated 200 again. */
  #lastAck = -1;
  #bye: Promise<void> | undefined;
  #limit: NodeJS.Timeout | undefined;

  constructor(ground: Ground, identity: DialogIdentity, observer: DialogObserver) {
    this.callId = identity.callId;
    this.#ground = ground;
    this.#identity = identity;
    this.#observer = observer;
    this.#acked = identity.role === 'uac';
    ground.dialogs.set(identity.id, this);
  }

  bye(headers: Headers = {}): Promise<void> {
    if (this.#bye) return this.#bye;
    if (this.#state.kind !== 'open') return Promise.resolve();
    this.#bye = new Promise((done) => {
      this.#state = { kind: 'ending', done, held: this.#acked ? undefined : headers };
      this.#limit = setTimeout(() => {
        this.#close();
      }, BYE_LIMIT_MS);
      if (this.#acked) this.#sendBye(headers);
    });
    return this.#bye;
  }

  request(request: DialogRequest): Promise<DialogResponse | undefined> {
    if (this.#state.kind !== 'open') return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#send(request, (response) => {
        resolve(response && responseOf(response));
      });
    });
  }

  /** An ACK of the first 200 or of one to a re-INVITE. */
  acked(ack: SrfMessage): void {
    const seq = Number.parseInt(headerGetter(ack)('cseq') ?? '', 10);
    if (seq <= this.#lastAck) return;
    this.#lastAck = seq;
    this.#acked = true;
    if (this.#state.kind === 'open') {
      const sdp = ack.body === '' ? undefined : ack.body;
      this.#ground.guard('acked', () => this.#observer.acked?.(sdp));
    } else if (this.#state.kind === 'ending' && this.#state.held) {
      const { held } = this.#state;
      this.#state = { ...this.#state, held: undefined };
      this.#sendBye(held);
    }
  }

  handle(req: SrfRequest, res: SrfResponse): void {
    if (req.method === 'BYE') {
      const header = headerGetter(req.msg);
      if (req.source === 'application') {
        this.#end({ by: 'no-ack', reason: header('reason'), header });
        return;
      }
      sendResponse(this.#ground.agent, res, { status: 200 });
      this.#end({ by: 'peer', reason: header('reason'), header });
      return;
    }
    const request = new IncomingInDialog(this.#ground, this.#identity, req, res, (gone) => {
      if (this.#state.kind !== 'open') return;
      this.#ground.guard('cancelled', () => this.#observer.cancelled?.(gone));
    });
    if (this.#state.kind !== 'open') request.respond({ status: 481 });
    else if (!this.#ground.guard(`request ${req.method}`, () => this.#observer.request(request)))
      request.respond({ status: 500 });
  }

  /** The link to the SIP server is gone, and the dialog with it. */
  lost(): void {
    this.#end({ by: 'lost', reason: undefined, header: () => undefined });
  }

  #sendBye(headers: Headers): void {
    this.#send({ method: 'BYE', headers }, () => {
      this.#close();
    });
  }

  #send(message: InDialogMessage, done: (response: SrfResponse | undefined) => void): void {
    const request = new InDialogRequest(this.#ground, this.#identity, message, {
      update: (req, res) => {
        // With an offer of ours on its way (RFC 3311 5.2).
        if (message.method === 'INVITE' && req.msg.body) sendResponse(this.#ground.agent, res, { status: 491 });
        else this.handle(req, res);
      },
      done: (response) => {
        this.#requests.delete(request);
        done(response);
      },
    });
    this.#requests.add(request);
    request.send();
  }

  /** After bye() nothing more is told: the caller knows, and both sides may hang up at once. */
  #end(end: DialogEnd): void {
    const open = this.#state.kind === 'open';
    this.#close();
    if (open) this.#ground.guard('ended', () => this.#observer.ended(end));
  }

  #close(): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    this.#state = { kind: 'ended' };
    clearTimeout(this.#limit);
    this.#ground.dialogs.delete(this.#identity.id);
    for (const request of [...this.#requests]) request.end();
    if (state.kind === 'ending') state.done();
  }
}

function responseOf(response: SrfResponse): DialogResponse {
  const { status, reason, msg } = response;
  return { status, reason, body: msg.body ?? '', header: headerGetter(msg) };
}
