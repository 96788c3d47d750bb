import { setTimeout as delay } from 'node:timers/promises';
import { cseq, header, statusOf, type SipText } from '../../simulator/sip/sip-text.js';
import { ALLOW, Dialog, type Identity } from './dialog.js';
import type { PhoneMedia } from './media.js';
import { answerTo, directionOf, readSdp, writeSdp, type Direction } from './sdp.js';
import type { Extra, Peer } from './wire.js';

/** What a call needs of its phone. */
export interface CallHost extends Identity {
  request(request: SipText, to: Peer): Promise<SipText | undefined>;
  respond(response: SipText, to: Peer): void;
  send(text: SipText, to: Peer): void;
  /** The request with an answer to the challenge; undefined where it is none, or there is no password for it. */
  authorize(request: SipText, challenge: SipText): SipText | undefined;
}

export interface CallEnd {
  readonly by: 'us' | 'peer';
  /** Of an INVITE that was not accepted. */
  readonly status?: number;
  /** What ended the call: BYE, CANCEL, or the other side's refusal. */
  readonly message?: SipText;
}

/** A request of the other side in the dialog, other than ACK. */
export interface InDialog {
  readonly atMs: number;
  readonly method: string;
  /** Of its SDP; undefined without one. */
  readonly direction: Direction | undefined;
  readonly message: SipText;
}

const ACK_LIMIT_MS = 32_000;
/** What a REFER takes at most: the target's ringing included. */
const REFER_LIMIT_MS = 30_000;

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
  #holding: 'sendonly' | 'inactive' | undefined;
  /** Our latest INVITE. */
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

  static called(host: CallHost, media: PhoneMedia, message: SipText, from: Peer): PhoneCall {
    return new PhoneCall(host, media, Dialog.called(host, message), { message, from });
  }

  static calling(host: CallHost, media: PhoneMedia, target: string, headers: Extra['headers'] = []): PhoneCall {
    const call = new PhoneCall(host, media, Dialog.calling(host, target), undefined);
    void call.#call(headers);
    return call;
  }

  get callId(): string {
    return this.dialog.callId;
  }

  get over(): boolean {
    return this.#state === 'over';
  }

  ring(): void {
    this.#answerInvite(180, 'Ringing');
  }

  refuse(status: number, phrase: string, headers: Extra['headers'] = []): void {
    this.#answerInvite(status, phrase, { headers });
    this.#over({ by: 'us', status });
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

  /** Puts the other side on hold. @returns the final status of the re-INVITE, 408 where none came */
  hold(direction: 'sendonly' | 'inactive' = 'sendonly'): Promise<number> {
    this.#holding = direction;
    return this.#reinvite(direction, false);
  }

  resume(): Promise<number> {
    this.#holding = undefined;
    return this.#reinvite('sendrecv', true);
  }

  /**
   * Blind transfer: REFER to a URI. Resolves with the last sipfrag status, or the status of a REFER that was refused. The
   * phone hangs up when the transfer is over, as phones do.
   */
  transfer(target: string): Promise<number> {
    return this.#refer(`<${target}>`);
  }

  /** Attended transfer: joins the far side of this call with that of another call of this phone. */
  transferTo(other: PhoneCall): Promise<number> {
    return this.#refer(`<${other.dialog.remoteUri}?Replaces=${encodeURIComponent(other.dialog.replaces)}>`);
  }

  /** Hangs up, whatever state the call is in. Idempotent. */
  async hangup(): Promise<void> {
    switch (this.#state) {
      case 'over':
        return;
      case 'up':
        this.#over({ by: 'us' });
        await this.#ask(this.dialog.request('BYE'));
        return;
      case 'early':
        if (this.incoming !== undefined) return this.refuse(486, 'Busy Here');
        this.#over({ by: 'us', status: 487 });
        if (this.#invite !== undefined) await this.host.request(this.dialog.cancel(this.#invite), this.host.peer);
        return;
    }
  }

  /** A request of the other side within the call. */
  receive(message: SipText, from: Peer): void {
    const method = cseq(message)?.method ?? '';
    if (method === 'ACK') return this.#ackCame?.();
    const direction = message.body.includes('m=audio') ? directionOf(message.body) : undefined;
    this.requests.push({ atMs: performance.now(), method, direction, message });
    switch (method) {
      case 'INVITE':
      case 'UPDATE':
        return this.#offered(method, message, from);
      case 'BYE':
      case 'CANCEL':
        this.#respond(message, from, 200, 'OK');
        if (method === 'CANCEL') this.#answerInvite(487, 'Request Terminated');
        return this.#over({ by: 'peer', message });
      case 'NOTIFY':
        this.#respond(message, from, 200, 'OK');
        return void this.progress.push(Number(/^SIP\/2\.0 (\d{3})/.exec(message.body)?.[1] ?? 0));
      case 'INFO':
      case 'OPTIONS':
        return this.#respond(message, from, 200, 'OK');
      default:
        return this.#respond(message, from, 501, 'Not Implemented');
    }
  }

  async #call(headers: Extra['headers']): Promise<void> {
    const response = await this.#ask(this.dialog.request('INVITE', { headers: headers ?? [], body: this.#sdp() }));
    const status = response === undefined ? 408 : (statusOf(response) ?? 500);
    if (response === undefined || status >= 300) {
      return this.#over({ by: 'peer', status, ...(response !== undefined && { message: response }) });
    }
    const answer = readSdp(response.body);
    if (answer !== undefined) this.media.agree(answer, sends(this.#direction));
    if (this.#state === 'over') return void (await this.#ask(this.dialog.request('BYE'))); // it crossed our CANCEL
    this.#state = 'up';
    this.#resolveAnswered(true);
  }

  #offered(method: string, message: SipText, from: Peer): void {
    const offer = readSdp(message.body);
    if (offer !== undefined) {
      this.#direction = answerTo(offer.direction);
      // Who holds stays on hold, whatever the other side offers.
      if (this.#holding !== undefined) this.#direction = sends(this.#direction) ? this.#holding : 'inactive';
      this.media.agree(offer, this.#holding === undefined && sends(this.#direction));
    }
    this.#version++;
    const headers = [['Contact', this.host.contact] as const, ALLOW];
    const wantsSdp = offer !== undefined || method === 'INVITE';
    this.#respond(message, from, 200, 'OK', wantsSdp ? { headers, body: this.#sdp() } : { headers });
  }

  async #reinvite(direction: Direction, send: boolean): Promise<number> {
    this.#direction = direction;
    this.#version++;
    const response = await this.#ask(this.dialog.request('INVITE', { body: this.#sdp() }));
    const answer = response && readSdp(response.body);
    if (answer !== undefined) this.media.agree(answer, send);
    return response === undefined ? 408 : (statusOf(response) ?? 500);
  }

  async #refer(referTo: string): Promise<number> {
    const headers = [['Refer-To', referTo] as const, ['Referred-By', this.dialog.localAddress] as const];
    const response = await this.#ask(this.dialog.request('REFER', { headers }));
    const status = response === undefined ? 408 : (statusOf(response) ?? 500);
    if (status >= 300) return status;
    let over = false;
    void this.ended.then(() => (over = true));
    for (const limit = performance.now() + REFER_LIMIT_MS; performance.now() < limit;) {
      if (over || (this.progress.at(-1) ?? 0) >= 200) break;
      await delay(20);
    }
    await this.hangup();
    return this.progress.at(-1) ?? status;
  }

  /** Sends a request, challenged or not; a response to an INVITE is ACKed. */
  async #ask(first: SipText): Promise<SipText | undefined> {
    const response = await this.#send(first);
    const authorized = response && this.host.authorize(first, response);
    return authorized === undefined ? response : this.#send(this.dialog.again(authorized));
  }

  async #send(request: SipText): Promise<SipText | undefined> {
    const invite = cseq(request)?.method === 'INVITE';
    if (invite) this.#invite = request;
    const response = await this.host.request(request, this.host.peer);
    if (!invite || response === undefined) return response;
    const refused = (statusOf(response) ?? 0) >= 300;
    if (!refused) this.dialog.learn(response);
    this.host.send(refused ? this.dialog.ackRefusal(request, response) : this.dialog.ack(request), this.host.peer);
    return response;
  }

  #respond(request: SipText, to: Peer, status: number, phrase: string, extra: Extra = {}): void {
    this.host.respond(this.dialog.response(request, status, phrase, extra), to);
  }

  #answerInvite(status: number, phrase: string, extra: Extra = {}): void {
    if (this.incoming === undefined) return;
    const { message, from } = this.incoming;
    const headers = [['Contact', this.host.contact] as const, ALLOW, ...(extra.headers ?? [])];
    const response = this.dialog.response(message, status, phrase, { ...extra, headers });
    this.host.respond(response, from);
    if (status === 200) void this.#repeatUntilAck(response, from);
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

  #sdp(): string {
    return writeSdp(this.media.at, this.#direction, this.#version);
  }

  #over(end: CallEnd): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#resolveAnswered(false);
    this.#resolveEnded(end);
  }
}

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

/** The Reason header of what ended a call. */
export function reasonOf(end: CallEnd): string | undefined {
  return end.message && header(end.message, 'reason');
}
