/**
 * What the PBX asks inside its dialog: hold, transfer, refresh, keys. All of it is answered here, on the PBX's side;
 * nothing ever reaches Meta, which refuses every change of a call.
 */
import { MediaFailure, type PbxSide } from '../media/port.js';
import type { Dialog, Headers, IncomingRequest, Response } from '../sip/port.js';
import { infoKey } from './info-key.js';
import { SessionTimer, tooShortInterval } from './session-timer.js';

export interface PbxLegDeps {
  readonly media: PbxSide;
  /** Our Contact toward the PBX; absent: the SIP server's own. */
  readonly contact: string | undefined;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** The PBX has not refreshed its session in time. */
  readonly expired: () => void;
  /** The PBX's answer in an ACK cannot be used, or did not come. */
  readonly unusable: () => void;
  readonly refer: (request: IncomingRequest) => void;
}

export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REFER, NOTIFY';

export class PbxLeg {
  readonly timer: SessionTimer;
  readonly #deps: PbxLegDeps;
  #dialog: Dialog | undefined;
  /** An offer of the PBX is being answered. */
  #negotiating = false;
  /** Our offer is out; the ACK brings the answer. */
  #offered = false;

  constructor(deps: PbxLegDeps) {
    this.#deps = deps;
    this.timer = new SessionTimer({ expired: deps.expired, refresh: () => void this.#refresh() });
  }

  /** Our 200 to its INVITE is about to go out, with our offer where the INVITE had none. */
  accepting(invite: Pick<IncomingRequest, 'body'>): void {
    this.#offered = invite.body === '';
  }

  /** The dialog is there. */
  confirmed(dialog: Dialog): void {
    this.#dialog = dialog;
  }

  acked(sdp: string | undefined): void {
    if (!this.#offered) return;
    this.#offered = false;
    if (sdp === undefined || sdp === '') return this.#deps.unusable();
    this.#deps.media.pbxAnswers(sdp).catch((error: unknown) => {
      this.#deps.log.warn({ err: String(error) }, "the PBX's answer in its ACK cannot be used");
      this.#deps.unusable();
    });
  }

  /** A re-INVITE is over before our 200 left: no ACK comes. */
  cancelled(): void {
    this.#offered = false;
  }

  request(request: IncomingRequest): void {
    switch (request.method) {
      case 'INVITE':
      case 'UPDATE':
        return this.#renew(request);
      case 'INFO':
        return this.#info(request);
      case 'REFER':
        return this.#deps.refer(request);
      case 'OPTIONS':
        return request.respond({ status: 200, headers: { Allow: ALLOW } });
      case 'NOTIFY':
        return request.respond({ status: 200 });
      default:
        return request.respond({ status: 405, headers: { Allow: ALLOW } });
    }
  }

  close(): void {
    this.timer.close();
  }

  #renew(request: IncomingRequest): void {
    const offer = request.body;
    // RFC 3311 5.2: one offer at a time.
    if (offer !== '' && (this.#negotiating || this.#offered)) return request.respond({ status: 491 });
    const minSe = tooShortInterval(request);
    if (minSe !== undefined) return request.respond({ status: 422, headers: { 'Min-SE': String(minSe) } });
    const headers = { ...this.#contact(), Allow: ALLOW, ...this.timer.requested(request) };
    if (offer !== '') return void this.#answer(request, headers);
    if (request.method === 'UPDATE') return request.respond({ status: 200, headers });
    this.#offered = true;
    request.respond(withSdp(headers, this.#deps.media.offerToPbx()));
  }

  async #answer(request: IncomingRequest, headers: Headers): Promise<void> {
    this.#negotiating = true;
    try {
      const sdp = await this.#deps.media.pbxOffers(request.body, request.source.address);
      request.respond(withSdp(headers, sdp));
    } catch (error) {
      // The session stays as it was (RFC 3261 14.1).
      const detail = error instanceof MediaFailure ? error.message : String(error);
      this.#deps.log.warn({ method: request.method, detail }, "the PBX's offer cannot be served");
      request.respond({ status: 488, headers: { Warning: `399 wa-trunk "${detail.replace(/["\\]/g, "'")}"` } });
    } finally {
      this.#negotiating = false;
    }
  }

  #info(request: IncomingRequest): void {
    const type = request.header('content-type') ?? request.header('c');
    const key = infoKey(type, request.body);
    if (key !== undefined) this.#deps.media.sendKey(key.key, key.durationMs);
    // An INFO without a body asks whether the dialog is alive (RFC 2976).
    if (key !== undefined || request.body === '') return request.respond({ status: 200 });
    request.respond({ status: 415, headers: { Accept: 'application/dtmf-relay, application/dtmf' } });
  }

  /** The PBX wants us to refresh: with UPDATE, else with a re-INVITE that changes nothing (RFC 4028 7.4). */
  async #refresh(): Promise<void> {
    const headers = { ...this.#contact(), ...this.timer.refreshing };
    let response = await this.#dialog?.request({ method: 'UPDATE', headers });
    if (response !== undefined && (response.status === 405 || response.status === 501)) {
      const body = this.#deps.media.offerToPbx();
      response = await this.#dialog?.request({ method: 'INVITE', headers, body });
      if (response?.status === 200) await this.#deps.media.pbxAnswers(response.body).catch(() => this.#deps.unusable());
    }
    // RFC 4028 7.4: no answer, or a dialog that the peer no longer knows.
    const gone = response === undefined || response.status === 408 || response.status === 481;
    if (gone) this.#deps.expired();
    else if (response !== undefined && response.status < 300) this.timer.responded((name) => response.header(name));
  }

  #contact(): Headers {
    return this.#deps.contact === undefined ? {} : { Contact: this.#deps.contact };
  }
}

function withSdp(headers: Headers, body: string): Response {
  return { status: 200, headers: { ...headers, 'Content-Type': 'application/sdp' }, body };
}
