import type { OutgoingInviteRequest, Session } from 'sip.js/lib/core/index.js';
import { MetaDigest } from './digest.js';
import { Exchange } from './exchange.js';
import { identify, type CallIdentity, type CallParties } from './identity.js';
import type { LadderEntry } from './ladder.js';
import { LinkError } from './link.js';
import type { MediaPort } from './media-port.js';
import type { Report, SipRuleId, Violation } from './rules-used.js';
import type { SipSocket } from './sip-socket.js';
import { cseq, statusOf, type SipText } from './sip-text.js';
import { damage, type InviteFault } from './faults.js';
import { Wire } from './wire.js';

/** RFC 3261 section 9.1: a cancelled INVITE that gets no final answer is over after 64*T1. */
const CANCEL_LIMIT_MS = 32_000;
/** WhatsApp gives up after 30 to 60 s of ringing. */
const ANSWER_LIMIT_MS = 60_000;

export interface CallOptions extends CallParties {
  readonly media: MediaPort;
  /** The SIP password of the number; without one a challenge ends the call. */
  readonly password?: string;
  /** Meta leaves the plus out of the digest's user name. */
  readonly username?: 'without-plus' | 'with-plus';
  /** How long the user lets it ring, in ms; default 60 000. */
  readonly answerLimitMs?: number;
  /** Source address of the link, e.g. an untrusted 127.0.0.x; default chosen by the system. */
  readonly localAddress?: string;
  /** Sends CANCEL when the 200 has arrived, before the ACK: the two cross, as the gateway sees it. */
  readonly cancelCrossesAnswer?: boolean;
  readonly fault?: InviteFault;
  /** Keep every message for `ladder()`; default true. */
  readonly keepLadder?: boolean;
}

export interface Answered {
  /** The SDP of the 200, '' without one. */
  readonly sdp: string;
  /** Milliseconds from the INVITE that was accepted, and from the first, to the 200. */
  readonly delayMs: number;
  readonly delayFromFirstMs: number;
}

export interface Ended {
  readonly by: 'user' | 'business' | 'meta';
  /** `rejected` carries status and reason phrase, `business/hangup` the Reason header if there was one. */
  readonly cause:
    'hangup' | 'cancelled' | 'rejected' | 'no-answer' | 'no-response' | 'no-ack' | 'unreachable' | 'closed' | SipRuleId;
  /** Final status: of the INVITE where it was not accepted, of the BYE where the stand-in sent one. */
  readonly status?: number;
  readonly reason?: string;
}

/** When things happened, in ms since the call began. */
export interface CallTimes {
  invite?: number;
  /** The INVITE that answers the challenge. */
  authorizedInvite?: number;
  ringing?: number;
  answer?: number;
  ack?: number;
  end?: number;
}

/** What a call needs of the edge. */
export interface CallHost {
  readonly hostname: string;
  send(raw: string, localAddress: string | undefined): Promise<void>;
  report(rule: SipRuleId, detail: string, callId: string): Violation;
  /** The call is over; its exchange lingers for late messages. */
  over(call: Call): void;
}

type State =
  | { readonly kind: 'calling' }
  | { readonly kind: 'cancelling'; readonly end: Ended }
  | { readonly kind: 'answered'; readonly session: Session }
  | { readonly kind: 'hanging-up'; readonly end: Ended }
  | { readonly kind: 'ended' };

/** A call of a WhatsApp user to the business, on Meta's side of the trunk. */
export class Call {
  readonly id: CallIdentity;
  readonly exchange: Exchange;
  readonly times: CallTimes = {};
  /** Resolves at the 200; with undefined if the call ends without one. */
  readonly answered: Promise<Answered | undefined>;
  /** Resolves at the first 180 or 183; with undefined if the call gets a final answer without one. */
  readonly ringing: Promise<number | undefined>;
  /** Resolves when the call is over, however it ends. */
  readonly ended: Promise<Ended>;

  readonly #started = performance.now();
  readonly #ladder: LadderEntry[] = [];
  readonly #violations: Violation[] = [];
  #state: State = { kind: 'calling' };
  #invite: OutgoingInviteRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #linkError: LinkError | undefined;
  #heard = false;
  #resolveAnswered!: (answered: Answered | undefined) => void;
  #resolveRinging!: (status: number | undefined) => void;
  #resolveEnded!: (ended: Ended) => void;

  constructor(
    readonly options: CallOptions,
    private readonly host: CallHost,
  ) {
    this.id = identify(options, host.hostname);
    this.answered = new Promise((resolve) => (this.#resolveAnswered = resolve));
    this.ringing = new Promise((resolve) => (this.#resolveRinging = resolve));
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    const faults = { omitContact: options.fault === 'missing-contact' };
    const wire = new Wire(this.id, faults, () => [['x-wa-meta-call-duration', String(this.#talkSeconds())]]);
    this.exchange = new Exchange(this.id, wire, {
      hostname: host.hostname,
      send: (raw) => this.#send(raw),
      report: this.#report,
      record: (direction, raw) => {
        this.#record(direction, raw);
      },
      onResponse: (response) => {
        this.#onResponse(response);
      },
      digest: () => this.#digest(),
    });
  }

  /** Sends the INVITE. Called once, by the edge. */
  start(): void {
    const { options } = this;
    options.media.on('timeout', (rule) => {
      this.#end(rule);
    });
    this.#timer = setTimeout(() => {
      if (this.#heard) this.#cancel({ by: 'meta', cause: 'no-answer' });
      else this.#finish({ by: 'meta', cause: 'no-response' });
    }, options.answerLimitMs ?? ANSWER_LIMIT_MS);
    const sdp = damage(options.media.offerSdp(), options.fault);
    this.times.invite = this.#now();
    this.#invite = this.exchange.core.invite(this.exchange.request('INVITE', sdp), {
      onAccept: (accepted) => {
        this.#onAccept(accepted.message.body, accepted.session, () => accepted.ack());
      },
      onReject: ({ message }) => {
        this.#onFinal(message.data === undefined, message.statusCode ?? 0, message.reasonPhrase ?? '');
      },
      onRedirect: ({ message }) => {
        this.#onFinal(false, message.statusCode ?? 0, message.reasonPhrase ?? '');
      },
    });
  }

  /** A message of the gateway with this Call-ID. */
  receive(raw: string, text: SipText, from: SipSocket): void {
    this.exchange.receive(raw, text, from);
  }

  /** The user hangs up: BYE once answered, CANCEL before. Resolves when the call is over. */
  async hangup(): Promise<Ended> {
    if (this.#state.kind === 'answered') this.#bye(this.#state.session, { by: 'user', cause: 'hangup' });
    else this.#cancel({ by: 'user', cause: 'cancelled' });
    return this.ended;
  }

  /** The user gives up before the answer; if the 200 is faster, the call is answered and ended at once. */
  async cancel(): Promise<Ended> {
    return this.hangup();
  }

  /** Every SIP message so far, in order. */
  ladder(): readonly LadderEntry[] {
    return this.#ladder;
  }

  /** The rules of Meta that the gateway broke in this call. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** Ends the call without a word to the gateway and releases everything. Idempotent. */
  close(): void {
    this.#finish({ by: 'meta', cause: 'closed' });
    this.exchange.close();
  }

  readonly #report: Report = (rule, detail) => {
    this.#violations.push(this.host.report(rule, detail, this.id.callId));
  };

  #onResponse(response: SipText): void {
    if (cseq(response)?.method !== 'INVITE') return;
    this.#heard = true;
    const status = statusOf(response) ?? 0;
    if (status > 100 && status < 200 && this.times.ringing === undefined) {
      this.times.ringing = this.#now();
      this.#resolveRinging(status);
    }
    if (status >= 200 && status < 300 && this.times.answer === undefined) {
      this.times.answer = this.#now();
      if (this.options.cancelCrossesAnswer === true) this.#cancel({ by: 'user', cause: 'cancelled' });
    }
  }

  #onAccept(sdp: string, session: Session, ack: () => unknown): void {
    const { media } = this.options;
    const first = this.#state.kind === 'calling';
    if (first && sdp !== '') this.#takeSdp(sdp);
    ack();
    this.times.ack ??= this.#now();
    session.delegate = {
      onBye: (request) => {
        media.markEnd();
        request.accept();
        const reason = request.message.getHeader('reason');
        this.#finish({ by: 'business', cause: 'hangup', ...(reason !== undefined && { reason }) });
      },
    };
    if (first) {
      media.markAck();
      clearTimeout(this.#timer);
      this.#state = { kind: 'answered', session };
      this.#resolveAnswered(this.#answer(sdp));
    } else if (this.#state.kind === 'cancelling') {
      this.#bye(session, this.#state.end);
    } else {
      session.bye(); // a surplus 200 of another branch, RFC 3261 section 13.2.2.4
    }
  }

  #takeSdp(sdp: string): void {
    try {
      for (const fault of this.options.media.setAnswer(sdp)) this.#report(fault.rule, fault.found);
    } catch (error) {
      this.#report('malformed', `SDP of the 200: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #onFinal(synthesised: boolean, status: number, reason: string): void {
    const outcome = { status, ...(reason !== '' && { reason }) };
    if (this.#state.kind === 'cancelling') this.#finish({ ...this.#state.end, ...outcome });
    else if (!synthesised) this.#finish({ by: 'business', cause: 'rejected', ...outcome });
    else if (this.#linkError) {
      this.#finish({ by: 'meta', cause: this.#linkError.rule ?? 'unreachable', reason: this.#linkError.message });
    } else this.#finish({ by: 'meta', cause: 'no-response', ...outcome });
  }

  /** Meta's media timer ran out. */
  #end(rule: 'media-start-timeout' | 'media-gap-timeout'): void {
    this.#report(rule, 'not receiving any media for a long time');
    if (this.#state.kind !== 'answered') return;
    this.#bye(
      this.#state.session,
      { by: 'meta', cause: rule },
      'Reason: SIP;cause=408;text="not receiving any media for a long time"',
    );
  }

  #bye(session: Session, end: Ended, reason?: string): void {
    this.#state = { kind: 'hanging-up', end };
    this.options.media.markEnd();
    const over = (status: number | undefined): void => {
      this.#finish({ ...end, ...(status !== undefined && { status }) });
    };
    session.bye(
      {
        onAccept: ({ message }) => {
          over(message.statusCode);
        },
        onReject: ({ message }) => {
          over(message.statusCode);
        },
      },
      reason === undefined ? {} : { extraHeaders: [reason] },
    );
  }

  #cancel(end: Ended): void {
    if (this.#state.kind !== 'calling') return;
    this.#state = { kind: 'cancelling', end };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#finish(end);
    }, CANCEL_LIMIT_MS);
    this.#invite?.cancel();
  }

  #finish(ended: Ended): void {
    if (this.#state.kind === 'ended') return;
    this.#state = { kind: 'ended' };
    clearTimeout(this.#timer);
    this.times.end = this.#now();
    this.#resolveRinging(undefined);
    this.#resolveAnswered(undefined);
    const over = (): void => {
      this.#resolveEnded(ended);
      this.host.over(this);
    };
    void this.options.media.close().then(over, over);
  }

  #digest(): MetaDigest | undefined {
    const { password, username, to } = this.options;
    if (password === undefined) return undefined;
    const credentials = {
      username: username === 'with-plus' ? to : to.replace(/^\+/, ''),
      password,
      uri: this.id.digestUri,
    };
    const wanted = (): boolean => this.#state.kind === 'calling';
    return new MetaDigest(
      this.exchange.core.loggerFactory,
      credentials,
      (why) => {
        this.#report('challenge-algorithm', why);
      },
      wanted,
    );
  }

  async #send(raw: string): Promise<void> {
    try {
      await this.host.send(raw, this.options.localAddress);
    } catch (error) {
      if (error instanceof LinkError) {
        this.#linkError = error;
        if (error.rule) this.#report(error.rule, error.message);
      }
      throw error;
    }
  }

  #record(direction: 'in' | 'out', raw: string): void {
    const atMs = this.#now();
    if (direction === 'out' && /\r\n(?:Proxy-)?Authorization:/.test(raw)) this.times.authorizedInvite ??= atMs;
    if (this.options.keepLadder !== false) this.#ladder.push({ atMs, direction, raw });
  }

  #answer(sdp: string): Answered {
    const { invite = 0, authorizedInvite = invite, answer = 0 } = this.times;
    return { sdp, delayMs: answer - authorizedInvite, delayFromFirstMs: answer - invite };
  }

  #talkSeconds(): number {
    return this.times.ack === undefined ? 0 : Math.round((this.#now() - this.times.ack) / 1000);
  }

  #now(): number {
    return performance.now() - this.#started;
  }
}
