/** The PBX's end of a call: its dialog, what it asks in there, and the leg that takes over when it transfers the call. */
import type {
  Dialog,
  DialogEnd,
  DialogObserver,
  Headers,
  IncomingRequest,
  OutgoingInvite,
  SipPort,
} from '../sip/port.js';
import { PbxLeg } from './pbx-leg.js';
import type { CallMediaSession } from './plan.js';
import { Transfer } from './transfer.js';

export interface PbxPartyDeps {
  readonly sip: Pick<SipPort, 'invite'>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** An INVITE to another extension of the PBX; undefined: none can be made. */
  readonly redial: (extension: string, offer: string) => OutgoingInvite | undefined;
  /** Whether another call of the gateway has this Call-ID toward the PBX. */
  readonly isOwnCall: (callId: string) => boolean;
  /** Our Contact in its dialog; absent: the SIP server's own. */
  readonly contact: string | undefined;
  readonly ended: (end: DialogEnd) => void;
  /** It has not refreshed its session in time. */
  readonly expired: () => void;
  /** Its answer to an offer of ours cannot be used, or did not come. */
  readonly unusable: () => void;
}

export class PbxParty {
  readonly #deps: PbxPartyDeps;
  #leg: PbxLeg | undefined;
  #dialog: Dialog | undefined;
  #transfer: Transfer | undefined;
  /** It hung up while its transfer was under way. */
  #left: DialogEnd | undefined;
  /** The leg that is to take over has ended before it did. */
  #nextEnded: DialogEnd | undefined;

  constructor(deps: PbxPartyDeps) {
    this.#deps = deps;
  }

  /** Our 200 to its INVITE is about to go out: the headers of its session timer. */
  accepting(invite: IncomingRequest, media: CallMediaSession): Headers {
    const leg = this.#legOn(media);
    leg.accepting(invite);
    return leg.timer.requested(invite);
  }

  confirmed(dialog: Dialog, media: CallMediaSession): void {
    this.#dialog = dialog;
    this.#legOn(media).confirmed(dialog);
  }

  /** Its 2xx to our INVITE. */
  responded(header: (name: string) => string | undefined, media: CallMediaSession): void {
    this.#legOn(media).timer.responded(header);
  }

  /** For one dialog with the PBX. */
  observer(): DialogObserver {
    let own: Dialog | undefined;
    // After a transfer the old leg still says its good-bye; it is nobody's any more.
    const isCurrent = (): boolean => {
      own ??= this.#dialog;
      return own === this.#dialog;
    };
    return {
      acked: (sdp) => {
        if (isCurrent()) this.#leg?.acked(sdp);
      },
      cancelled: () => {
        if (isCurrent()) this.#leg?.cancelled();
      },
      ended: (end) => {
        if (isCurrent()) this.#ended(end);
      },
      request: (request) => {
        if (this.#leg === undefined || !isCurrent()) request.respond({ status: 481 });
        else this.#leg.request(request);
      },
    };
  }

  /** Of its dialog; undefined: there is none yet. */
  get callId(): string | undefined {
    return this.#dialog?.callId;
  }

  bye(headers: Headers): Promise<void> {
    return this.#dialog?.bye(headers) ?? Promise.resolve();
  }

  close(): void {
    this.#transfer?.cancel();
    this.#leg?.close();
  }

  #legOn(media: CallMediaSession): PbxLeg {
    this.#leg ??= new PbxLeg({
      media,
      contact: this.#deps.contact,
      log: this.#deps.log,
      expired: this.#deps.expired,
      unusable: this.#deps.unusable,
      refer: (request) => this.#refer(request, media),
    });
    return this.#leg;
  }

  /** RFC 5589: who transfers may hang up as soon as the REFER is accepted; the call lives on in the new leg. */
  #ended(end: DialogEnd): void {
    if (this.#transfer === undefined || end.by !== 'peer') return this.#deps.ended(end);
    this.#left = end;
    this.#leg?.close();
  }

  #refer(request: IncomingRequest, media: CallMediaSession): void {
    if (this.#dialog === undefined) return request.respond({ status: 481 });
    if (this.#transfer !== undefined) return request.respond({ status: 491 });
    this.#transfer = Transfer.begin(request, this.#dialog, {
      sip: this.#deps.sip,
      invite: (extension) => this.#deps.redial(extension, media.offerToPbx()),
      observer: this.#observerOfNext(),
      isOwnCall: this.#deps.isOwnCall,
      log: this.#deps.log,
      takeOver: (dialog, sdp) => this.#takeOver(dialog, sdp, media),
      failed: () => {
        this.#transfer = undefined;
        if (this.#left !== undefined) this.#deps.ended(this.#left);
      },
    });
  }

  async #takeOver(dialog: Dialog, sdp: string, media: CallMediaSession): Promise<void> {
    await media.pbxAnswers(sdp);
    this.#transfer = undefined;
    this.#left = undefined;
    this.#leg?.close();
    this.#leg = undefined;
    this.confirmed(dialog, media);
    if (this.#nextEnded !== undefined) this.#deps.ended(this.#nextEnded);
  }

  /** For the dialog that is to take over: it is the current one once it has answered and media is there. */
  #observerOfNext(): DialogObserver {
    let taken: DialogObserver | undefined;
    this.#nextEnded = undefined;
    const observer = (): DialogObserver | undefined => {
      if (this.#transfer === undefined) taken ??= this.observer();
      return taken;
    };
    return {
      ended: (end) => {
        const taker = observer();
        if (taker === undefined) this.#nextEnded = end;
        else taker.ended(end);
      },
      request: (request) => {
        const taker = observer();
        if (taker === undefined) request.respond({ status: 491 });
        else taker.request(request);
      },
    };
  }
}
