/** One request of ours inside a dialog, from its sending to its final response. A challenge is answered once. */
import { answerTo } from './challenge.js';
import type { DialogIdentity, Ground } from './dialog.js';
import type { SrfAck, SrfRequest, SrfResponse } from './drachtio-types.js';
import { cleanHeaders, type Headers } from './headers.js';

// The SIP server gives up a request after 64*T1 (RFC 3261 17.1.2.2); this is for one that says nothing.
const LIMIT_MS = 40_000;
// Requests that refresh the remote target carry the dialog's Contact (RFC 3261 12.2.1, RFC 3311 5.1, RFC 6665 4.4.2).
const WITH_CONTACT = ['INVITE', 'UPDATE', 'NOTIFY'];

export interface InDialogMessage {
  readonly method: string;
  readonly headers?: Headers;
  readonly body?: string;
}

export interface InDialogUser {
  /** An UPDATE of the peer that came while this request waits: drachtio-srf gives it to nobody else. */
  update(req: SrfRequest, res: SrfResponse): void;
  /** Called once; undefined when no response came in time, or none can come. */
  done(response: SrfResponse | undefined): void;
}

export class InDialogRequest {
  readonly #ground: Ground;
  readonly #dialog: DialogIdentity;
  readonly #message: InDialogMessage;
  readonly #user: InDialogUser;
  readonly #limit: NodeJS.Timeout;
  #sent: SrfRequest | undefined;
  #challenged = false;
  #over = false;

  constructor(ground: Ground, dialog: DialogIdentity, message: InDialogMessage, user: InDialogUser) {
    this.#ground = ground;
    this.#dialog = dialog;
    this.#message = message;
    this.#user = user;
    this.#limit = setTimeout(() => {
      this.#giveUp();
    }, LIMIT_MS);
  }

  send(): void {
    this.#send({}, undefined);
  }

  /** The dialog is over: a response is of no use any more. Idempotent. */
  end(): void {
    this.#finish(undefined);
  }

  #send(extra: Headers, uri: string | undefined): void {
    const { agent } = this.#ground;
    const { method, headers, body } = this.#message;
    const { id, socket, contact } = this.#dialog;
    const refresh = contact !== undefined && WITH_CONTACT.includes(method) ? { Contact: contact } : {};
    const all = { ...refresh, ...headers, ...extra };
    try {
      agent.request(
        {
          method,
          headers: cleanHeaders(all),
          stackDialogId: id,
          _socket: socket,
          ...(uri === undefined ? {} : { uri }),
          ...(body === undefined ? {} : { body }),
        },
        (error, req) => {
          if (error || !req) this.#unsent(error);
          else this.#onSent(req);
        },
      );
    } catch (error) {
      this.#unsent(error);
    }
  }

  #unsent(error: unknown): void {
    this.#ground.log.debug(
      { callId: this.#dialog.callId, method: this.#message.method, err: String(error) },
      'request not sent',
    );
    this.#finish(undefined);
  }

  #onSent(req: SrfRequest): void {
    this.#sent = req;
    req.on('update', (update: SrfRequest, res: SrfResponse) => {
      this.#user.update(update, res);
    });
    req.on('response', (res: SrfResponse, ack: SrfAck) => {
      this.#ground.guard(`response to ${this.#message.method}`, () => {
        this.#onResponse(req, res, ack);
      });
    });
  }

  #onResponse(req: SrfRequest, res: SrfResponse, ack: SrfAck): void {
    if (res.status < 200) return;
    const { method } = this.#message;
    const { credentials } = this.#dialog;
    // Whoever waits or not: a 2xx without its ACK is repeated, and then ends the dialog.
    if (method === 'INVITE' && res.status < 300) ack();
    if (this.#over) return;
    // As it was sent: the server has put the remote target of the dialog in.
    const { uri } = req;
    const answer = this.#challenged || !credentials ? undefined : answerTo(res, { method, uri }, credentials);
    if (!answer) {
      this.#finish(res);
      return;
    }
    this.#challenged = true;
    this.#send(answer.headers, uri);
  }

  #giveUp(): void {
    if (this.#message.method === 'INVITE') {
      this.#sent?.cancel({}, (error) => {
        if (error) this.#ground.log.debug({ callId: this.#dialog.callId, err: String(error) }, 'CANCEL not sent');
      });
    }
    this.#finish(undefined);
  }

  #finish(response: SrfResponse | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#limit);
    this.#user.done(response);
  }
}
