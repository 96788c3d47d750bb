/** A request of the peer inside a dialog. */
import type { DialogIdentity, Ground } from './dialog.js';
import type { SrfRequest, SrfResponse } from './drachtio-types.js';
import { Incoming, sendResponse } from './incoming.js';
import type { Response } from './port.js';

export class IncomingInDialog extends Incoming {
  readonly #contact: string | undefined;
  readonly #cancelled: (request: IncomingInDialog) => void;

  /** `cancelled`: the re-INVITE was over before our answer left. */
  constructor(
    ground: Ground,
    dialog: DialogIdentity,
    req: SrfRequest,
    res: SrfResponse,
    cancelled: (request: IncomingInDialog) => void,
  ) {
    super(ground.agent, req, res, ground.log);
    // Both refresh the target, so both name the Contact that the dialog has (RFC 3261 12.2.2, RFC 3311 5.2).
    this.#contact = req.method === 'INVITE' || req.method === 'UPDATE' ? dialog.contact : undefined;
    this.#cancelled = cancelled;
    req.on('cancel', () => {
      this.#gone();
    });
  }

  override respond(response: Response): void {
    if (this.answered) return;
    const { status } = response;
    const success = status >= 200 && status < 300;
    const headers =
      success && this.#contact !== undefined ? { Contact: this.#contact, ...response.headers } : response.headers;
    const full = headers === undefined ? response : { ...response, headers };
    if (status >= 200) this.markAnswered();
    if (!success || this.method !== 'INVITE') {
      sendResponse(this.agent, this.res, full);
      return;
    }
    sendResponse(this.agent, this.res, full, (error) => {
      if (!error) return;
      // drachtio-srf forgets the INVITE when it is given the 200, so a CANCEL that was faster shows only here.
      this.log.debug({ callId: this.callId, err: String(error) }, '200 not sent');
      this.#cancelled(this);
    });
  }

  #gone(): void {
    if (this.answered) return;
    this.markAnswered();
    this.#cancelled(this);
  }
}
