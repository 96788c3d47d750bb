import { addressUri, cseq, header, parameter, type SipText } from '../../simulator/sip/sip-text.js';
import { newBranch, newTag, responseTo, SDP_TYPE, type Extra, type Peer } from './wire.js';

/** Who a phone is on the wire. */
export interface Identity {
  readonly user: string;
  /** Contact's value. */
  readonly contact: string;
  /** Where everything is sent. */
  readonly peer: Peer;
  via(branch: string): readonly [string, string];
}

type HeaderLine = readonly [name: string, value: string];

export const ALLOW = ['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, REFER'] as const;

/** The messages of one dialog (RFC 3261 12), without Record-Route: there is no proxy here. */
export class Dialog {
  #sequence = 0;

  private constructor(
    private readonly identity: Identity,
    readonly callId: string,
    private readonly localTag: string,
    private readonly local: string,
    private remote: string,
    private target: string,
  ) {}

  static called(identity: Identity, invite: SipText): Dialog {
    const tag = newTag();
    const local = `${header(invite, 'to') ?? ''};tag=${tag}`;
    const target = addressUri(header(invite, 'contact') ?? '');
    return new Dialog(identity, header(invite, 'call-id') ?? '', tag, local, header(invite, 'from') ?? '', target);
  }

  static calling(identity: Identity, target: string): Dialog {
    const tag = newTag();
    const { address, port } = identity.peer;
    const local = `<sip:${identity.user}@${address}:${port}>;tag=${tag}`;
    return new Dialog(identity, `${newTag()}${newTag()}@phone`, tag, local, `<${target}>`, target);
  }

  /** The address of the other side: what was dialled, or who called. */
  get remoteUri(): string {
    return addressUri(this.remote);
  }

  /** Our own address without tag. */
  get localAddress(): string {
    return this.local.replace(/;tag=.*/, '');
  }

  /** As a Replaces header names this dialog to the other side (RFC 3891 3: its own tag is the to-tag). */
  get replaces(): string {
    return `${this.callId};to-tag=${parameter(this.remote, 'tag') ?? ''};from-tag=${this.localTag}`;
  }

  request(method: string, extra: Extra = {}): SipText {
    this.#sequence++;
    return this.#message(method, `${this.#sequence} ${method}`, extra);
  }

  /** The same request with credentials: next CSeq, another branch (RFC 3261 22.2). */
  again(request: SipText): SipText {
    const number = ++this.#sequence;
    const via = this.identity.via(newBranch());
    return changed(request, (name, value) =>
      name === 'CSeq' ? value.replace(/^\d+/, String(number)) : name === 'Via' ? via[1] : value,
    );
  }

  /** ACK of a 200 to this INVITE. */
  ack(invite: SipText): SipText {
    return this.#message('ACK', `${cseq(invite)?.number ?? 1} ACK`, {});
  }

  /** ACK of a refusal: of the INVITE's own transaction (RFC 3261 17.1.1.3). */
  ackRefusal(invite: SipText, refusal: SipText): SipText {
    const to: HeaderLine = ['To', header(refusal, 'to') ?? ''];
    return this.#ofTransaction(invite, 'ACK', to);
  }

  cancel(invite: SipText): SipText {
    return this.#ofTransaction(invite, 'CANCEL', ['To', header(invite, 'to') ?? '']);
  }

  response(request: SipText, status: number, phrase: string, extra: Extra = {}): SipText {
    return responseTo(request, status, phrase, this.localTag, extra);
  }

  /** Takes the other side's tag and Contact from its 200. */
  learn(response: SipText): void {
    this.remote = header(response, 'to') ?? this.remote;
    this.target = addressUri(header(response, 'contact') ?? this.target);
  }

  #message(method: string, sequence: string, extra: Extra): SipText {
    return {
      startLine: `${method} ${this.target} SIP/2.0`,
      headers: [
        this.identity.via(newBranch()),
        ['Max-Forwards', '70'],
        ['From', this.local],
        ['To', this.remote],
        ['Call-ID', this.callId],
        ['CSeq', sequence],
        ['Contact', this.identity.contact],
        ALLOW,
        ...(extra.headers ?? []),
        ...(extra.body === undefined ? [] : [SDP_TYPE]),
      ],
      body: extra.body ?? '',
    };
  }

  #ofTransaction(invite: SipText, method: string, to: HeaderLine): SipText {
    const kept = invite.headers.filter(([name]) => /^(via|from|call-id|max-forwards)$/i.test(name));
    const sequence: HeaderLine = ['CSeq', `${cseq(invite)?.number ?? 1} ${method}`];
    const startLine = invite.startLine.replace(/^INVITE/, method);
    return { startLine, headers: [...kept, to, sequence], body: '' };
  }
}

function changed(message: SipText, value: (name: string, value: string) => string): SipText {
  return { ...message, headers: message.headers.map(([name, old]) => [name, value(name, old)]) };
}
