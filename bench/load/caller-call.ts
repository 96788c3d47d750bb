import type { CallIdentity } from '../../simulator/sip/identity.js';
import { answerChallenge } from './digest.js';
import type { Link } from './link.js';
import { formatSip, header, respondTo, type SipMessage, uriOf } from './sip-message.js';

/** How an INVITE ended. Times are in ms, from the last INVITE that the caller sent. */
export type Final =
  | { readonly kind: 'answered'; readonly ringingMs: number; readonly answeredMs: number; readonly sdp: string }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly retryAfter: boolean;
      /** Q.850 cause of the Reason header (RFC 3326). */
      readonly cause: number | undefined;
    }
  /** No final response in time. */
  | { readonly kind: 'lost' };

export type Ended = 'by caller' | 'by callee' | 'BYE unanswered';

export interface CallerSettings {
  /** Digits of the number: Meta's user name. */
  readonly username: string;
  readonly password: string;
  readonly offer: string;
  readonly answerTimeoutMs: number;
  readonly byeTimeoutMs: number;
}

type State = 'inviting' | 'cancelling' | 'answered' | 'ending' | 'lost' | 'over';

/** One call in Meta's shape, from the INVITE to the BYE. */
export class CallerCall {
  readonly final: Promise<Final>;
  readonly ended: Promise<Ended>;
  /** The challenge was answered: the INVITE that counts is on its way. */
  readonly authenticated: Promise<void>;
  /** The callee rings. */
  readonly ringing: Promise<void>;
  /** When the last INVITE was sent, performance.now(). */
  invitedAt = 0;
  /** Final responses that came again. */
  repeats = 0;
  #resolveFinal: (final: Final) => void = () => undefined;
  #resolveEnded: (ended: Ended) => void = () => undefined;
  #resolveAuthenticated: () => void = () => undefined;
  #resolveRinging: () => void = () => undefined;
  #state: State = 'inviting';
  #cseq = 9989;
  #authorization: readonly (readonly [string, string])[] = [];
  #challenged = false;
  #ringingMs: number | undefined;
  #to: string;
  #target: string;
  #timer: NodeJS.Timeout;

  constructor(
    readonly identity: CallIdentity,
    private link: Link,
    private readonly settings: CallerSettings,
    private readonly forget: () => void,
  ) {
    this.final = new Promise((resolve) => (this.#resolveFinal = resolve));
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.authenticated = new Promise((resolve) => (this.#resolveAuthenticated = resolve));
    this.ringing = new Promise((resolve) => (this.#resolveRinging = resolve));
    this.#to = `<${identity.toUri}>`;
    this.#target = identity.requestUri;
    this.#timer = setTimeout(() => this.#giveUp(), settings.answerTimeoutMs);
    this.#invite();
  }

  /** Goes on over another connection, as after a lost one. */
  moveTo(link: Link): void {
    this.link = link;
  }

  /** Gives up before the answer. Settles `final` as refused with 487, or as answered if the answer crossed. */
  cancel(): void {
    if (this.#state !== 'inviting') return;
    this.#state = 'cancelling';
    this.link.send(formatSip(`CANCEL ${this.identity.requestUri} SIP/2.0`, this.#head('CANCEL', [this.#topVia()])));
  }

  /** Hangs up. */
  bye(): void {
    if (this.#state !== 'answered') return;
    this.#state = 'ending';
    this.#timer = setTimeout(() => this.#end('BYE unanswered'), this.settings.byeTimeoutMs);
    this.#cseq += 1;
    const headers = [...this.#head('BYE', this.#vias()), wacidHeader(this.identity)];
    this.link.send(formatSip(`BYE ${this.#target} SIP/2.0`, headers));
  }

  /** No final response in time: the peer is told, so that it need not keep the call. */
  #giveUp(): void {
    this.cancel();
    this.#state = 'lost';
    this.#timer = setTimeout(() => this.#end('BYE unanswered'), this.settings.byeTimeoutMs);
    this.#resolveFinal({ kind: 'lost' });
  }

  receive(message: SipMessage, link: Link): void {
    if (!this.link.open) this.link = link; // the peer has opened another
    if (message.status === 0) this.#request(message, link);
    else if (message.method === 'INVITE') this.#inviteResponse(message);
    else if (message.method === 'BYE' && message.status >= 200) this.#end('by caller');
  }

  /** Forgets the call without a word to the peer. */
  close(): void {
    this.#finish({ kind: 'lost' });
    this.#end('BYE unanswered');
  }

  #invite(): void {
    this.#cseq += 1;
    const { identity, settings } = this;
    const headers: (readonly [string, string])[] = [
      ...this.#head('INVITE', this.#vias()),
      ['Contact', `<${identity.contactUri}>;isfocus`],
      ...this.#authorization,
      ...identity.headers,
      ['Allow', 'INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS'],
    ];
    const text = formatSip(`INVITE ${identity.requestUri} SIP/2.0`, headers, settings.offer);
    this.invitedAt = performance.now();
    this.link.send(text);
  }

  #inviteResponse(message: SipMessage): void {
    const { status } = message;
    if (status < 200) {
      if (status > 100) this.#ringingMs ??= performance.now() - this.invitedAt;
      if (status > 100) this.#resolveRinging();
      return;
    }
    if (message.cseq !== this.#cseq) return; // the refused INVITE's, again
    if (status < 300) return this.#accepted(message);
    this.#ackRefusal(message);
    if ((status === 401 || status === 407) && !this.#challenged && this.#state === 'inviting') {
      this.#challenged = true;
      this.#authorization = [this.#credentials(message)];
      this.#invite();
      return this.#resolveAuthenticated();
    }
    if (this.#state === 'over') this.repeats += 1;
    const cause = /cause=(\d+)/.exec(header(message, 'reason'))?.[1];
    this.#finish({
      kind: 'refused',
      status,
      retryAfter: header(message, 'retry-after') !== '',
      cause: cause === undefined ? undefined : Number(cause),
    });
    this.#end('by callee');
  }

  #accepted(message: SipMessage): void {
    this.#to = header(message, 'to');
    this.#target = uriOf(header(message, 'contact'));
    this.link.send(formatSip(`ACK ${this.#target} SIP/2.0`, this.#head('ACK', this.#vias('ack'))));
    if (this.#state === 'answered' || this.#state === 'ending' || this.#state === 'over') {
      this.repeats += 1;
      return;
    }
    const crossed = this.#state !== 'inviting';
    const answeredMs = performance.now() - this.invitedAt;
    this.#state = 'answered';
    this.#finish({ kind: 'answered', ringingMs: this.#ringingMs ?? answeredMs, answeredMs, sdp: message.body });
    if (crossed) this.bye();
  }

  #request(message: SipMessage, link: Link): void {
    if (message.method === 'ACK') return;
    const known = message.method === 'BYE';
    link.send(
      respondTo(message, known ? '200 OK' : '501 Not Implemented', '', [['X-FB-External-Domain', 'wa.meta.vc']]),
    );
    if (known) this.#end('by callee');
  }

  #ackRefusal(message: SipMessage): void {
    const headers = this.#head('ACK', [this.#topVia()]).map(([name, value]): [string, string] =>
      name === 'To' ? [name, header(message, 'to')] : [name, value],
    );
    this.link.send(formatSip(`ACK ${this.identity.requestUri} SIP/2.0`, headers));
  }

  #credentials(message: SipMessage): readonly [string, string] {
    const proxy = message.status === 407;
    const challenge = header(message, proxy ? 'proxy-authenticate' : 'www-authenticate');
    const { username, password } = this.settings;
    const answer = answerChallenge(challenge, { username, password, uri: this.identity.digestUri });
    return [proxy ? 'Proxy-Authorization' : 'Authorization', answer];
  }

  #finish(final: Final): void {
    clearTimeout(this.#timer);
    this.#resolveFinal(final);
    if (final.kind !== 'answered') this.#end('BYE unanswered');
  }

  #end(ended: Ended): void {
    if (this.#state === 'over') return;
    clearTimeout(this.#timer);
    this.#state = 'over';
    this.#resolveEnded(ended);
    this.forget();
  }

  #head(method: string, vias: readonly string[]): (readonly [string, string])[] {
    const { identity } = this;
    const [top = '', ...lower] = vias;
    const recordsRoute = method === 'INVITE' || method === 'BYE';
    return [
      ['Via', top],
      ...(recordsRoute ? identity.recordRoute.map((value) => ['Record-Route', value] as const) : []),
      ...lower.map((value) => ['Via', value] as const),
      ['Max-Forwards', '69'],
      ['From', `"${identity.displayName}" <${identity.fromUri}>;tag=${identity.fromTag}`],
      ['To', this.#to],
      ['Call-ID', identity.callId],
      ['CSeq', `${this.#cseq} ${method}`],
      ['X-FB-External-Domain', 'wa.meta.vc'],
      ['User-Agent', 'Facebook SipGateway'],
    ];
  }

  #topVia(): string {
    return this.#vias()[0] ?? '';
  }

  /** Three hops as Meta's edge shows them; the branch is the transaction's. */
  #vias(transaction = ''): readonly string[] {
    const branch = `${this.identity.branchPrefix}.${this.#cseq}${transaction}`;
    return [
      `SIP/2.0/TLS [2803:6080:f948:9597::]:47237;rport;branch=${branch};alias`,
      `SIP/2.0/TLS [2803:6080:f950:95b1::]:8191;received=2803:6080:f948:9597::;branch=${branch}.1;alias`,
      `SIP/2.0/TLS [2803:6080:f954:1c02::]:40912;received=2803:6080:f948:9597::;branch=${branch}.2;alias`,
    ];
  }
}

const wacidHeader = (identity: CallIdentity): readonly [string, string] => ['x-wa-meta-wacid', identity.wacid];
