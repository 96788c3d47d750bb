import type { MediaReport } from '../../media/types.js';
import type { CallTimes, Ended } from '../call.js';
import { judgeResponse, judgeTarget } from '../judge.js';
import type { LadderEntry } from '../ladder.js';
import type { AnsweringMedia } from '../media-port.js';
import type { ReplyParts } from '../reply.js';
import type { Violation } from '../rules-used.js';
import type { SipSocket } from '../sip-socket.js';
import { cseq, header, parameter, statusOf, type SipText } from '../sip-text.js';
import { Admission } from './admission.js';
import { Conversation } from './conversation.js';
import { CalleeDialog } from './dialog.js';
import type { BusinessCallHost } from './host.js';
import { judgeInDialog } from './in-dialog.js';
import { branchOf, Invites } from './invites.js';
import type { BusinessNumber } from './number.js';
import { refusalOf, type Plan } from './plan.js';
import { refusalHeaders, type FinalRefusal, type RefusalId } from './refusals.js';

const T1_MS = 500;
const T2_MS = 4000;
/** RFC 3261: 64*T1, for an ACK (13.3.1.4), a BYE's response and an INVITE with credentials. */
const LIMIT_MS = 64 * T1_MS;

type State =
  | { readonly kind: 'challenged' }
  | { readonly kind: 'deciding' }
  | { readonly kind: 'alerting'; readonly crossing?: AnsweringMedia }
  /** 200 sent, ACK awaited; BYE may only follow it (RFC 3261 section 15). */
  | { readonly kind: 'accepted'; readonly then?: Ended }
  | { readonly kind: 'up' }
  | { readonly kind: 'hanging-up'; readonly end: Ended }
  | { readonly kind: 'ended' };

/** A call of the business to a WhatsApp user, on Meta's side of the trunk. */
export class BusinessCall {
  readonly id: { readonly callId: string; readonly wacid: string };
  /** User parts of From and To: +E.164, or the callee's BSUID. */
  readonly from: string;
  readonly to: string;
  /** The business number as Meta knows it; undefined for none of its own. */
  readonly number: BusinessNumber | undefined;
  readonly times: CallTimes = {};
  /** Resolves when 180 is sent; with undefined if the call ends without one. */
  readonly ringing: Promise<number | undefined>;
  /** Resolves at the ACK of the 200 with the SDP of the 200; with undefined if the call ends without one. */
  readonly answered: Promise<{ readonly sdp: string } | undefined>;
  /** Resolves when the call is over, however it ends. */
  readonly ended: Promise<Ended>;

  readonly #conversation: Conversation;
  readonly #admission: Admission;
  readonly #invites = new Invites();
  readonly #dialog: CalleeDialog;
  #state: State = { kind: 'challenged' };
  #media: AnsweringMedia | undefined;
  #answerSdp = '';
  #timer: NodeJS.Timeout | undefined;
  #resolveRinging!: (status: number | undefined) => void;
  #resolveAnswered!: (answer: { readonly sdp: string } | undefined) => void;
  #resolveEnded!: (ended: Ended) => void;

  /** @param invite the first INVITE, which comes to `receive` next. */
  constructor(
    invite: SipText,
    private readonly host: BusinessCallHost,
  ) {
    const callId = header(invite, 'call-id') ?? '';
    this.#conversation = new Conversation(callId, host);
    this.#admission = new Admission(invite, host.numbers, host.hostname, this.#conversation.report);
    ({ from: this.from, to: this.to, number: this.number } = this.#admission.parties);
    this.#dialog = new CalleeDialog(invite, this.to);
    this.id = { callId, wacid: this.#dialog.wacid };
    this.ringing = new Promise((resolve) => (this.#resolveRinging = resolve));
    this.answered = new Promise((resolve) => (this.#resolveAnswered = resolve));
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  /** The SDP of the last INVITE. */
  get offer(): string {
    return this.#dialog.invite.body;
  }

  /** A header of the last INVITE, by its full name in lower case. */
  header(name: string): string | undefined {
    return header(this.#dialog.invite, name);
  }

  /** The media that the call was or will be answered with. */
  get media(): AnsweringMedia | undefined {
    return this.#media;
  }

  /** What the user heard; undefined without media that can tell. */
  async report(): Promise<MediaReport | undefined> {
    return this.#media?.report?.();
  }

  /** Every SIP message so far, in order. */
  ladder(): readonly LadderEntry[] {
    return this.#conversation.ladder;
  }

  /** The rules of Meta that the gateway broke in this call, each finding once. */
  get violations(): readonly Violation[] {
    return this.#conversation.violations;
  }

  /** The user answers. Throws Error if the call does not ring. */
  answer(media: AnsweringMedia): void {
    this.#mustRing('answer');
    this.#accept(media);
  }

  /** The user or Meta refuses. Throws Error if the call does not ring. */
  refuse(refusal: RefusalId | FinalRefusal): void {
    this.#mustRing('refuse');
    this.#refuse(refusalOf(refusal));
  }

  /** The user hangs up: BYE once the ACK is there, a refusal before the answer. Resolves when the call is over. */
  async hangup(): Promise<Ended> {
    this.#leave({ by: 'user', cause: 'hangup' });
    return this.ended;
  }

  /** Ends the call without a word to the gateway and releases everything. Idempotent. */
  close(): void {
    this.#finish({ by: 'meta', cause: 'closed' });
  }

  /** A message of the gateway with this Call-ID. */
  receive(raw: string, text: SipText, from: SipSocket): void {
    this.#conversation.heard(raw);
    if (statusOf(text) !== undefined) {
      this.#onResponse(text);
      return;
    }
    const method = cseq(text)?.method ?? '';
    const inDialog = parameter(header(text, 'to') ?? '', 'tag') !== undefined;
    if (method === 'INVITE' && !inDialog) this.#onInvite(text, from);
    else if (method === 'CANCEL') this.#onCancel(text, from);
    else if (method === 'ACK') this.#onAck(text);
    else this.#onRequest(text, from);
  }

  #onInvite(text: SipText, from: SipSocket): void {
    if (this.#state.kind !== 'challenged') {
      this.#conversation.report('auth-retry', `INVITE with the Call-ID of a call that is ${this.#state.kind}`);
      this.#reply(text, from, 482, 'Loop Detected');
      return;
    }
    this.#invites.add(text, from);
    this.#dialog.invite = text;
    this.times.invite ??= this.#now();
    const decision = this.#admission.judge(text);
    switch (decision.kind) {
      case 'refused':
        this.#refuse(decision.refusal);
        return;
      case 'challenged':
        this.#final(407, undefined, { headers: decision.headers, toTag: branchOf(text) });
        this.#after(LIMIT_MS, () => {
          this.#finish({ by: 'business', cause: 'no-response' });
        });
        return;
      case 'admitted':
        clearTimeout(this.#timer);
        if (this.#invites.count > 1) this.times.authorizedInvite = this.#now();
        this.#state = { kind: 'deciding' };
        this.#reply(text, from, 100);
        this.host.decide(this).then(
          (plan) => {
            this.#follow(plan);
          },
          (error: unknown) => {
            if (this.#state.kind === 'deciding') this.#refuse({ status: 500, reason: `no plan: ${textOf(error)}` });
          },
        );
    }
  }

  #follow(plan: Plan): void {
    if (plan.kind === 'answer') this.#media = plan.media;
    if (this.#state.kind !== 'deciding') {
      if (plan.kind === 'answer') void plan.media.close();
      return;
    }
    const crossing = plan.kind === 'answer' && plan.crossesCancel === true;
    this.#state = { kind: 'alerting', ...(crossing && { crossing: plan.media }) };
    if (plan.kind === 'ring' || (plan.ringing ?? plan.kind === 'answer')) this.#ring();
    if (plan.kind === 'ring' || crossing) return;
    this.#after(plan.afterMs ?? 0, () => {
      if (plan.kind === 'answer') this.#accept(plan.media);
      else this.#refuse(refusalOf(plan.refusal));
    });
  }

  #ring(): void {
    const { from } = this.#invites.current;
    this.#conversation.respond(this.#dialog.response(180, from), from);
    this.times.ringing = this.#now();
    this.#resolveRinging(180);
  }

  #accept(media: AnsweringMedia): void {
    const invite = this.#invites.current;
    clearTimeout(this.#timer);
    this.#media = media;
    try {
      this.#answerSdp = media.answerSdp(invite.text.body);
    } catch (error) {
      this.#refuse({ status: 403, reason: textOf(error) });
      return;
    }
    media.on('timeout', (rule) => {
      this.#onMediaTimeout(rule);
    });
    invite.final = 200;
    this.times.answer = this.#now();
    this.#state = { kind: 'accepted' };
    this.#sendOk(this.#dialog.response(200, invite.from, this.#answerSdp), invite.from, T1_MS);
  }

  /** Sends the 200 until its ACK comes (RFC 3261 section 13.3.1.4). */
  #sendOk(ok: string, to: SipSocket, waitMs: number): void {
    if (this.#now() - (this.times.answer ?? 0) > LIMIT_MS) {
      this.#bye({ by: 'meta', cause: 'no-ack' });
      return;
    }
    this.#conversation.respond(ok, to);
    this.#after(waitMs, () => {
      this.#sendOk(ok, to, Math.min(2 * waitMs, T2_MS));
    });
  }

  #refuse(refusal: FinalRefusal): void {
    const { status, reason } = refusal;
    this.#final(status, reason, { headers: refusalHeaders(refusal, this.header('require')) });
    this.#finish({ by: status === 480 || status === 486 ? 'user' : 'meta', cause: 'rejected', status, reason });
  }

  #onCancel(text: SipText, from: SipSocket): void {
    const invite = this.#invites.cancelledBy(text);
    if (invite === undefined) {
      this.#conversation.report('cancel', `${text.startLine}, CSeq ${header(text, 'cseq') ?? ''}: no INVITE like that`);
      this.#reply(text, from, 481);
      return;
    }
    const { crossing } = this.#state.kind === 'alerting' ? this.#state : {};
    if (crossing) this.#accept(crossing);
    this.#reply(text, from, 200);
    // After the final answer it has no effect (RFC 3261 section 9.2).
    if (invite.final === undefined) this.#cancelled(header(text, 'reason'));
  }

  #cancelled(reason: string | undefined): void {
    this.#final(487);
    this.#finish({ by: 'business', cause: 'cancelled', status: 487, ...(reason !== undefined && { reason }) });
  }

  #onAck(text: SipText): void {
    if (this.#invites.refusalAckedBy(text) || this.#state.kind !== 'accepted') return;
    if (!this.#dialog.owns(text)) {
      this.#conversation.report('dialog', `ACK ${header(text, 'cseq') ?? ''}, To ${header(text, 'to') ?? ''}`);
      return;
    }
    if (judgeTarget(text, this.#dialog, this.#conversation.report) !== undefined) return;
    const { then } = this.#state;
    clearTimeout(this.#timer);
    this.times.ack = this.#now();
    this.#state = { kind: 'up' };
    this.#media?.markAck();
    this.#resolveAnswered({ sdp: this.#answerSdp });
    if (then) this.#bye(then);
  }

  #onRequest(text: SipText, from: SipSocket): void {
    const { kind } = this.#state;
    if (kind === 'challenged' || kind === 'ended') {
      this.#reply(text, from, 481);
      return;
    }
    const decision = judgeInDialog(text, this.#dialog, this.#admission.challenges, this.#conversation.report);
    if (decision.kind === 'bye') this.#onBye(text, from);
    else this.#reply(text, from, decision.status, decision.reason, { headers: decision.headers ?? [] });
  }

  #onBye(text: SipText, from: SipSocket): void {
    const { kind } = this.#state;
    this.#media?.markEnd();
    this.#reply(text, from, 200);
    const reason = header(text, 'reason');
    // BYE of an early dialog ends the INVITE as well (RFC 3261 section 15.1.2).
    if (kind === 'deciding' || kind === 'alerting') {
      this.#cancelled(reason);
      return;
    }
    if (kind === 'accepted') this.#conversation.report('dialog', 'BYE before the ACK');
    this.#finish({ by: 'business', cause: 'hangup', ...(reason !== undefined && { reason }) });
  }

  #onMediaTimeout(rule: 'media-start-timeout' | 'media-gap-timeout'): void {
    this.#conversation.report(rule, 'not receiving any media for a long time');
    this.#leave({ by: 'meta', cause: rule });
  }

  #leave(end: Ended): void {
    switch (this.#state.kind) {
      case 'deciding':
      case 'alerting':
        this.#refuse(refusalOf('declined'));
        return;
      case 'accepted':
        this.#state = { kind: 'accepted', then: end };
        return;
      case 'up':
        this.#bye(end);
        return;
      case 'challenged':
        this.#finish({ by: end.by, cause: 'closed' });
        return;
      case 'hanging-up':
      case 'ended':
    }
  }

  #bye(end: Ended): void {
    this.#state = { kind: 'hanging-up', end };
    this.#media?.markEnd();
    this.#after(LIMIT_MS, () => {
      this.#finish(end);
    });
    const text = end.cause.startsWith('media-') ? 'not receiving any media for a long time' : undefined;
    const talkSeconds = this.times.ack === undefined ? 0 : Math.round((this.#now() - this.times.ack) / 1000);
    const bye = this.#dialog.bye(talkSeconds, text && `SIP;cause=408;text="${text}"`);
    this.#conversation.request(bye).catch((error: unknown) => {
      this.#finish({ ...end, reason: textOf(error) });
    });
  }

  #onResponse(text: SipText): void {
    const vias = this.#dialog.viasOfBye(text);
    if (vias === undefined) {
      this.#conversation.report('via', `response to nothing sent: ${text.startLine}`);
      return;
    }
    judgeResponse(text, vias, { id: this.#dialog, hostname: this.host.hostname }, this.#conversation.report);
    const status = statusOf(text) ?? 0;
    if (status >= 200 && this.#state.kind === 'hanging-up') this.#finish({ ...this.#state.end, status });
  }

  /** The final answer to the current INVITE. */
  #final(status: number, reason?: string, parts: ReplyParts = {}): void {
    const invite = this.#invites.current;
    invite.final = status;
    this.#reply(invite.text, invite.from, status, reason, parts);
  }

  #reply(request: SipText, to: SipSocket, status: number, reason?: string, parts: ReplyParts = {}): void {
    this.#conversation.respond(this.#dialog.reply(request, to, status, reason, parts), to);
  }

  #mustRing(what: string): void {
    if (this.#state.kind === 'alerting') return;
    throw new Error(`BusinessCall.${what}: the call is ${this.#state.kind}, it does not ring`);
  }

  /** The one timer of the call. */
  #after(ms: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, ms);
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
    void (this.#media?.close() ?? Promise.resolve()).then(over, over);
  }

  #now(): number {
    return this.#conversation.now();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
