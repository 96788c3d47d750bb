/** An INVITE of ours, challenges and their answers included, from its sending to the one outcome it has. */
import { answerTo, type ChallengeAnswer } from './challenge.js';
import { type Ground, SipDialog } from './dialog.js';
import type { SrfAck, SrfRequest, SrfRequestOptions, SrfResponse } from './drachtio-types.js';
import { cleanHeaders } from './headers.js';
import { headerGetter, sendResponse } from './incoming.js';
import { checkUri, errorText, madeByServer } from './outgoing.js';
import type { Headers, InviteFailure, OutgoingCall, OutgoingInvite, OutgoingObserver } from './port.js';
import { isAddress, parseUri, uriHost } from './uri.js';

// The SIP server gives up a cancelled INVITE after 64*T1 (RFC 3261 9.1); this is for one that says nothing.
const CANCEL_LIMIT_MS = 40_000;

type State =
  /** Handed over; the SIP server has not yet told that it was sent. */
  | { readonly kind: 'sending'; readonly cancel: Headers | undefined }
  | { readonly kind: 'calling'; readonly request: SrfRequest }
  | { readonly kind: 'cancelling' }
  | { readonly kind: 'done' };

export class SipOutgoingInvite implements OutgoingCall {
  readonly #ground: Ground;
  readonly #invite: OutgoingInvite;
  readonly #observer: OutgoingObserver;
  readonly #closed: () => void;
  #state: State = { kind: 'sending', cancel: undefined };
  #provisional = false;
  /** What the INVITE on its way carries; undefined: it is the first. */
  #answer: ChallengeAnswer | undefined;
  #renewed = false;
  #limit: NodeJS.Timeout | undefined;

  /** `closed` is called once, when the outcome is known. Throws when there is no link, or what is to be sent is no SIP. */
  constructor(ground: Ground, invite: OutgoingInvite, observer: OutgoingObserver, closed: () => void) {
    this.#ground = ground;
    this.#invite = invite;
    this.#observer = observer;
    this.#closed = closed;
    checkUri(invite.requestUri);
    if (invite.nextHop !== undefined) checkUri(invite.nextHop);
    this.#send({}, invite.nextHop === undefined ? {} : { proxy: invite.nextHop });
  }

  cancel(headers: Headers = {}): void {
    if (this.#state.kind === 'sending') this.#state = { kind: 'sending', cancel: headers };
    else if (this.#state.kind === 'calling') this.#cancel(this.#state.request, headers);
  }

  /** The link to the SIP server is gone; nothing more will be heard of this INVITE. */
  lost(): void {
    this.#fail({ kind: 'unreachable', detail: 'the link to the SIP server was lost' });
  }

  #send(headers: Headers, way: Pick<SrfRequestOptions, 'proxy' | '_socket'>): void {
    const { requestUri, from, to, contact, sdp } = this.#invite;
    const all = {
      From: from,
      To: to,
      ...(contact === undefined ? {} : { Contact: contact }),
      'Content-Type': 'application/sdp',
      ...this.#invite.headers,
      ...headers,
    };
    this.#state = { kind: 'sending', cancel: undefined };
    this.#provisional = false;
    this.#ground.agent.request(
      { method: 'INVITE', uri: requestUri, headers: cleanHeaders(all), body: sdp, ...way },
      (error, request) => {
        if (error || !request) this.#fail({ kind: 'unreachable', detail: errorText(error) });
        else this.#sent(request);
      },
    );
  }

  #sent(request: SrfRequest): void {
    const state = this.#state;
    if (state.kind !== 'sending') return;
    this.#state = { kind: 'calling', request };
    request.on('response', (response: SrfResponse, ack: SrfAck) => {
      this.#ground.guard('response', () => {
        this.#onResponse(request, response, ack);
      });
    });
    // An UPDATE before the answer: with an offer it must wait for ours (RFC 3311 5.2). Nobody else would respond to it.
    request.on('update', (req: SrfRequest, res: SrfResponse) => {
      const status = req.msg.body ? 491 : 200;
      sendResponse(this.#ground.agent, res, { status });
    });
    if (!this.#answer) {
      this.#ground.guard('sent', () => this.#observer.sent?.(headerGetter(request.msg)('call-id') ?? ''));
    }
    if (state.cancel) this.#cancel(request, state.cancel);
  }

  #onResponse(request: SrfRequest, response: SrfResponse, ack: SrfAck): void {
    const { status, reason } = response;
    if (status < 200) {
      this.#provisional = true;
      if (status > 100 && this.#state.kind === 'calling') {
        this.#observer.provisional(status, reason, sdpOf(response));
      }
    } else if (status < 300) {
      // The ACK carries the credentials of its INVITE (RFC 3261 22.1): the embedded server sees to it.
      ack(this.#answer && !this.#ground.embedded ? { headers: { ...this.#answer.headers } } : {});
      this.#answered(request, response);
    } else if (!this.#tryAgain(request, response)) {
      this.#fail(this.#failureOf(response));
    }
  }

  /** Answers a challenge, and once more when the nonce has expired meanwhile. */
  #tryAgain(request: SrfRequest, response: SrfResponse): boolean {
    const { credentials, requestUri } = this.#invite;
    if (this.#state.kind !== 'calling' || !credentials) return false;
    const answer = answerTo(response, { method: 'INVITE', uri: requestUri }, credentials);
    if (!answer || (this.#answer && (!answer.stale || this.#renewed))) return false;
    this.#renewed = this.#answer !== undefined;
    this.#answer = answer;
    const sent = headerGetter(request.msg);
    const same = { From: sent('from') ?? this.#invite.from, 'Call-ID': sent('call-id') ?? '' };
    const cseq = `${Number.parseInt(sent('cseq') ?? '', 10) + 1} INVITE`;
    try {
      this.#send({ ...same, CSeq: cseq, ...answer.headers }, { ...this.#way(response), _socket: response.socket });
    } catch (error) {
      this.#fail({ kind: 'unreachable', detail: errorText(error) });
    }
    return true;
  }

  /**
   * To the host that challenged, the only one sure to know the nonce. The embedded server goes there by itself; a
   * drachtio-server would look the name up again.
   */
  #way(response: SrfResponse): { proxy?: string } {
    const { nextHop, requestUri } = this.#invite;
    const hop = parseUri(nextHop ?? requestUri);
    if (this.#ground.embedded || !hop || isAddress(hop.host)) return nextHop === undefined ? {} : { proxy: nextHop };
    const { source_address: address, source_port: port, protocol } = response;
    return { proxy: `sip:${uriHost(address)}:${port};transport=${protocol}` };
  }

  #answered(request: SrfRequest, response: SrfResponse): void {
    const state = this.#state;
    const header = headerGetter(response.msg);
    const identity = {
      id: response.stackDialogId,
      callId: header('call-id') ?? '',
      socket: response.socket,
      role: 'uac',
      contact: headerGetter(request.msg)('contact'),
      credentials: this.#invite.credentials,
    } as const;
    const dialog = new SipDialog(this.#ground, identity, this.#observer.dialog);
    if (state.kind === 'calling') {
      this.#finish();
      this.#ground.guard('answered', () => {
        this.#observer.answered(dialog, sdpOf(response) ?? '', header);
      });
      return;
    }
    // Our CANCEL crossed the 200 (RFC 3261 9.1): the call that nobody wants any more is ended.
    void dialog.bye();
    this.#fail({ kind: 'cancelled' });
  }

  #cancel(request: SrfRequest, headers: Headers): void {
    this.#state = { kind: 'cancelling' };
    this.#limit = setTimeout(() => {
      this.#fail({ kind: 'cancelled' });
    }, CANCEL_LIMIT_MS);
    try {
      request.cancel({ headers: cleanHeaders(headers) }, (error) => {
        // Refused because the INVITE is over: its final response is on the way to us.
        if (error) this.#ground.log.debug({ err: errorText(error) }, 'CANCEL not sent');
      });
    } catch (error) {
      this.#ground.log.debug({ err: errorText(error) }, 'CANCEL not sent');
    }
  }

  #failureOf(response: SrfResponse): InviteFailure {
    const { status, reason } = response;
    if (!this.#provisional && madeByServer(response, this.#ground.embedded)) {
      return { kind: 'unreachable', detail: `${status} ${reason}` };
    }
    const authenticated = this.#answer !== undefined;
    return { kind: 'refused', status, reason, authenticated, header: headerGetter(response.msg) };
  }

  #fail(failure: InviteFailure): void {
    const { kind } = this.#state;
    if (kind === 'done') return;
    const cancelled = kind === 'cancelling' || (kind === 'sending' && this.#state.cancel !== undefined);
    this.#finish();
    this.#ground.guard('failed', () => {
      this.#observer.failed(cancelled ? { kind: 'cancelled' } : failure);
    });
  }

  #finish(): void {
    this.#state = { kind: 'done' };
    clearTimeout(this.#limit);
    this.#closed();
  }
}

function sdpOf(response: SrfResponse): string | undefined {
  return response.msg.body === '' ? undefined : response.msg.body;
}
