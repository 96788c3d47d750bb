/** Takes the INVITEs of PBXs: finds out whom they call as which number, asks whether that is allowed, and calls WhatsApp. */
import type { Config, NumberConfig, TrunkConfig } from '../config/types.js';
import type { MediaPort } from '../media/port.js';
import { formatNameAddr } from '../sip/headers.js';
import type { IncomingInvite, OutgoingInvite } from '../sip/port.js';
import { parseUri } from '../sip/uri.js';
import type { CallerOf } from './caller-id.js';
import { mediaOfBusinessCall } from './call-media.js';
import { refusalOfPbx, type Calls } from './calls.js';
import { FAILURES, type Failure, type FailureCode } from './failures.js';
import type { Admission } from './limits.js';
import { failureOfMeta, metaFailure } from './meta-refusals.js';
import type { Attempt, CallPlan, PermissionVerdict, Refusal, Refused } from './plan.js';
import { tooShortInterval } from './session-timer.js';
import { redialAt, type Trunks } from './trunks.js';

/** The name that Meta's edge is called by, in every URI and in its certificate, wherever it is reached. */
export const META_EDGE_NAME = 'wa.meta.vc';

/** Whether a call may be placed. Never rejects late: it has its own limit of time, and `unknown` after that. */
export interface PermissionGate {
  ask(call: { readonly number: NumberConfig; readonly user: string }): Promise<PermissionVerdict>;
}

/** SIP passwords of the numbers. */
export interface Credentials {
  /** undefined: there is none. */
  password(number: NumberConfig): string | undefined;
  /** Meta refused `used`: a fresh one, undefined when there is none but this. */
  renew(number: NumberConfig, used: string): Promise<string | undefined>;
}

export interface BusinessCallsDeps {
  readonly config: Config;
  readonly calls: Calls;
  readonly media: MediaPort;
  readonly gate: PermissionGate;
  readonly credentials: Credentials;
  readonly admission: Admission;
  readonly trunks: Trunks;
  /** The user that is called, +E.164 or a BSUID; undefined: the dialled text is neither. */
  readonly userOf: (dialled: string, number: NumberConfig, trunk: TrunkConfig) => string | undefined;
  readonly callerOf: CallerOf;
  /** Port of the Contact that Meta is given. */
  readonly contactPort: number;
  /** Where Meta's edge is reached, for a SIP server that does not find it by its name. */
  readonly nextHop: string | undefined;
  /** Our Contact toward a PBX that called `invite`. */
  readonly pbxContact: (invite: IncomingInvite) => string;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  readonly newId: () => string;
}

/** A call to a WhatsApp user, from a PBX that is known. */
export interface BusinessCall {
  readonly invite: IncomingInvite;
  readonly trunk: TrunkConfig;
  readonly number: NumberConfig;
  /** +E.164 or a BSUID. */
  readonly user: string;
  /** Absent: a session for the INVITE's offer. */
  readonly openMedia?: CallPlan['openMedia'];
  /** Absent: the trunk's. */
  readonly ringback?: CallPlan['ringback'];
  /** The call is over. `talkMs`: from the answer on; 0 without one. */
  readonly over?: (talkMs: number) => void;
}

export class BusinessCalls {
  constructor(private readonly deps: BusinessCallsDeps) {}

  /** @param trunks those of the PBX that sent the INVITE; at least one */
  handle(invite: IncomingInvite, trunks: readonly TrunkConfig[]): void {
    const { calls, callerOf, userOf } = this.deps;
    const fault = calls.faultOf(invite);
    if (fault !== undefined) return this.#refuse(invite, ...fault);
    const minSe = tooShortInterval(invite);
    if (minSe !== undefined) return invite.respond({ status: 422, headers: { 'Min-SE': String(minSe) } });
    const caller = callerOf(invite, trunks);
    if (typeof caller === 'string') return this.#refuse(invite, 'no-caller-id', caller);
    const { trunk, number } = caller;
    const dialled = parseUri(invite.requestUri)?.user ?? '';
    const user = userOf(dialled, number, trunk);
    if (user === undefined) return this.#refuse(invite, 'bad-number', `dialled "${dialled}"`, number);
    this.begin({ invite, trunk, number, user });
  }

  /**
   * Calls the user; the INVITE is answered with what becomes of it. @returns false: it was refused at once, and nothing more
   * will be heard of it
   */
  begin(call: BusinessCall): boolean {
    const { invite, trunk, number, user } = call;
    const { calls, admission, credentials } = this.deps;
    const refuse = (code: FailureCode, detail: string): false => {
      this.#refuse(invite, code, detail, number);
      return false;
    };
    const password = credentials.password(number);
    if (password === undefined) return refuse('no-credentials', 'the number has no SIP password');
    const admitted = admission.admit({ number, trunks: [trunk], direction: 'business-initiated' });
    if (admitted.kind === 'refused') return refuse(admitted.code, admitted.detail);
    const toMeta = new TowardMeta(this.deps, number, user, password);
    const id = this.deps.newId();
    calls.begin({
      identity: { id, direction: 'business-initiated', number: number.number, trunk: trunk.name, user },
      invite,
      callee: 'whatsapp',
      attempts: toMeta.attempts,
      maxDurationMs: number.maxDurationMs,
      unreachable: toMeta.unreachable,
      contact: this.deps.pbxContact(invite),
      permission: () => this.deps.gate.ask({ number, user }),
      openMedia: call.openMedia ?? this.#mediaFor(id, invite, trunk, number),
      ringback: call.ringback ?? trunk.ringback,
      classify: (failure, attempt) => toMeta.classify(failure, attempt),
      redial: (extension, sdp) => this.#redial(extension, sdp, trunk, user),
      refusal: refusalOfPbx,
      over: (talkMs) => {
        admitted.ticket.release(talkMs);
        call.over?.(talkMs);
      },
    });
    return true;
  }

  #refuse(invite: IncomingInvite, code: FailureCode, detail: string, number?: NumberConfig): void {
    const failure = FAILURES[code];
    this.deps.calls.refuse(invite, refusalOfPbx(failure), { failure, detail, number: number?.number });
  }

  #mediaFor(id: string, invite: IncomingInvite, trunk: TrunkConfig, number: NumberConfig): CallPlan['openMedia'] {
    return async (watch) => {
      const session = await this.deps.media.openBusinessCall({
        id,
        pbxOffer: invite.body === '' ? undefined : invite.body,
        pbxAddress: invite.source.address,
        keying: number.keying,
        whatsappCodecs: number.codecs,
        pbxCodecs: trunk.codecs,
        ...watch,
      });
      return mediaOfBusinessCall(session);
    };
  }

  #redial(extension: string, sdp: string, trunk: TrunkConfig, user: string): OutgoingInvite | undefined {
    const { hostname } = this.deps.config.gateway;
    const from = formatNameAddr({ uri: `sip:${user.startsWith('+') ? user : trunk.callerAlias}@${hostname}` });
    return redialAt(this.deps.trunks, trunk, extension, { from, headers: { 'X-WA-Trunk': trunk.name }, sdp });
  }
}

/** The INVITEs to Meta of one call: a second one only with a password that differs from the refused one. */
class TowardMeta {
  readonly attempts: readonly Attempt[];
  #password: string;

  constructor(
    private readonly deps: BusinessCallsDeps,
    private readonly number: NumberConfig,
    private readonly user: string,
    password: string,
  ) {
    this.#password = password;
    this.attempts = [this.#attempt(), this.#attempt()];
  }

  readonly unreachable: Failure = metaFailure('unavailable');

  async classify(failure: Refused, attempt: number): Promise<Refusal> {
    const { status, reason, authenticated } = failure;
    const warning = failure.header('warning');
    const told = failureOfMeta(status, reason, warning);
    const { number, user } = this;
    if (told.code === 'unknown') {
      this.deps.log.warn(
        { number: number.number, user, status, reason, warning },
        'Meta refused for an unknown reason',
      );
    }
    const wrongPassword = authenticated && (status === 401 || status === 407 || /digest/i.test(`${reason} ${warning}`));
    if (!wrongPassword || attempt > 0) return { failure: told, tryNext: false };
    const fresh = await this.deps.credentials.renew(number, this.#password);
    if (fresh === undefined || fresh === this.#password) {
      this.deps.log.warn({ number: number.number, status, reason }, 'Meta refuses the SIP password of this number');
      return { failure: told, tryNext: false };
    }
    this.#password = fresh;
    return { failure: told, tryNext: true };
  }

  #attempt(): Attempt {
    return {
      name: META_EDGE_NAME,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      answerTimeoutMs: this.number.answerTimeoutMs,
      invite: (sdp) => this.#invite(sdp),
    };
  }

  /** Request-URI, To and digest uri are one and the same text: Meta compares them. */
  #invite(sdp: string): OutgoingInvite {
    const { number, user } = this;
    const { hostname } = this.deps.config.gateway;
    const uri = `sip:${user}@${META_EDGE_NAME}${number.uriTransportParameter ? ';transport=tls' : ''}`;
    return {
      requestUri: uri,
      ...(this.deps.nextHop === undefined ? {} : { nextHop: this.deps.nextHop }),
      from: `<sip:${number.number}@${hostname}>`,
      to: `<${uri}>`,
      contact: `<sip:${number.number}@${hostname}:${this.deps.contactPort};transport=tls>`,
      headers: { Allow: 'INVITE, ACK, CANCEL, BYE, OPTIONS', 'User-Agent': 'wa-trunk' },
      sdp,
      credentials: { username: number.number.replace('+', ''), password: this.#password },
    };
  }
}

/** Meta's edge answers an INVITE with its challenge at once; this is for one that says nothing. */
const CONNECT_TIMEOUT_MS = 10_000;
