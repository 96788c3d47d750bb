/** An INVITE of ours, from its sending to the one outcome it has: answered or failed. */
import { type Ground, SipDialog } from './dialog.js';
import type { SrfRequest, SrfResponse } from './drachtio-types.js';
import { cleanHeaders } from './headers.js';
import { hasTag, type HeaderGetter, headerGetter, sendResponse } from './incoming.js';
import type { Headers, InviteFailure, OutgoingCall, OutgoingInvite, OutgoingObserver } from './port.js';

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
  readonly #observer: OutgoingObserver;
  readonly #closed: () => void;
  #state: State = { kind: 'sending', cancel: undefined };
  #provisional = false;
  #limit: NodeJS.Timeout | undefined;

  /** `closed` is called once, when the outcome is known. Throws when there is no link, or what is to be sent is no SIP. */
  constructor(ground: Ground, invite: OutgoingInvite, observer: OutgoingObserver, closed: () => void) {
    this.#ground = ground;
    this.#observer = observer;
    this.#closed = closed;
    checkUri(invite.requestUri);
    if (invite.nextHop !== undefined) checkUri(invite.nextHop);
    const headers = cleanHeaders({
      From: invite.from,
      To: invite.to,
      ...(invite.contact === undefined ? {} : { Contact: invite.contact }),
      'Content-Type': 'application/sdp',
      ...invite.headers,
    });
    const proxy = invite.nextHop === undefined ? {} : { proxy: invite.nextHop };
    ground.agent.request(
      { method: 'INVITE', uri: invite.requestUri, headers, body: invite.sdp, ...proxy },
      (error, request) => {
        if (error || !request) this.#fail({ kind: 'unreachable', detail: errorText(error) });
        else this.#sent(request);
      },
    );
  }

  cancel(headers: Headers = {}): void {
    if (this.#state.kind === 'sending') this.#state = { kind: 'sending', cancel: headers };
    else if (this.#state.kind === 'calling') this.#cancel(this.#state.request, headers);
  }

  /** The link to the SIP server is gone; nothing more will be heard of this INVITE. */
  lost(): void {
    this.#fail({ kind: 'unreachable', detail: 'the link to the SIP server was lost' });
  }

  #sent(request: SrfRequest): void {
    const state = this.#state;
    if (state.kind !== 'sending') return;
    this.#state = { kind: 'calling', request };
    request.on('response', (response: SrfResponse, ack: () => void) => {
      this.#ground.guard('response', () => {
        this.#onResponse(response, ack);
      });
    });
    // An UPDATE before the answer: with an offer it must wait for ours (RFC 3311 5.2). Nobody else would respond to it.
    request.on('update', (req: SrfRequest, res: SrfResponse) => {
      const status = req.msg.body ? 491 : 200;
      sendResponse(this.#ground.agent, res, { status });
    });
    this.#ground.guard('sent', () => this.#observer.sent?.(headerGetter(request.msg)('call-id') ?? ''));
    if (state.cancel) this.#cancel(request, state.cancel);
  }

  #onResponse(response: SrfResponse, ack: () => void): void {
    const { status, reason } = response;
    if (status < 200) {
      this.#provisional = true;
      if (status > 100 && this.#state.kind === 'calling') {
        this.#observer.provisional(status, reason, sdpOf(response));
      }
    } else if (status < 300) {
      ack();
      this.#answered(response);
    } else {
      this.#fail(this.#failureOf(response));
    }
  }

  #answered(response: SrfResponse): void {
    const state = this.#state;
    const header = headerGetter(response.msg);
    const callId = header('call-id') ?? '';
    const identity = { id: response.stackDialogId, callId, socket: response.socket, role: 'uac' } as const;
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
    const header = headerGetter(response.msg);
    if (!this.#provisional && madeByServer(response, header, this.#ground.embedded)) {
      return { kind: 'unreachable', detail: `${status} ${reason}` };
    }
    return { kind: 'refused', status, reason, header };
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

const MARKS_OF_A_PEER = ['server', 'user-agent', 'allow', 'contact', 'retry-after', 'warning'];

/**
 * Whether our own SIP server made this 408 or 503 for lack of any response (RFC 3261 8.1.3.1). A peer's has a To tag, as
 * RFC 3261 8.2.6.2 wants; our embedded server's has none. A drachtio-server gives no sure sign, so there a response
 * counts as the peer's when it names its maker or what it can do.
 */
function madeByServer(response: SrfResponse, header: HeaderGetter, embedded: boolean): boolean {
  if (response.status !== 408 && response.status !== 503) return false;
  if (!hasTag(header('to') ?? '')) return true;
  return !embedded && !MARKS_OF_A_PEER.some((name) => header(name) !== undefined);
}

function sdpOf(response: SrfResponse): string | undefined {
  return response.msg.body === '' ? undefined : response.msg.body;
}

function checkUri(uri: string): void {
  // The next hop travels in a line of tokens separated by "|", the request-URI in a start line.
  if (!/^[\x21-\x7e]+$/.test(uri) || uri.includes('|')) throw new TypeError(`URI ${JSON.stringify(uri)}: not a URI`);
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : typeof error === 'string' ? error : 'unknown';
}
