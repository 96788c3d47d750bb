/** Runs the effects of one user-initiated call. Owns its timers, its media and both legs; closes once. */
import type { NumberConfig, TrunkConfig } from '../config/types.js';
import { MediaFailure, type MediaPort, type MediaSession } from '../media/port.js';
import {
  InviteGone,
  type Dialog,
  type DialogObserver,
  type Headers,
  type IncomingInvite,
  type IncomingRequest,
  type OutgoingCall,
  type SipPort,
} from '../sip/port.js';
import { reasonHeader, q850Of, type Failure, type FailureCode } from './failures.js';
import {
  INITIAL,
  step,
  type CallEffect,
  type CallEvent,
  type CallState,
  type CallTimer,
  type Outcome,
} from './machine.js';
import type { CallIdentity, CallObserver, CallRecord } from './observer.js';
import { dialTarget } from './dial.js';

export interface SessionLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface UserCallPlan {
  readonly identity: CallIdentity;
  readonly invite: IncomingInvite;
  readonly number: NumberConfig;
  readonly trunk: TrunkConfig;
  readonly extension: string;
  readonly from: string;
  /** For the PBX: X-WA-* and the like. */
  readonly headers: Headers;
  /** For the 200 to Meta. */
  readonly contact: string;
}

export interface SessionDeps {
  readonly sip: SipPort;
  readonly media: MediaPort;
  readonly log: SessionLog;
  readonly observer: CallObserver;
  readonly now: () => number;
}

export class UserCallSession {
  #state: CallState = INITIAL;
  #media: MediaSession | undefined;
  #whatsapp: Dialog | undefined;
  #pbx: Dialog | undefined;
  #dialling: OutgoingCall | undefined;
  readonly #timers = new Map<CallTimer, NodeJS.Timeout>();
  readonly #aborted = new AbortController();
  readonly #startedAt: number;
  readonly #times: { dialledMs?: number; ringingMs?: number; answeredMs?: number } = {};
  readonly #done: Promise<void>;
  #resolveDone!: (value?: unknown) => void;
  #opening: Promise<MediaSession | undefined> | undefined;
  readonly #legsClosing: Promise<void>[] = [];

  constructor(
    private readonly plan: UserCallPlan,
    private readonly deps: SessionDeps,
  ) {
    this.#startedAt = deps.now();
    this.#done = new Promise((resolve) => (this.#resolveDone = () => resolve()));
  }

  /** Resolves when both legs and the media are closed. */
  get done(): Promise<void> {
    return this.#done;
  }

  start(): void {
    this.plan.invite.onCancel((reason, why) => {
      if (why === 'cancelled') this.#feed({ kind: 'caller-cancelled' });
      else this.#feed({ kind: 'caller-ended', end: { by: 'lost', reason } });
    });
    this.deps.observer.started(this.plan.identity);
    this.#feed({ kind: 'start' });
  }

  /** Ends the call wherever it stands. */
  shutdown(): void {
    this.#feed({ kind: 'shutdown' });
  }

  #feed(event: CallEvent): void {
    const before = this.#state.kind;
    const { state, effects } = step(this.plan.trunk.hosts.length, this.#state, event);
    this.#state = state;
    this.deps.log.debug({ event: event.kind, before, after: state.kind }, 'call step');
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: CallEffect): void {
    switch (effect.kind) {
      case 'open-media':
        return this.#openMedia();
      case 'answer-media':
        return this.#answerMedia(effect.sdp);
      case 'start-media':
        return this.#media?.start();
      case 'close-media':
        return this.#aborted.abort();
      case 'dial':
        return this.#dial(effect.attempt);
      case 'cancel-callee':
        return this.#dialling?.cancel({ Reason: reasonHeader(effect.failure) });
      case 'bye-callee':
        return this.#bye(this.#pbx, effect.failure);
      case 'bye-caller':
        return this.#bye(this.#whatsapp, effect.failure);
      case 'ring-caller':
        this.#times.ringingMs ??= this.#elapsed();
        return this.plan.invite.respond({ status: 180, reason: 'Ringing', headers: { Contact: this.plan.contact } });
      case 'accept-caller':
        return this.#accept(effect.sdp);
      case 'refuse-caller':
        return this.#refuse(effect.failure);
      case 'start-timer':
        return this.#startTimer(effect.timer);
      case 'stop-timer':
        return this.#stopTimer(effect.timer);
      case 'finish':
        return this.#finish(effect.outcome);
    }
  }

  #openMedia(): void {
    const { invite, number, trunk, identity } = this.plan;
    const opening = this.deps.media.openUserCall({
      id: identity.id,
      whatsappOffer: invite.body,
      keying: number.keying,
      whatsappCodecs: number.codecs,
      pbxCodecs: trunk.codecs,
      onLost: (reason) => {
        this.deps.log.warn({ reason }, 'media session lost');
        this.#feed({ kind: 'media-lost' });
      },
      signal: this.#aborted.signal,
    });
    this.#opening = opening.then(
      (session) => {
        this.#media = session;
        this.#feed({ kind: 'media-opened' });
        return session;
      },
      (error: unknown) => {
        this.#feed({ kind: 'media-failed', code: this.#mediaFailure(error, 'sdp') });
        return undefined;
      },
    );
  }

  #answerMedia(sdp: string): void {
    this.#media?.answer(sdp).then(
      (answer) => this.#feed({ kind: 'media-answered', sdp: answer }),
      (error: unknown) => this.#feed({ kind: 'media-failed', code: this.#mediaFailure(error, 'pbx-answer') }),
    );
  }

  /** @param sdp whose fault it is when the SDP cannot be served */
  #mediaFailure(error: unknown, sdp: FailureCode): FailureCode {
    if (!(error instanceof MediaFailure)) {
      this.deps.log.warn({ err: error }, 'media failed');
      return 'internal';
    }
    if (error.kind !== 'aborted') this.deps.log.warn({ kind: error.kind, detail: error.message }, 'media failed');
    switch (error.kind) {
      case 'sdp':
        return sdp;
      case 'unavailable':
        return 'media-unavailable';
      case 'full':
        return 'media-full';
      case 'aborted':
        return 'cancelled';
    }
  }

  #dial(attempt: number): void {
    const host = this.plan.trunk.hosts[attempt];
    if (host === undefined || this.#media === undefined) return this.#feed({ kind: 'callee-unreachable', attempt });
    this.#times.dialledMs ??= this.#elapsed();
    const target = dialTarget(host, this.plan.extension);
    this.#dialling = this.deps.sip.invite(
      { ...target, from: this.plan.from, headers: this.plan.headers, sdp: this.#media.pbxOffer },
      {
        provisional: (status) => this.#feed({ kind: 'callee-provisional', attempt, status }),
        answered: (dialog, sdp) => {
          this.#pbx = dialog;
          this.#feed({ kind: 'callee-answered', attempt, sdp });
        },
        failed: (failure) => {
          this.deps.log.info({ host: host.host, ...failure }, 'PBX leg failed');
          if (failure.kind === 'unreachable') return this.#feed({ kind: 'callee-unreachable', attempt });
          if (failure.kind === 'cancelled') return;
          const q850 = q850Of(failure.header('reason'));
          const refusal = { kind: 'callee-refused', attempt, status: failure.status, reason: failure.reason } as const;
          this.#feed(q850 === undefined ? refusal : { ...refusal, q850 });
        },
        dialog: this.#legObserver('callee'),
      },
    );
  }

  #accept(sdp: string): void {
    this.plan.invite.accept({ sdp, headers: { Contact: this.plan.contact } }, this.#legObserver('caller')).then(
      (dialog) => {
        this.#whatsapp = dialog;
        this.#times.answeredMs = this.#elapsed();
        this.#feed({ kind: 'accepted' });
      },
      (error: unknown) => {
        if (error instanceof InviteGone && error.why === 'cancelled') return this.#feed({ kind: 'caller-cancelled' });
        this.deps.log.warn({ err: error }, '200 to WhatsApp not sent');
        this.#feed({ kind: 'accept-failed' });
      },
    );
  }

  #legObserver(leg: 'caller' | 'callee'): DialogObserver {
    return {
      ended: (end) => this.#feed({ kind: leg === 'caller' ? 'caller-ended' : 'callee-ended', end }),
      request: (request) => answerInDialog(request),
    };
  }

  #refuse(failure: Failure): void {
    this.plan.invite.respond({
      status: failure.status,
      reason: failure.reason,
      headers: { Reason: reasonHeader(failure), ...(failure.status === 503 ? { 'Retry-After': '5' } : {}) },
    });
  }

  #bye(dialog: Dialog | undefined, failure: Failure): void {
    if (dialog !== undefined) this.#legsClosing.push(dialog.bye({ Reason: reasonHeader(failure) }));
  }

  #startTimer(timer: CallTimer): void {
    this.#stopTimer(timer);
    const { connectTimeoutMs, answerTimeoutMs } = this.plan.trunk;
    const handle =
      timer === 'attempt'
        ? setTimeout(() => this.#feed({ kind: 'attempt-timeout' }), connectTimeoutMs)
        : setTimeout(() => this.#feed({ kind: 'answer-timeout' }), answerTimeoutMs);
    this.#timers.set(timer, handle);
  }

  #stopTimer(timer: CallTimer): void {
    clearTimeout(this.#timers.get(timer));
    this.#timers.delete(timer);
  }

  #finish(outcome: Outcome): void {
    for (const timer of [...this.#timers.keys()]) this.#stopTimer(timer);
    const record = { outcome, ...this.#times, endedMs: this.#elapsed() };
    this.#closeMedia()
      .then((media) => this.#report({ ...record, media }))
      .catch((error: unknown) => {
        this.deps.log.warn({ err: error }, 'media not closed cleanly');
        this.#report({ ...record, media: undefined });
      });
  }

  async #closeMedia(): Promise<CallRecord['media']> {
    const session = this.#media ?? (await this.#opening);
    return session?.close();
  }

  #report(record: CallRecord): void {
    this.deps.observer.ended(this.plan.identity, record);
    void Promise.all(this.#legsClosing).then(this.#resolveDone);
  }

  #elapsed(): number {
    return this.deps.now() - this.#startedAt;
  }
}

/** What each side may ask inside its dialog, before hold and transfer are built: nothing that changes the session. */
function answerInDialog(request: IncomingRequest): void {
  switch (request.method) {
    case 'OPTIONS':
    case 'NOTIFY':
      return request.respond({ status: 200, reason: 'OK' });
    case 'INVITE':
    case 'UPDATE':
      return request.respond({ status: 488, reason: 'Not Acceptable Here' });
    default:
      return request.respond({
        status: 405,
        reason: 'Method Not Allowed',
        headers: { Allow: 'INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY' },
      });
  }
}
