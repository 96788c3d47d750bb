import type { CallDialog, Context } from './context.js';
import type { ServerRequest } from './server-request.js';

/** A 2xx to an INVITE, sent again until its ACK comes: RFC 3261 section 13.3.1.4. */
export class Answer {
  readonly dialog: CallDialog;
  readonly seq: number;
  readonly #request: ServerRequest;
  readonly #text: string;
  readonly #t2: number;
  #interval: number;
  #repeat: NodeJS.Timeout;
  readonly #limit: NodeJS.Timeout;

  /** @param expired no ACK came within 64 × T1. */
  constructor(context: Context, request: ServerRequest, dialog: CallDialog, text: string, expired: () => void) {
    this.dialog = dialog;
    this.seq = request.message.cseq?.seq ?? 0;
    this.#request = request;
    this.#text = text;
    this.#interval = context.timers.t1;
    this.#t2 = context.timers.t2;
    this.#repeat = setTimeout(() => {
      this.#again();
    }, this.#interval);
    this.#limit = setTimeout(() => {
      this.close();
      expired();
    }, 64 * context.timers.t1);
  }

  /** The ACK came, or the dialog is over. Idempotent. */
  close(): void {
    clearTimeout(this.#repeat);
    clearTimeout(this.#limit);
  }

  #again(): void {
    this.#request.send(this.#text, true);
    this.#interval = Math.min(2 * this.#interval, this.#t2);
    this.#repeat = setTimeout(() => {
      this.#again();
    }, this.#interval);
  }
}
