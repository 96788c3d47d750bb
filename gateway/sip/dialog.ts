/** One confirmed dialog, as UAS or UAC. It ends once: by the peer, by us, by the SIP server, or with the link. */
import type { Socket } from 'node:net';
import type { SrfAgent, SrfRequest, SrfResponse } from './drachtio-types.js';
import { cleanHeaders } from './headers.js';
import { headerGetter, Incoming, sendResponse } from './incoming.js';
import type { SipLog } from './log.js';
import type { Dialog, DialogEnd, DialogObserver, Headers } from './port.js';

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
  #state: State = { kind: 'open' };
  #acked: boolean;
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

  acked(): void {
    if (this.#acked) return;
    this.#acked = true;
    if (this.#state.kind === 'ending') this.#sendBye(this.#state.held ?? {});
    else this.#ground.guard('acked', () => this.#observer.acked?.());
  }

  handle(req: SrfRequest, res: SrfResponse): void {
    const { agent, log } = this.#ground;
    if (req.method === 'BYE') {
      const header = headerGetter(req.msg);
      if (req.source === 'application') {
        this.#end({ by: 'no-ack', reason: header('reason'), header });
        return;
      }
      sendResponse(agent, res, { status: 200 });
      this.#end({ by: 'peer', reason: header('reason'), header });
      return;
    }
    const request = new Incoming(agent, req, res, log);
    if (this.#state.kind !== 'open') request.respond({ status: 481 });
    else if (!this.#ground.guard(`request ${req.method}`, () => this.#observer.request(request)))
      request.respond({ status: 500 });
  }

  /** The link to the SIP server is gone, and the dialog with it. */
  lost(): void {
    this.#end({ by: 'lost', reason: undefined, header: () => undefined });
  }

  #sendBye(headers: Headers): void {
    const { agent, log } = this.#ground;
    const gone = (error: unknown) => {
      log.debug({ callId: this.callId, err: String(error) }, 'BYE not sent');
      this.#close();
    };
    try {
      const { id, socket } = this.#identity;
      agent.request(
        { method: 'BYE', headers: cleanHeaders(headers), stackDialogId: id, _socket: socket },
        (error, req) => {
          if (error || !req) gone(error);
          else
            req.on('response', (res: SrfResponse) => {
              if (res.status >= 200) this.#close();
            });
        },
      );
    } catch (error) {
      gone(error);
    }
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
    if (state.kind === 'ending') state.done();
  }
}
