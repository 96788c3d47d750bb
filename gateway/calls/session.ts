/** Runs the effects of one call, whoever began it. Owns its timers, its media and both legs; closes once. */
import { MediaFailure } from '../media/port.js';
import {
  InviteGone,
  type Dialog,
  type DialogObserver,
  type Headers,
  type InviteFailure,
  type OutgoingCall,
  type SipPort,
} from '../sip/port.js';
import { reasonHeader, type Failure, type FailureCode } from './failures.js';
import { INITIAL, step } from './machine.js';
import type { CallEffect, CallEvent, CallRules, CallState, CallTimer, Outcome } from './machine-types.js';
import type { CallIdentity, CallObserver, CallRecord } from './observer.js';
import { PbxParty } from './pbx-party.js';
import type { Attempt, CallMediaSession, CallPlan } from './plan.js';
import { answerWhatsApp } from './whatsapp-requests.js';

/** Meta's id of a call. */
const WACID = 'x-wa-meta-wacid';

export interface SessionLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SessionDeps {
  readonly sip: SipPort;
  /** For lines that carry these fields. */
  readonly logFor: (fields: object) => SessionLog;
  readonly observer: CallObserver;
  readonly now: () => number;
  /** Whether a call of the gateway has this Call-ID toward the PBX. */
  readonly isOwnCall: (callId: string) => boolean;
}

export class CallSession {
  readonly #plan: CallPlan;
  readonly #deps: SessionDeps;
  readonly #rules: CallRules;
  readonly #pbx: PbxParty;
  #identity: CallIdentity;
  #log: SessionLog;
  /** What has happened while the effects of something else were run. */
  readonly #events: CallEvent[] = [];
  #feeding = false;
  /** The last one that was begun. */
  #attempt = 0;
  #whatsapp: Dialog | undefined;
  #state: CallState = INITIAL;
  #media: CallMediaSession | undefined;
  #opening: Promise<CallMediaSession | undefined> | undefined;
  #dialling: OutgoingCall | undefined;
  readonly #timers = new Map<CallTimer, NodeJS.Timeout>();
  readonly #aborted = new AbortController();
  readonly #startedAt: number;
  #wacid: string | undefined;
  readonly #times: { dialledMs?: number; ringingMs?: number; answeredMs?: number } = {};
  /** Resolves when both legs and the media are closed. */
  readonly done: Promise<void>;
  #resolveDone!: () => void;
  readonly #legsClosing: Promise<void>[] = [];

  constructor(plan: CallPlan, deps: SessionDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#identity = plan.identity;
    this.#log = this.#logOf(plan.identity);
    this.#rules = { attempts: plan.attempts.length, callee: plan.callee, unreachable: plan.unreachable };
    this.#pbx = new PbxParty({
      sip: deps.sip,
      log: {
        info: (fields, message) => this.#log.info(fields, message),
        warn: (fields, message) => this.#log.warn(fields, message),
      },
      redial: (extension, offer) => plan.redial(extension, offer, this.#attempt),
      isOwnCall: (callId) => deps.isOwnCall(callId),
      contact: plan.callee === 'pbx' ? undefined : plan.contact,
      ended: (end) => this.#feed({ kind: plan.callee === 'pbx' ? 'callee-ended' : 'caller-ended', end }),
      expired: () => this.#feed({ kind: 'session-expired' }),
      unusable: () => this.#feed({ kind: 'media-failed', code: 'pbx-answer' }),
    });
    this.#startedAt = deps.now();
    this.done = new Promise((resolve) => (this.#resolveDone = resolve));
  }

  start(): void {
    this.#plan.invite.onCancel((reason, why) => {
      if (why === 'cancelled') this.#feed({ kind: 'caller-cancelled' });
      else this.#feed({ kind: 'caller-ended', end: { by: 'lost', reason } });
    });
    this.#deps.observer.started(this.#identity);
    this.#feed({ kind: 'start' });
  }

  /** Of the dialog with the PBX; undefined: there is none yet. */
  get pbxCallId(): string | undefined {
    return this.#pbx.callId;
  }

  /** Ends the call wherever it stands. */
  shutdown(): void {
    this.#feed({ kind: 'shutdown' });
  }

  /** One event after the other: all effects of the first are under way before the next one is looked at. */
  #feed(event: CallEvent): void {
    this.#events.push(event);
    if (this.#feeding) return;
    this.#feeding = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#feeding = false;
    }
  }

  #step(event: CallEvent): void {
    const before = this.#state.kind;
    const { state, effects } = step(this.#rules, this.#state, event);
    this.#state = state;
    this.#log.debug({ event: event.kind, before, after: state.kind }, 'call step');
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: CallEffect): void {
    switch (effect.kind) {
      case 'ask-permission':
        return void this.#askPermission();
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
        return this.#bye(this.#plan.callee, effect.failure);
      case 'bye-caller':
        return this.#bye(this.#plan.callee === 'pbx' ? 'whatsapp' : 'pbx', effect.failure);
      case 'ring-caller':
        return void this.#ring();
      case 'accept-caller':
        return this.#accept(effect.sdp);
      case 'refuse-caller':
        return this.#plan.invite.respond(this.#plan.refusal(effect.failure));
      case 'start-timer':
        return this.#startTimer(effect.timer);
      case 'stop-timer':
        return this.#stopTimer(effect.timer);
      case 'finish':
        return this.#finish(effect.outcome);
    }
  }

  async #askPermission(): Promise<void> {
    const verdict = await this.#plan.permission?.().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'call permission could not be asked for');
      return undefined;
    });
    if (verdict?.kind === 'deny') this.#feed({ kind: 'denied', failure: verdict.failure });
    else this.#feed({ kind: 'permitted' });
  }

  #openMedia(): void {
    const watch = {
      onLost: (reason: string) => {
        this.#log.warn({ reason }, 'media session lost');
        this.#feed({ kind: 'media-lost' });
      },
      onTrouble: (trouble: Parameters<CallObserver['trouble']>[1]) =>
        this.#deps.observer.trouble(this.#identity, trouble),
      signal: this.#aborted.signal,
    };
    this.#opening = this.#plan.openMedia(watch).then(
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
    const unusable = this.#plan.callee === 'pbx' ? 'pbx-answer' : 'whatsapp-answer';
    this.#media?.answer(sdp).then(
      (answer) => this.#feed({ kind: 'media-answered', sdp: answer }),
      (error: unknown) => this.#feed({ kind: 'media-failed', code: this.#mediaFailure(error, unusable) }),
    );
  }

  /** @param sdp whose fault it is when the SDP cannot be served */
  #mediaFailure(error: unknown, sdp: FailureCode): FailureCode {
    if (!(error instanceof MediaFailure)) {
      this.#log.warn({ err: error }, 'media failed');
      return 'internal';
    }
    if (error.kind !== 'aborted') this.#log.warn({ kind: error.kind, detail: error.message }, 'media failed');
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

  #dial(number: number): void {
    const attempt = this.#plan.attempts[number];
    if (attempt === undefined || this.#media === undefined) {
      return this.#feed({ kind: 'callee-unreachable', attempt: number });
    }
    const full = attempt.enter?.();
    if (full !== undefined) return this.#feed({ kind: 'callee-unreachable', attempt: number, failure: full });
    this.#begun(number, attempt);
    const media = this.#media;
    this.#dialling = this.#deps.sip.invite(attempt.invite(media.offer), {
      provisional: (status) => {
        attempt.reached?.('answered');
        this.#feed({ kind: 'callee-provisional', attempt: number, status });
      },
      answered: (dialog, sdp, header) => {
        attempt.reached?.('answered');
        if (this.#plan.callee === 'whatsapp') {
          this.#whatsapp = dialog;
          this.#wacid = header(WACID);
        } else {
          this.#pbx.responded(header, media);
          this.#pbx.confirmed(dialog, media);
        }
        this.#feed({ kind: 'callee-answered', attempt: number, sdp });
      },
      failed: (failure) => void this.#failed(failure, number),
      dialog: this.#plan.callee === 'pbx' ? this.#pbx.observer() : this.#whatsappObserver('callee-ended'),
    });
  }

  #begun(number: number, { trunk }: Attempt): void {
    this.#attempt = number;
    this.#times.dialledMs ??= this.#elapsed();
    if (trunk === undefined || trunk === this.#identity.trunk) return;
    this.#identity = { ...this.#identity, trunk };
    this.#log = this.#logOf(this.#identity);
  }

  #logOf({ id, ...fields }: CallIdentity): SessionLog {
    return this.#deps.logFor({ call: id, ...fields });
  }

  async #failed(failure: InviteFailure, number: number): Promise<void> {
    const attempt = this.#plan.attempts[number];
    if (failure.kind === 'cancelled') return;
    this.#log.info({ host: attempt?.name, ...failure, header: undefined }, 'callee failed');
    attempt?.reached?.(failure.kind === 'unreachable' ? 'unreachable' : 'answered');
    if (failure.kind === 'unreachable') return this.#feed({ kind: 'callee-unreachable', attempt: number });
    const refusal = await this.#plan.classify(failure, number);
    this.#feed({ kind: 'callee-refused', attempt: number, ...refusal });
  }

  /** 180; or 183 with a ringing tone, where the trunk wants one. */
  async #ring(): Promise<void> {
    this.#times.ringingMs ??= this.#elapsed();
    const { invite, contact } = this.#plan;
    const headers = { Contact: contact };
    const body = await this.#ringback();
    if (body === undefined) return invite.respond({ status: 180, reason: 'Ringing', headers });
    const withType = { ...headers, 'Content-Type': 'application/sdp' };
    invite.respond({ status: 183, reason: 'Session Progress', headers: withType, body });
  }

  async #ringback(): Promise<string | undefined> {
    if (this.#plan.ringback === 'pbx' || this.#media?.ringback === undefined) return undefined;
    try {
      return await this.#media.ringback();
    } catch (error) {
      this.#log.warn({ err: String(error) }, 'no ringing tone for the PBX');
      return undefined;
    }
  }

  #accept(sdp: string): void {
    const { invite, contact, callee } = this.#plan;
    const media = this.#media;
    if (media === undefined) return this.#feed({ kind: 'accept-failed' });
    const timing: Headers = callee === 'whatsapp' ? this.#pbx.accepting(invite, media) : {};
    const observer = callee === 'whatsapp' ? this.#pbx.observer() : this.#whatsappObserver('caller-ended');
    invite.accept({ sdp, headers: { Contact: contact, ...timing } }, observer).then(
      (dialog) => {
        if (callee === 'pbx') this.#whatsapp = dialog;
        else this.#pbx.confirmed(dialog, media);
        this.#times.answeredMs = this.#elapsed();
        this.#feed({ kind: 'accepted' });
      },
      (error: unknown) => {
        if (error instanceof InviteGone && error.why === 'cancelled') return this.#feed({ kind: 'caller-cancelled' });
        this.#log.warn({ err: error }, '200 to the caller not sent');
        this.#feed({ kind: 'accept-failed' });
      },
    );
  }

  #whatsappObserver(ended: 'caller-ended' | 'callee-ended'): DialogObserver {
    return {
      ended: (end) => {
        this.#wacid ??= end.header(WACID);
        this.#feed({ kind: ended, end });
      },
      request: answerWhatsApp,
    };
  }

  #bye(side: 'pbx' | 'whatsapp', failure: Failure): void {
    const headers = { Reason: reasonHeader(failure) };
    const leg = side === 'pbx' ? this.#pbx : this.#whatsapp;
    if (leg !== undefined) this.#legsClosing.push(leg.bye(headers));
  }

  #startTimer(timer: CallTimer): void {
    this.#stopTimer(timer);
    const { maxDurationMs, attempts } = this.#plan;
    const attempt = this.#state.kind === 'dialling' ? attempts[this.#state.attempt] : undefined;
    const start = (ms: number, event: CallEvent): void =>
      void this.#timers.set(
        timer,
        setTimeout(() => this.#feed(event), ms),
      );
    switch (timer) {
      case 'attempt':
        return start(attempt?.connectTimeoutMs ?? 0, { kind: 'attempt-timeout' });
      case 'answer':
        return start(attempt?.answerTimeoutMs ?? 0, { kind: 'answer-timeout' });
      case 'duration':
        return maxDurationMs === undefined ? undefined : start(maxDurationMs, { kind: 'duration-timeout' });
    }
  }

  #stopTimer(timer: CallTimer): void {
    clearTimeout(this.#timers.get(timer));
    this.#timers.delete(timer);
  }

  #finish(outcome: Outcome): void {
    for (const timer of [...this.#timers.keys()]) this.#stopTimer(timer);
    this.#pbx.close();
    const wacid = this.#wacid === undefined ? {} : { wacid: this.#wacid };
    const record = { outcome, ...this.#times, ...wacid, endedMs: this.#elapsed() };
    this.#closeMedia()
      .then((media) => this.#report({ ...record, media }))
      .catch((error: unknown) => {
        this.#log.warn({ err: error }, 'media not closed cleanly');
        this.#report({ ...record, media: undefined });
      });
  }

  async #closeMedia(): Promise<CallRecord['media']> {
    const session = this.#media ?? (await this.#opening);
    return session?.close();
  }

  #report(record: CallRecord): void {
    const { answeredMs, endedMs } = record;
    this.#deps.observer.ended(this.#identity, record);
    this.#plan.over(answeredMs === undefined ? 0 : endedMs - answeredMs);
    void Promise.all(this.#legsClosing).then(this.#resolveDone);
  }

  #elapsed(): number {
    return this.#deps.now() - this.#startedAt;
  }
}
