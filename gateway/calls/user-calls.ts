/** Takes Meta's INVITEs: checks each one, refuses with the reason, or makes it a call. */
import type { Config, NumberConfig } from '../config/types.js';
import type { MediaPort } from '../media/port.js';
import type { IncomingInvite, SipPort } from '../sip/port.js';
import { FAILURES, reasonHeader, type FailureCode } from './failures.js';
import { headersForPbx, payloadOf, wacidOfCallId } from './headers.js';
import { callerIdentity } from './identity.js';
import type { CallObserver } from './observer.js';
import type { OverloadGate } from './overload.js';
import { parseUri } from '../sip/uri.js';
import type { Router } from './routing.js';
import { UserCallSession, type SessionLog } from './session.js';

/** Checks the digest of Meta's INVITE. */
export interface Challenger {
  check(invite: IncomingInvite, number: NumberConfig): ChallengeResult;
}

export type ChallengeResult =
  | { readonly kind: 'ok' }
  /** `header`: the value of Proxy-Authenticate. */
  | { readonly kind: 'challenge'; readonly header: string }
  | { readonly kind: 'refused'; readonly why: string };

export interface UserCallsDeps {
  readonly config: Config;
  readonly sip: SipPort;
  readonly media: MediaPort;
  readonly router: Router;
  readonly challenger: Challenger;
  /** Why the source is not Meta's side; undefined when it is. */
  readonly distrust: (invite: IncomingInvite) => string | undefined;
  readonly overload: OverloadGate;
  /** Port of the Contact that Meta is given. */
  readonly contactPort: number;
  readonly observer: CallObserver;
  readonly logFor: (fields: { call: string; wacid: string; number: string; trunk: string }) => SessionLog;
  readonly newId: () => string;
  readonly now: () => number;
}

/** Largest SDP we read; Meta's is about 1,500 bytes. */
export const MAX_BODY = 16_384;
const RETRY_AFTER_S = 5;
const OVERLOAD_FROM_CALLS = 10;

export class UserCalls {
  readonly #sessions = new Set<UserCallSession>();
  #draining = false;

  constructor(private readonly deps: UserCallsDeps) {}

  get active(): number {
    return this.#sessions.size;
  }

  handle(invite: IncomingInvite): void {
    const { deps } = this;
    const distrust = deps.distrust(invite);
    if (distrust !== undefined) return this.#refuse(invite, 'untrusted-source', distrust);
    const fault = this.#faultOf(invite);
    if (fault !== undefined) return this.#refuse(invite, ...fault);
    const uri = parseUri(invite.requestUri);
    if (uri?.user === undefined) return this.#refuse(invite, 'bad-request-uri', invite.requestUri);
    const number = deps.router.number(uri.user);
    if (number === undefined) return this.#refuse(invite, 'unknown-number', `${uri.user} is not in numbers[]`);
    if (!this.#authenticated(invite, number)) return;
    this.#place(invite, number, uri.userParams);
  }

  /** No new calls from now on; resolves when the last one has ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#sessions].map((s) => s.done));
  }

  /** Ends every call. Resolves when all legs and media are closed. */
  async close(): Promise<void> {
    this.#draining = true;
    for (const session of this.#sessions) session.shutdown();
    await this.drain();
    this.deps.overload.close();
  }

  get draining(): boolean {
    return this.#draining;
  }

  #faultOf(invite: IncomingInvite): [FailureCode, string] | undefined {
    if (invite.header('contact') === undefined) return ['no-contact', 'INVITE without Contact'];
    if (invite.body.length > MAX_BODY) return ['body-too-large', `${invite.body.length} bytes, at most ${MAX_BODY}`];
    if (this.#draining) return ['draining', 'shutting down'];
    if (this.active >= this.deps.config.gateway.maxCalls)
      return ['too-many-calls', `gateway.maxCalls is ${this.active}`];
    // A caller that has answered our challenge was let in once already; a loop that is late with hardly a call is late for
    // another reason.
    const asks = invite.header('proxy-authorization') === undefined && this.active >= OVERLOAD_FROM_CALLS;
    if (asks && !this.deps.overload.admit()) return ['overload', 'event loop is late'];
    return undefined;
  }

  #authenticated(invite: IncomingInvite, number: NumberConfig): boolean {
    if (!this.deps.config.whatsapp.challenge || number.sipPassword === undefined) return true;
    const result = this.deps.challenger.check(invite, number);
    switch (result.kind) {
      case 'ok':
        return true;
      case 'challenge':
        invite.respond({
          status: 407,
          reason: 'Proxy Authentication Required',
          headers: { 'Proxy-Authenticate': result.header },
        });
        return false;
      case 'refused':
        this.#refuse(invite, 'wrong-password', result.why, number);
        return false;
    }
  }

  #place(invite: IncomingInvite, number: NumberConfig, userParams: ReadonlyMap<string, string>): void {
    const { deps } = this;
    const crossing = headersForPbx(invite);
    const facts = { number: number.number, payload: payloadOf(invite), country: crossing['X-WA-Country'], userParams };
    const destination = deps.router.destination(number, facts);
    if (destination === undefined) return this.#refuse(invite, 'no-route', 'no trunk for this call', number);
    const { trunk, extension } = destination;
    const { hostname } = deps.config.gateway;
    const id = deps.newId();
    const wacid = crossing['X-WA-Wacid'] ?? wacidOfCallId(invite.callId);
    const caller = callerIdentity(invite, trunk.callerAlias, hostname);
    const session = new UserCallSession(
      {
        identity: { id, direction: 'user-initiated', number: number.number, trunk: trunk.name, wacid },
        invite,
        number,
        trunk,
        extension,
        from: caller.from,
        headers: { ...caller.headers, ...crossing, 'X-WA-Number': number.number, 'X-WA-Trunk': trunk.name },
        // Meta reaches us again at the hostname it dialled: an address or another name here costs the ACK.
        contact: `<sip:${number.number}@${hostname}:${deps.contactPort};transport=tls>`,
      },
      { ...deps, log: deps.logFor({ call: id, wacid, number: number.number, trunk: trunk.name }) },
    );
    this.#sessions.add(session);
    void session.done.then(() => this.#sessions.delete(session));
    session.start();
  }

  #refuse(invite: IncomingInvite, code: FailureCode, detail: string, number?: NumberConfig): void {
    const failure = FAILURES[code];
    this.deps.observer.refused({
      code,
      detail,
      source: `${invite.source.address}:${invite.source.port}`,
      sipCallId: invite.callId,
      ...(number === undefined ? {} : { number: number.number }),
    });
    invite.respond({
      status: failure.status,
      reason: failure.reason,
      headers: {
        Reason: reasonHeader(failure),
        ...(failure.status === 503 ? { 'Retry-After': String(RETRY_AFTER_S) } : {}),
      },
    });
  }
}
