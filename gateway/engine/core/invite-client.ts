import { sendAck } from './in-dialog.js';
import { contactUri, dialogId, routeSetOf } from '../dialog/dialog.js';
import type { SipMessage } from '../sip/message.js';
import type { AppConnection } from '../app/app-connection.js';
import type { CallDialog, Context } from './context.js';
import type { NewRequest } from './new-request.js';
import type { Flow } from '../transport/flow.js';
import type { Target } from '../transport/resolver.js';

/** Dialogs of one INVITE of ours, which may fork: RFC 3261 sections 12.1.2 and 13.2.2. */
export class InviteClient {
  readonly id: string;
  readonly #context: Context;
  readonly #request: NewRequest;
  readonly #app: AppConnection;
  readonly #proxy: string | undefined;
  readonly #end: (dialog: CallDialog) => void;
  readonly #early = new Set<CallDialog>();
  #answered: CallDialog | undefined;
  #local = '';

  /** @param end sends the BYE of a dialog that nobody wants. */
  constructor(
    context: Context,
    request: NewRequest,
    app: AppConnection,
    proxy: string | undefined,
    end: (dialog: CallDialog) => void,
  ) {
    this.#context = context;
    this.#request = request;
    this.#app = app;
    this.#proxy = proxy;
    this.#end = end;
    this.id = dialogId(request.callId, request.fromTag);
  }

  /** @returns true when the app is to see the response. */
  response(message: SipMessage, flow: Flow | undefined, target: Target | undefined): boolean {
    if (flow === undefined) return true;
    if (this.#local === '') this.#local = this.#request.frame(flow).from;
    if (message.status >= 300) {
      this.closed();
      return true;
    }
    const tag = message.toTag;
    if (tag === undefined) return message.status < 200;
    if (message.status >= 200) return this.#accepted(message, tag, target);
    if (message.status > 100) this.#ringing(message, tag, target);
    return true;
  }

  /** The transaction is over: what has not become a confirmed dialog goes. */
  closed(): void {
    for (const dialog of this.#early) this.#context.dialogs.remove(dialog);
    this.#early.clear();
  }

  #ringing(message: SipMessage, tag: string, target: Target | undefined): void {
    if (this.#answered !== undefined) return;
    const known = this.#context.dialogs.byTags(this.#request.callId, this.#request.fromTag, tag);
    if (known !== undefined) {
      known.remoteTarget = contactUri(message) ?? known.remoteTarget;
      return;
    }
    const dialog = this.#dialog(message, tag, 'early', target);
    this.#early.add(dialog);
    this.#context.dialogs.add(dialog);
  }

  #accepted(message: SipMessage, tag: string, target: Target | undefined): boolean {
    const known = this.#context.dialogs.byTags(this.#request.callId, this.#request.fromTag, tag);
    if (known?.state === 'confirmed') {
      known.ack?.again();
      return false;
    }
    // The answer of a dialog that has already ended, repeated because its ACK was lost.
    if (this.#answered?.remoteTag === tag) {
      this.#answered.ack?.again();
      return false;
    }
    if (known !== undefined) {
      this.#early.delete(known);
      this.#context.dialogs.remove(known);
    }
    const dialog = this.#dialog(message, tag, 'confirmed', target);
    if (known !== undefined) dialog.localSeq = known.localSeq;
    if (this.#answered !== undefined || this.#app.closed) {
      this.#surplus(dialog);
      return false;
    }
    this.#context.dialogs.add(dialog);
    this.#answered = dialog;
    return true;
  }

  /** A second answer (section 13.2.2.4), or one that nobody waits for: ACK, then BYE. */
  #surplus(dialog: CallDialog): void {
    const preferred = this.#answered;
    this.#context.dialogs.add(dialog);
    if (preferred?.state === 'confirmed') this.#context.dialogs.prefer(preferred);
    const headers = (): string => this.#request.credentials;
    sendAck(dialog, this.#context, { method: 'ACK', seq: this.#request.seq, headers, body: '' }, () => undefined);
    this.#end(dialog);
  }

  #dialog(message: SipMessage, tag: string, state: 'early' | 'confirmed', target: Target | undefined): CallDialog {
    const request = this.#request;
    return {
      id: this.id,
      role: 'uac',
      owner: this.#app,
      callId: request.callId,
      localTag: request.fromTag,
      remoteTag: tag,
      local: this.#local,
      remote: message.first('to') ?? '',
      routeSet: routeSetOf(message, 'uac'),
      proxy: this.#proxy,
      target,
      state,
      remoteTarget: contactUri(message) ?? '',
      localSeq: request.seq,
      remoteSeq: 0,
      flow: undefined,
      inviteOut: false,
      inviteIn: false,
      sentInvite: { seq: request.seq, credentials: request.credentials },
      ack: undefined,
    };
  }
}
