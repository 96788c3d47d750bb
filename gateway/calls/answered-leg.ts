/** A leg of the PBX that we dialled and that has answered, under the face of an INVITE that still waits for its answer. */
import {
  InviteGone,
  type Dialog,
  type DialogEnd,
  type DialogObserver,
  type IncomingInvite,
  type IncomingRequest,
  type Response,
  type Source,
} from '../sip/port.js';

export interface AnsweredLegFacts {
  readonly requestUri: string;
  /** The PBX's answer to our offer. */
  readonly body: string;
  readonly source: Source;
}

/**
 * The call takes it as its caller: a refusal hangs the leg up, a 200 costs nothing, a BYE before that is a CANCEL. Its
 * {@link AnsweredLeg.observer} is to be given to the INVITE.
 */
export class AnsweredLeg implements IncomingInvite {
  readonly method = 'INVITE';
  readonly requestUri: string;
  readonly body: string;
  readonly source: Source;
  readonly #dialog: Dialog;
  #observer: DialogObserver | undefined;
  #onCancel: Parameters<IncomingInvite['onCancel']>[0] | undefined;
  #end: DialogEnd | undefined;
  #refusal: string | undefined;
  /** Resolves when the user has answered. */
  readonly joined: Promise<void>;
  #resolveJoined!: () => void;

  constructor(dialog: Dialog, { requestUri, body, source }: AnsweredLegFacts) {
    this.#dialog = dialog;
    this.requestUri = requestUri;
    this.body = body;
    this.source = source;
    this.joined = new Promise((resolve) => (this.#resolveJoined = resolve));
  }

  get callId(): string {
    return this.#dialog.callId;
  }

  /** It has hung up. */
  get over(): boolean {
    return this.#end !== undefined;
  }

  /** Our code for why the call came to nothing. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  header(): undefined {
    return undefined;
  }

  respond({ status, headers }: Response): void {
    if (status < 300) return;
    const [reason, code] = [headers?.Reason, headers?.['X-WA-Error']];
    if (typeof code === 'string') this.#refusal = code;
    void this.#dialog.bye(typeof reason === 'string' ? { Reason: reason } : {});
  }

  onCancel(handler: Parameters<IncomingInvite['onCancel']>[0]): void {
    this.#onCancel = handler;
  }

  accept(_answer: { readonly sdp: string }, observer: DialogObserver): Promise<Dialog> {
    const end = this.#end;
    if (end !== undefined) return Promise.reject(new InviteGone(end.by === 'lost' ? 'lost' : 'cancelled'));
    this.#observer = observer;
    this.#resolveJoined();
    return Promise.resolve(this.#dialog);
  }

  ended(end: DialogEnd): void {
    this.#end = end;
    if (this.#observer !== undefined) return this.#observer.ended(end);
    this.#onCancel?.(end.reason, end.by === 'lost' ? 'lost' : 'cancelled');
  }

  /** Until the user has answered there is nothing that could be changed; a PBX tries again after 491. */
  request(request: IncomingRequest): void {
    if (this.#observer !== undefined) this.#observer.request(request);
    else request.respond({ status: request.method === 'OPTIONS' ? 200 : 491 });
  }

  acked(sdp: string | undefined): void {
    this.#observer?.acked?.(sdp);
  }

  cancelled(request: IncomingRequest): void {
    this.#observer?.cancelled?.(request);
  }
}
