import { setTimeout as delay } from 'node:timers/promises';
import { addressUri, cseq, header, parameter, statusOf, type SipText } from '../../simulator/sip/sip-text.js';
import type { PhoneMedia } from './media.js';
import { answerTo, directionOf, readSdp, writeSdp, type Direction } from './sdp.js';
import { newBranch, newTag, responseTo, SDP_TYPE, type Extra, type Peer } from './wire.js';

/** What a call needs of its phone. */
export interface CallHost {
  readonly user: string;
  readonly contact: string;
  readonly peer: Peer;
  via(branch: string): readonly [string, string];
  request(request: SipText, to: Peer, onResponse?: (response: SipText) => void): Promise<SipText | undefined>;
  respond(response: SipText, to: Peer): void;
  send(text: SipText, to: Peer): void;
  /** Answers a challenge; undefined where there is no password for it. */
  authorize(request: SipText, challenge: SipText): SipText | undefined;
  over(call: PhoneCall): void;
}

export interface CallEnd {
  readonly by: 'us' | 'peer';
  /** Final status of an INVITE that was refused. */
  readonly status?: number;
  readonly phrase?: string;
  /** Reason header, if any. */
  readonly reason?: string;
  /** The message that ended the call: BYE, CANCEL, or the refusal. */
  readonly message?: SipText;
}

/** A request of the other side in this dialog, other than ACK. */
export interface InDialog {
  readonly atMs: number;
  readonly method: string;
  /** Of its SDP; undefined without one. */
  readonly direction: Direction | undefined;
  readonly message: SipText;
}

interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  remoteTag: string;
  local: string;
  remote: string;
  /** Request-URI of what we send. */
  target: string;
  sequence: number;
}

const ACK_LIMIT_MS = 32_000;

/** One call of a phone, called or calling. */
export class PhoneCall {
  /** Resolves when it is answered (true) or over without an answer (false). */
  readonly answered: Promise<boolean>;
  readonly ended: Promise<CallEnd>;
  /** What the other side asked for in the dialog. */
  readonly requests: InDialog[] = [];
  /** sipfrag statuses of our REFER, as they came. */
  readonly progress: number[] = [];
  #state: 'early' | 'up' | 'over' = 'early';
  #version = 1;
  #direction: Direction = 'sendrecv';
  #invite: SipText | undefined;
  #ackCame: (() => void) | undefined;
  #resolveAnswered!: (answered: boolean) => void;
  #resolveEnded!: (end: CallEnd) => void;

  private constructor(
    private readonly host: CallHost,
    readonly media: PhoneMedia,
    private readonly dialog: Dialog,
    /** The INVITE that came in; undefined for a call of ours. */
    readonly incoming: { readonly message: SipText; readonly from: Peer } | undefined,
  ) {
    this.answered = new Promise((resolve) => (this.#resolveAnswered = resolve));
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  get callId(): string {
    return this.dialog.callId;
  }

  /** As Refer-To's Replaces names it, seen from the other side (RFC 3891). */
  get replaces(): string {
    const { callId, localTag, remoteTag } = this.dialog;
    return `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
  }

  /** The dialled extension, or the address of the other side. */
  get remoteUri(): string {
    return addressUri(this.dialog.remote);
  }

  // ── called ──────────────────────────────────────────────────────────────

  static called(host: CallHost, media: PhoneMedia, message: SipText, from: Peer): PhoneCall {
    const local = header(message, 'to') ?? '';
    const localTag = newTag();
    const call = new PhoneCall(
      host,
      media,
      {
        callId: header(message, 'call-id') ?? '',
        localTag,
        remoteTag: parameter(header(message, 'from') ?? '', 'tag') ?? '',
        local: `${local};tag=${localTag}`,
        remote: header(message, 'from') ?? '',
        target: addressUri(header(message, 'contact') ?? ''),
        sequence: 0,
      },
      { message, from },
    );
    call.#invite = message;
    return call;
  }

  ring(): void {
    this.#answerInvite(180, 'Ringing');
  }

  refuse(status: number, phrase: string, headers: readonly (readonly [string, string])[] = []): void {
    this.#answerInvite(status, phrase, { headers });
    this.#over({ by: 'us', status, phrase });
  }

  /** @throws Error when the INVITE has no SDP that we can take */
  answer(): void {
    const offer = readSdp(this.incoming?.message.body ?? '');
    if (offer?.pcma !== true) throw new Error('answer: the INVITE offers no PCMA');
    this.#direction = answerTo(offer.direction);
    this.media.agree(offer, sends(this.#direction));
    this.#state = 'up';
    this.#answerInvite(200, 'OK', { body: this.#sdp() });
    this.#resolveAnswered(true);
  }

  // ── calling ─────────────────────────────────────────────────────────────

  static calling(host: CallHost, media: PhoneMedia, target: string, headers: Extra['headers'] = []): PhoneCall {
    const localTag = newTag();
    const call = new PhoneCall(
      host,
      media,
      {
        callId: `${newTag()}${newTag()}@phone`,
        localTag,
        remoteTag: '',
        local: `<sip:${host.user}@${host.peer.address}:${host.peer.port}>;tag=${localTag}`,
        remote: `<${target}>`,
        target,
        sequence: 0,
      },
      undefined,
    );
    void call.#call(headers);
    return call;
  }

  async #call(headers: Extra['headers']): Promise<void> {
    let invite = this.#request('INVITE', { headers: headers ?? [], body: this.#sdp() });
    let response = await this.#invites(invite);
    const authorized = response && this.host.authorize(invite, response);
    if (authorized !== undefined) {
      invite = this.#again(authorized);
      response = await this.#invites(invite);
    }
    const status = response === undefined ? 408 : (statusOf(response) ?? 500);
    if (response === undefined || status >= 300) {
      const phrase = response?.startLine.slice('SIP/2.0 200 '.length) ?? 'no response';
      const reason = response && header(response, 'reason');
      this.#over({ by: 'peer', status, phrase, ...given({ reason, message: response }) });
      return;
    }
    this.#learn(response);
    this.#ack(invite);
    const answer = readSdp(response.body);
    if (answer !== undefined) this.media.agree(answer, sends(this.#direction));
    if (this.#state === 'over') return void this.#bye();
    this.#state = 'up';
    this.#resolveAnswered(true);
  }

  /** Sends an INVITE, ACKs a refusal, and keeps what is needed for a CANCEL. */
  async #invites(invite: SipText): Promise<SipText | undefined> {
    this.#invite = invite;
    const response = await this.host.request(invite, this.host.peer);
    const status = response === undefined ? 0 : (statusOf(response) ?? 0);
    if (response !== undefined && status >= 300) {
      const headers = invite.headers.filter(([name]) => /^(via|from|call-id|max-forwards)$/i.test(name));
      const [number] = [cseq(invite)?.number ?? 1];
      const to = header(response, 'to') ?? '';
      const ack = [...headers, ['To', to] as const, ['CSeq', `${number} ACK`] as const];
      this.host.send({ startLine: `ACK ${this.dialog.target} SIP/2.0`, headers: ack, body: '' }, this.host.peer);
    }
    return response;
  }

  // ── in the call ─────────────────────────────────────────────────────────

  /** Puts the other side on hold. @returns the final status of the re-INVITE */
  hold(direction: 'sendonly' | 'inactive' = 'sendonly'): Promise<number> {
    return this.#reinvite(direction, false);
  }

  resume(): Promise<number> {
    return this.#reinvite('sendrecv', true);
  }

  /**
   * Blind transfer: REFER to an extension. Resolves with the last sipfrag status, or the status of a REFER that was refused.
   * The phone hangs up once the transfer was taken, as phones do.
   */
  transfer(target: string): Promise<number> {
    return this.#refer(`<${target}>`);
  }

  /** Attended transfer: joins the far side of this call with that of another call of this phone. */
  transferTo(other: PhoneCall): Promise<number> {
    const replaces = encodeURIComponent(other.replaces);
    return this.#refer(`<${other.remoteUri}?Replaces=${replaces}>`);
  }

  /** Hangs up, whatever state the call is in. Idempotent. */
  async hangup(): Promise<void> {
    switch (this.#state) {
      case 'over':
        return;
      case 'up':
        this.#over({ by: 'us' });
        return this.#bye();
      case 'early':
        if (this.incoming !== undefined) return this.refuse(486, 'Busy Here');
        this.#over({ by: 'us', status: 487 });
        return this.#cancel();
    }
  }

  /** A request of the other side within the call. */
  receive(message: SipText, from: Peer): void {
    const method = cseq(message)?.method ?? '';
    if (method === 'ACK') return this.#ackCame?.();
    const direction = message.body.includes('m=audio') ? directionOf(message.body) : undefined;
    this.requests.push({ atMs: performance.now(), method, direction, message });
    const ok = (extra: Extra = {}): void =>
      this.host.respond(responseTo(message, 200, 'OK', this.dialog.localTag, extra), from);
    switch (method) {
      case 'INVITE':
      case 'UPDATE':
        return this.#offered(message, from);
      case 'BYE':
      case 'CANCEL':
        ok();
        if (method === 'CANCEL') this.#answerInvite(487, 'Request Terminated');
        return this.#over({ by: 'peer', message, ...given({ reason: header(message, 'reason') }) });
      case 'NOTIFY':
        ok();
        return void this.progress.push(Number(/^SIP\/2\.0 (\d{3})/.exec(message.body)?.[1] ?? 0));
      case 'INFO':
      case 'OPTIONS':
        return ok();
      default:
        this.host.respond(responseTo(message, 501, 'Not Implemented', this.dialog.localTag), from);
    }
  }

  #offered(message: SipText, from: Peer): void {
    const offer = readSdp(message.body);
    const headers = [['Contact', this.host.contact] as const];
    if (offer !== undefined) {
      this.#direction = answerTo(offer.direction);
      this.media.agree(offer, sends(this.#direction));
    }
    this.#version++;
    const wantsSdp = offer !== undefined || cseq(message)?.method === 'INVITE';
    const extra = wantsSdp ? { headers, body: this.#sdp() } : { headers };
    this.host.respond(responseTo(message, 200, 'OK', this.dialog.localTag, extra), from);
  }

  async #reinvite(direction: Direction, send: boolean): Promise<number> {
    this.#direction = direction;
    this.#version++;
    const invite = this.#request('INVITE', { body: this.#sdp() });
    const response = await this.#asked(invite);
    const status = response === undefined ? 408 : (statusOf(response) ?? 500);
    const answer = response && readSdp(response.body);
    if (answer !== undefined) this.media.agree(answer, send);
    return status;
  }

  async #refer(referTo: string): Promise<number> {
    const refer = this.#request('REFER', {
      headers: [
        ['Refer-To', referTo],
        ['Referred-By', this.dialog.local.replace(/;tag=.*/, '')],
      ],
    });
    const response = await this.#asked(refer);
    const status = response === undefined ? 408 : (statusOf(response) ?? 500);
    if (status >= 300) return status;
    const over = this.ended.then(() => true);
    while ((this.progress.at(-1) ?? 0) < 200) {
      if (await Promise.race([over, delay(20, false)])) break;
    }
    await this.hangup();
    return this.progress.at(-1) ?? status;
  }

  /** A request in the dialog, challenged or not; an INVITE is ACKed. */
  async #asked(first: SipText): Promise<SipText | undefined> {
    let request = first;
    let response = await this.#sent(request);
    const authorized = response && this.host.authorize(request, response);
    if (authorized !== undefined) response = await this.#sent((request = this.#again(authorized)));
    if (response && statusOf(response) === 200 && cseq(request)?.method === 'INVITE') this.#ack(request);
    return response;
  }

  #sent(request: SipText): Promise<SipText | undefined> {
    return cseq(request)?.method === 'INVITE' ? this.#invites(request) : this.host.request(request, this.host.peer);
  }

  async #bye(): Promise<void> {
    await this.#asked(this.#request('BYE'));
  }

  async #cancel(): Promise<void> {
    const invite = this.#invite;
    if (invite === undefined) return;
    const headers = invite.headers.filter(([name]) => /^(via|from|to|call-id|max-forwards)$/i.test(name));
    const cancel = [...headers, ['CSeq', `${cseq(invite)?.number ?? 1} CANCEL`] as const];
    await this.host.request(
      { startLine: `CANCEL ${this.dialog.target} SIP/2.0`, headers: cancel, body: '' },
      this.host.peer,
    );
  }

  #answerInvite(status: number, phrase: string, extra: Extra = {}): void {
    if (this.incoming === undefined) return;
    const headers = [['Contact', this.host.contact] as const, ALLOW, ...(extra.headers ?? [])];
    const response = responseTo(this.incoming.message, status, phrase, this.dialog.localTag, { ...extra, headers });
    this.host.respond(response, this.incoming.from);
    if (status === 200) void this.#repeatUntilAck(response, this.incoming.from);
  }

  /** RFC 3261 13.3.1.4. */
  async #repeatUntilAck(response: SipText, to: Peer): Promise<void> {
    const acked = new Promise<boolean>((resolve) => (this.#ackCame = () => resolve(true)));
    const over = this.ended.then(() => true);
    for (let pause = 500, waited = 0; waited < ACK_LIMIT_MS; waited += pause, pause = Math.min(2 * pause, 4000)) {
      const timer = new AbortController();
      const late = delay(pause, false, { signal: timer.signal }).catch(() => true);
      const done = await Promise.race([acked, over, late]);
      timer.abort();
      if (done) return;
      this.host.send(response, to);
    }
  }

  #learn(response: SipText): void {
    this.dialog.remote = header(response, 'to') ?? this.dialog.remote;
    this.dialog.remoteTag = parameter(this.dialog.remote, 'tag') ?? '';
    this.dialog.target = addressUri(header(response, 'contact') ?? this.dialog.target);
  }

  #request(method: string, extra: Extra = {}): SipText {
    this.dialog.sequence++;
    const { local, remote, callId, sequence, target } = this.dialog;
    return {
      startLine: `${method} ${target} SIP/2.0`,
      headers: [
        this.host.via(newBranch()),
        ['Max-Forwards', '70'],
        ['From', local],
        ['To', remote],
        ['Call-ID', callId],
        ['CSeq', `${sequence} ${method}`],
        ['Contact', this.host.contact],
        ALLOW,
        ...(extra.headers ?? []),
        ...(extra.body === undefined ? [] : [SDP_TYPE]),
      ],
      body: extra.body ?? '',
    };
  }

  /** The same request with credentials: next CSeq, another branch (RFC 3261 22.2). */
  #again(request: SipText): SipText {
    const sequence = ++this.dialog.sequence;
    const via = this.host.via(newBranch());
    const headers = request.headers.map(([name, value]): readonly [string, string] =>
      name === 'CSeq' ? [name, value.replace(/^\d+/, String(sequence))] : name === 'Via' ? via : [name, value],
    );
    return { ...request, headers };
  }

  #ack(invite: SipText): void {
    const ack = this.#request('ACK');
    this.dialog.sequence--;
    const number = cseq(invite)?.number ?? 1;
    const headers = ack.headers.map(([name, value]): readonly [string, string] =>
      name === 'CSeq' ? [name, `${number} ACK`] : [name, value],
    );
    this.host.send({ ...ack, headers }, this.host.peer);
  }

  #sdp(): string {
    return writeSdp(this.media.at, this.#direction, this.#version);
  }

  #over(end: CallEnd): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#resolveAnswered(false);
    this.#resolveEnded(end);
    this.host.over(this);
  }
}

const ALLOW = ['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, REFER'] as const;

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

/** Without what is undefined. */
function given<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
