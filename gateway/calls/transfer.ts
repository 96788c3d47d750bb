/**
 * REFER from the PBX on its own leg: the trunk dials the named extension of the same PBX, which takes over the WhatsApp
 * user (RFC 3515, RFC 5589 6.1). A PBX transfers inside itself as a rule; this is for those that hand it to the trunk.
 *
 * An attended transfer names the call to be replaced: the INVITE says so (RFC 3891, RFC 5589 7), and whoever has that call
 * takes over. Who has not, or does not know Replaces, refuses (481, 420): the PBX hears that, and the call stays as it was.
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
  /** Whether another call of the gateway has this Call-ID toward the PBX. */
  readonly isOwnCall: (callId: string) => boolean;
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
    const replaced = readReplaces(uri.headers);
    if (replaced === 'unreadable') return refuse(400, 'Replaces cannot be read');
    // Its far end is another WhatsApp user, not an extension: the INVITE would put him out of his call.
    if (replaced !== undefined && deps.isOwnCall(replaced.callId))
      return refuse(603, 'Two WhatsApp users cannot be joined');
    const invite = deps.invite(uri.user);
    if (invite === undefined) return refuse(603, 'No trunk to transfer over');
    request.respond({ status: 202 });
    const transfer = new Transfer(deps, dialog);
    transfer.#start(replaced === undefined ? invite : replacing(invite, replaced), uri.user);
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

interface Replaced {
  readonly callId: string;
  /** Value of Replaces. */
  readonly value: string;
}

/** @param headers of the Refer-To URI, as written. Those other than Replaces do not count. */
function readReplaces(headers: string): Replaced | 'unreadable' | undefined {
  const written = headers.split('&').find((header) => /^replaces=/i.test(header));
  if (written === undefined) return undefined;
  const value = decoded(written.slice(written.indexOf('=') + 1));
  const [callId = '', ...params] = (value ?? '').split(';');
  const names = params.map((param) => param.split('=')[0]?.trim().toLowerCase());
  const complete = names.includes('to-tag') && names.includes('from-tag');
  if (value === undefined || !/^[\x21-\x7e]+$/.test(value) || callId === '' || !complete) return 'unreadable';
  return { callId, value };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 5589 7.1: with Require, so that of several phones of an extension only the one that has the call answers. */
function replacing(invite: OutgoingInvite, { value }: Replaced): OutgoingInvite {
  return { ...invite, headers: { ...invite.headers, Replaces: value, Require: 'replaces' } };
}
