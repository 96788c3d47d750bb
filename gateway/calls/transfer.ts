/**
 * REFER from the PBX on its own leg: the trunk dials the named extension of the same PBX, which takes over the WhatsApp
 * user (RFC 3515, RFC 5589 6.1). A PBX transfers inside itself as a rule; this is for those that hand it to the trunk.
 */
import { parseNameAddr } from '../sip/headers.js';
import type { Dialog, DialogObserver, IncomingRequest, OutgoingCall, OutgoingInvite, SipPort } from '../sip/port.js';
import { parseUri } from '../sip/uri.js';

export interface TransferDeps {
  readonly sip: Pick<SipPort, 'invite'>;
  /** undefined: no such INVITE can be made. */
  readonly invite: (extension: string) => OutgoingInvite | undefined;
  /** For the dialog of the new leg. */
  readonly observer: DialogObserver;
  readonly log: { info(fields: object, message: string): void };
  /** The new leg answered; it is to take over, and rejects when its SDP cannot be used. */
  readonly takeOver: (dialog: Dialog, sdp: string) => Promise<void>;
  /** Nobody answered. */
  readonly failed: () => void;
}

const LONGEST_MS = 60_000;

/** One transfer, from the REFER to its outcome. */
export class Transfer {
  readonly #deps: TransferDeps;
  readonly #dialog: Dialog;
  #calling: OutgoingCall | undefined;
  #limit: NodeJS.Timeout | undefined;
  #over = false;

  private constructor(deps: TransferDeps, dialog: Dialog) {
    this.#deps = deps;
    this.#dialog = dialog;
  }

  /** Answers the REFER; undefined when it was refused. `dialog`: the one it came in. */
  static begin(request: IncomingRequest, dialog: Dialog, deps: TransferDeps): Transfer | undefined {
    const target = parseNameAddr(request.header('refer-to') ?? request.header('r') ?? '');
    const uri = parseUri(target?.uri ?? '');
    const refuse = (status: number, reason: string): undefined => {
      deps.log.info({ status, reason, referTo: target?.uri }, 'transfer refused');
      request.respond({ status, reason });
      return undefined;
    };
    if (uri?.user === undefined || uri.user === '') return refuse(400, 'Refer-To has no extension');
    // The call to be replaced is between the PBX and one of its phones: the PBX alone can join the two.
    if (/(?:^|&)replaces=/i.test(uri.headers)) return refuse(603, 'Attended transfer is done by the PBX');
    const invite = deps.invite(uri.user);
    if (invite === undefined) return refuse(603, 'No trunk to transfer over');
    request.respond({ status: 202 });
    const transfer = new Transfer(deps, dialog);
    transfer.#start(invite, uri.user);
    return transfer;
  }

  cancel(): void {
    if (this.#over) return;
    this.#finish();
    this.#calling?.cancel();
  }

  #start(invite: OutgoingInvite, extension: string): void {
    this.#deps.log.info({ extension }, 'transfer begins');
    this.#notify('SIP/2.0 100 Trying', false);
    this.#limit = setTimeout(() => {
      this.#calling?.cancel();
      this.#fail('SIP/2.0 408 Request Timeout');
    }, LONGEST_MS);
    this.#calling = this.#deps.sip.invite(invite, {
      provisional: (status, reason) => this.#notify(`SIP/2.0 ${status} ${reason}`, false),
      answered: (dialog, sdp) => void this.#answered(dialog, sdp),
      failed: (failure) => {
        const text = failure.kind === 'refused' ? `${failure.status} ${failure.reason}` : '503 Service Unavailable';
        this.#fail(`SIP/2.0 ${text}`);
      },
      dialog: this.#deps.observer,
    });
  }

  async #answered(dialog: Dialog, sdp: string): Promise<void> {
    if (this.#over) return void dialog.bye();
    try {
      await this.#deps.takeOver(dialog, sdp);
    } catch {
      void dialog.bye();
      return this.#fail('SIP/2.0 488 Not Acceptable Here');
    }
    if (this.#over) return;
    this.#finish();
    this.#notify('SIP/2.0 200 OK', true);
    void this.#dialog.bye();
  }

  #fail(sipfrag: string): void {
    if (this.#over) return;
    this.#finish();
    this.#deps.log.info({ sipfrag }, 'transfer failed');
    this.#notify(sipfrag, true);
    this.#deps.failed();
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#limit);
  }

  #notify(sipfrag: string, last: boolean): void {
    const state = last ? 'terminated;reason=noresource' : 'active;expires=60';
    void this.#dialog.request({
      method: 'NOTIFY',
      headers: { Event: 'refer', 'Subscription-State': state, 'Content-Type': 'message/sipfrag;version=2.0' },
      body: `${sipfrag}\r\n`,
    });
  }
}
