/** An INVITE that arrived outside a dialog, until it is answered, cancelled or lost. */
import { type Ground, SipDialog } from './dialog.js';
import type { SrfMessage, SrfRequest, SrfResponse } from './drachtio-types.js';
import { headerGetter, Incoming, sendResponse } from './incoming.js';
import {
  type Dialog,
  type DialogObserver,
  type Headers,
  type IncomingInvite,
  InviteGone,
  type Response,
} from './port.js';

type CancelHandler = (reason: string | undefined, why: InviteGone['why']) => void;

type State =
  | { readonly kind: 'open' }
  | { readonly kind: 'accepting'; readonly reject: (error: InviteGone) => void }
  | { readonly kind: 'done'; readonly gone: InviteGone['why'] | undefined };

export class SipIncomingInvite extends Incoming implements IncomingInvite {
  readonly #ground: Ground;
  readonly #closed: () => void;
  #onCancel: CancelHandler | undefined;
  #state: State = { kind: 'open' };

  /** `closed` is called once, when the INVITE needs no more care. */
  constructor(ground: Ground, req: SrfRequest, res: SrfResponse, closed: () => void) {
    super(ground.agent, req, res, ground.log);
    this.#ground = ground;
    this.#closed = closed;
    req.on('cancel', (cancel: SrfMessage) => {
      this.#end('cancelled', headerGetter(cancel)('reason'));
    });
  }

  onCancel(handler: CancelHandler): void {
    this.#onCancel = handler;
  }

  override respond(response: Response): void {
    super.respond(response);
    if (response.status >= 200 && this.#state.kind === 'open') this.#finish(undefined);
  }

  accept(answer: { sdp: string; headers?: Headers }, observer: DialogObserver): Promise<Dialog> {
    const state = this.#state;
    if (state.kind !== 'open') {
      const gone = state.kind === 'done' ? state.gone : undefined;
      return Promise.reject(gone ? new InviteGone(gone) : new Error('INVITE was answered already'));
    }
    this.markAnswered();
    return new Promise<Dialog>((resolve, reject) => {
      this.#state = { kind: 'accepting', reject };
      const headers = { 'Content-Type': 'application/sdp', ...answer.headers };
      sendResponse(this.agent, this.res, { status: 200, headers, body: answer.sdp }, (error, sent) => {
        if (error) {
          // drachtio-srf forgets the INVITE when it is given the 200, so a CANCEL that was faster shows only here.
          this.log.debug({ callId: this.callId, err: String(error) }, '200 not sent');
          this.#finish('cancelled');
          reject(new InviteGone('cancelled'));
          return;
        }
        this.#finish(undefined);
        const { res, callId } = this;
        const contact = sent && headerGetter(sent)('contact');
        const identity = { id: res.stackDialogId, callId, socket: res.socket, role: 'uas', contact } as const;
        resolve(new SipDialog(this.#ground, identity, observer));
      });
    });
  }

  /** The link to the SIP server is gone. */
  lost(): void {
    this.#end('lost', undefined);
  }

  #end(why: InviteGone['why'], reason: string | undefined): void {
    const state = this.#state;
    switch (state.kind) {
      case 'open':
        this.#finish(why);
        this.markAnswered();
        this.#ground.guard('cancelled', () => this.#onCancel?.(reason, why));
        return;
      case 'accepting':
        // A CANCEL after our 200 has no effect (RFC 3261 9.2): the caller ends the dialog with BYE.
        if (why === 'cancelled') return;
        this.#finish(why);
        state.reject(new InviteGone(why));
        return;
      case 'done':
        return;
    }
  }

  #finish(gone: InviteGone['why'] | undefined): void {
    this.#state = { kind: 'done', gone };
    this.#closed();
  }
}
