import { formatSip, header, respondTo, type SipMessage, uriOf } from './sip-message.js';

/** What the PBX does with a call: also what a real one does on its bad days. */
export type PbxPlan =
  /** Rings, answers, waits for the BYE. */
  | 'answer'
  /** Rings and goes on ringing. */
  | 'ring'
  | 'busy'
  /** Does not react at all. */
  | 'silent'
  /** Answers, then reacts to nothing any more. */
  | 'answer, then silent';

export interface PbxAnswer {
  readonly ringMs: number;
  readonly rtpPort: number;
  /** Value of Contact. */
  readonly contact: string;
}

export interface PbxCallDeps {
  send(text: string): void;
  repeated(): void;
  over(): void;
}

const T1_MS = 500;
const T2_MS = 4000;
const GIVE_UP_MS = 64 * T1_MS;

/** One call at the PBX, user agent server over UDP (RFC 3261, sections 13.3.1.4 and 17). */
export class PbxCall {
  readonly #toTag = Math.random().toString(36).slice(2);
  #lastResponse = '';
  #ringing: NodeJS.Timeout | undefined;
  #repeating: NodeJS.Timeout | undefined;
  #state: 'ringing' | 'answered' | 'refused' | 'ending' | 'over' = 'ringing';

  constructor(
    private readonly invite: SipMessage,
    readonly caller: string,
    private readonly plan: PbxPlan,
    private readonly answer: PbxAnswer,
    private readonly deps: PbxCallDeps,
  ) {}

  start(): void {
    switch (this.plan) {
      case 'silent':
        return;
      case 'busy':
        this.#respond('100 Trying');
        return this.#refuse('486 Busy Here');
      case 'ring':
        return this.#respond('180 Ringing');
      case 'answer':
      case 'answer, then silent':
        this.#respond('180 Ringing');
        this.#ringing = setTimeout(() => this.#accept(), this.answer.ringMs);
    }
  }

  receive(message: SipMessage): void {
    if (message.status > 0) {
      if (message.method === 'BYE' && message.status >= 200) this.close();
      return;
    }
    switch (message.method) {
      case 'INVITE':
        this.deps.repeated();
        if (this.#lastResponse !== '') this.deps.send(this.#lastResponse);
        return;
      case 'ACK':
        clearTimeout(this.#repeating);
        if (this.#state === 'refused') this.close();
        return;
      case 'CANCEL':
        this.deps.send(respondTo(message, '200 OK', this.#toTag));
        if (this.#state === 'ringing') this.#refuse('487 Request Terminated');
        return;
      default:
        return this.#inDialog(message);
    }
  }

  /** Hangs up; repeated until it is answered. */
  bye(): void {
    if (this.#state !== 'answered') return;
    this.#state = 'ending';
    const { invite } = this;
    const text = formatSip(`BYE ${uriOf(header(invite, 'contact'))} SIP/2.0`, [
      ['Via', `SIP/2.0/UDP ${viaHost(this.answer.contact)};rport;branch=z9hG4bK${this.#toTag}bye`],
      ['Max-Forwards', '70'],
      ['From', `${header(invite, 'to')};tag=${this.#toTag}`],
      ['To', header(invite, 'from')],
      ['Call-ID', invite.callId],
      ['CSeq', '1 BYE'],
    ]);
    this.#sendUntilStopped(text, 0);
  }

  /** Ends it without a word. */
  close(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#ringing);
    clearTimeout(this.#repeating);
    this.deps.over();
  }

  #inDialog(message: SipMessage): void {
    if (this.plan === 'answer, then silent') {
      if (message.method === 'BYE') this.#state = 'ending';
      return;
    }
    this.deps.send(respondTo(message, '200 OK', this.#toTag));
    if (message.method === 'BYE') this.close();
  }

  #respond(status: string, body = ''): void {
    this.#lastResponse = respondTo(this.invite, status, this.#toTag, [['Contact', this.answer.contact]], body);
    this.deps.send(this.#lastResponse);
  }

  #accept(): void {
    this.#state = 'answered';
    this.#respond('200 OK', pcmaAnswer(this.invite.body, this.answer.rtpPort));
    this.#repeat(this.#lastResponse, 0, T1_MS);
  }

  #refuse(status: string): void {
    clearTimeout(this.#ringing);
    this.#state = 'refused';
    this.#respond(status);
    this.#repeat(this.#lastResponse, 0, T1_MS);
  }

  #sendUntilStopped(text: string, elapsedMs: number): void {
    this.deps.send(text);
    this.#repeat(text, elapsedMs, T1_MS);
  }

  #repeat(text: string, elapsedMs: number, intervalMs: number): void {
    clearTimeout(this.#repeating);
    this.#repeating = setTimeout(() => {
      const elapsed = elapsedMs + intervalMs;
      if (elapsed >= GIVE_UP_MS) return this.close();
      this.deps.repeated();
      this.deps.send(text);
      this.#repeat(text, elapsed, Math.min(2 * intervalMs, T2_MS));
    }, intervalMs);
  }
}

const viaHost = (contact: string): string => contact.slice(contact.indexOf('@') + 1, contact.indexOf('>'));

/** PCMA and the offer's telephone-event, on the sink's port. */
function pcmaAnswer(offer: string, port: number): string {
  const event = /a=rtpmap:(\d+) telephone-event\/8000/.exec(offer)?.[1];
  return [
    'v=0',
    'o=pbx 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP 8${event === undefined ? '' : ` ${event}`}`,
    'a=rtpmap:8 PCMA/8000',
    ...(event === undefined ? [] : [`a=rtpmap:${event} telephone-event/8000`, `a=fmtp:${event} 0-16`]),
    'a=ptime:20',
    'a=sendrecv',
    '',
  ].join('\r\n');
}
