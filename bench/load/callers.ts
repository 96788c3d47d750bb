import { identify } from '../../simulator/sip/identity.js';
import { CallerCall, type CallerSettings } from './caller-call.js';
import { type Link, type LinkTarget, openLink, type Receive } from './link.js';
import { respondTo } from './sip-message.js';

export interface CallersOptions {
  readonly target: LinkTarget;
  /** The business number, +E.164, and its SIP password. */
  readonly called: string;
  readonly password: string;
  /** SDP of every call. */
  readonly offer: string;
  /** Default 8000. */
  readonly answerTimeoutMs?: number;
  /** Default 5000. */
  readonly byeTimeoutMs?: number;
}

/** WhatsApp users behind Meta's edge: many calls, over as many connections as wanted. */
export class Callers {
  readonly #calls = new Map<string, CallerCall>();
  readonly #links = new Set<Link>();
  readonly #settings: CallerSettings;
  #serial = 0;

  constructor(private readonly options: CallersOptions) {
    const { called, password, offer, answerTimeoutMs = 8000, byeTimeoutMs = 5000 } = options;
    this.#settings = { username: called.replace('+', ''), password, offer, answerTimeoutMs, byeTimeoutMs };
  }

  /** Calls that are not over. */
  get active(): number {
    return this.#calls.size;
  }

  /** Takes what comes over any connection, those that the gateway opened included. */
  readonly receive: Receive = (message, link) => {
    const call = this.#calls.get(message.callId);
    if (call !== undefined) call.receive(message, link);
    else if (message.status > 0 || message.method === 'ACK') return;
    else if (message.method === 'OPTIONS') link.send(respondTo(message, '200 OK', 'edge'));
    else link.send(respondTo(message, '481 Call/Transaction Does Not Exist', 'edge'));
  };

  async openLink(): Promise<Link> {
    const link = await openLink(this.options.target, this.receive);
    this.#links.add(link);
    return link;
  }

  /** The number from which the next call comes; each call has its own, which tells it apart at the PBX. */
  nextNumber(): string {
    this.#serial += 1;
    return `+1219${String(this.#serial).padStart(7, '0')}`;
  }

  /** Places a call over a connection. `password` is for a wrong one, `offer` for media of its own. */
  place(
    link: Link,
    from = this.nextNumber(),
    { password = this.options.password, offer = this.options.offer }: { password?: string; offer?: string } = {},
  ): CallerCall {
    const { called, target } = this.options;
    const user = { id: 'US.13491208655302741918', name: 'bench', country: 'US' };
    const identity = identify({ from, to: called, user, phoneNumberId: '106540352242922' }, target.hostname);
    const call = new CallerCall(identity, link, { ...this.#settings, password, offer }, () =>
      this.#calls.delete(identity.callId),
    );
    this.#calls.set(identity.callId, call);
    return call;
  }

  close(): void {
    for (const call of this.#calls.values()) call.close();
    for (const link of this.#links) link.cut();
  }
}
