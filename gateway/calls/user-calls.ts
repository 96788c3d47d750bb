/** Takes Meta's INVITEs: checks each one, refuses with the reason, or makes it a call to the PBX. */
import type { Config, NumberConfig } from '../config/types.js';
import type { MediaPort } from '../media/port.js';
import type { Headers, IncomingInvite } from '../sip/port.js';
import { reasonPhrase } from '../sip/reason-phrases.js';
import { parseUri } from '../sip/uri.js';
import { stopsOf, type Stop } from './attempts.js';
import { mediaOfUserCall } from './call-media.js';
import { refusal, type Calls } from './calls.js';
import { causeOfStatus, FAILURES, failureOfRefusal, isWorthAnotherHost, q850Of, type Failure } from './failures.js';
import { headersForPbx, payloadOf, wacidOfCallId } from './headers.js';
import { callerIdentity } from './identity.js';
import type { Admission, Ticket } from './limits.js';
import type { Attempt, CallPlan } from './plan.js';
import type { Destination, Router, RoutePlan } from './routing.js';
import { redialAt, type Trunks } from './trunks.js';

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
  readonly calls: Calls;
  readonly media: MediaPort;
  readonly router: Router;
  readonly challenger: Challenger;
  readonly trunks: Trunks;
  readonly admission: Admission;
  /** Port of the Contact that Meta is given. */
  readonly contactPort: number;
  readonly newId: () => string;
}

export class UserCalls {
  constructor(private readonly deps: UserCallsDeps) {}

  /** @param invite from Meta's networks */
  handle(invite: IncomingInvite): void {
    const { calls, router } = this.deps;
    const fault = calls.faultOf(invite);
    if (fault !== undefined) return this.#refuse(invite, FAILURES[fault[0]], fault[1]);
    const uri = parseUri(invite.requestUri);
    if (uri?.user === undefined) return this.#refuse(invite, FAILURES['bad-request-uri'], invite.requestUri);
    const number = router.number(uri.user);
    if (number === undefined)
      return this.#refuse(invite, FAILURES['unknown-number'], `${uri.user} is not in numbers[]`);
    if (!this.#authenticated(invite, number)) return;
    this.#place(invite, number, uri.userParams);
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
        this.#refuse(invite, FAILURES['wrong-password'], result.why, number.number);
        return false;
    }
  }

  #place(invite: IncomingInvite, number: NumberConfig, userParams: ReadonlyMap<string, string>): void {
    const { calls, router, admission } = this.deps;
    const crossing = headersForPbx(invite);
    const facts = { number: number.number, payload: payloadOf(invite), country: crossing['X-WA-Country'], userParams };
    const route = router.plan(number, facts);
    const [first] = route.destinations;
    if (first === undefined) {
      const detail = route.closed ? 'outside the hours of its route' : 'no trunk for this call';
      return this.#refuse(invite, failureOf(route, route.closed ? 'closed' : 'no-route'), detail, number.number);
    }
    const admitted = admission.admit({ number, trunk: first.trunk, direction: 'user-initiated' });
    if (admitted.kind === 'refused')
      return this.#refuse(invite, FAILURES[admitted.code], admitted.detail, number.number);
    calls.begin(this.#plan(invite, number, route, first, crossing, admitted.ticket));
  }

  #refuse(invite: IncomingInvite, failure: Failure, detail: string, number?: string): void {
    this.deps.calls.refuse(invite, refusal(failure), { failure, detail, number });
  }

  #plan(
    invite: IncomingInvite,
    number: NumberConfig,
    route: RoutePlan,
    { trunk }: Destination,
    crossing: Headers,
    ticket: Ticket,
  ): CallPlan {
    const { trunks } = this.deps;
    const { hostname } = this.deps.config.gateway;
    const id = this.deps.newId();
    const wacid = crossing['X-WA-Wacid'] ?? wacidOfCallId(invite.callId);
    const caller = callerIdentity(invite, trunk.callerAlias, hostname);
    const headers = { ...caller.headers, ...crossing, 'X-WA-Number': number.number, 'X-WA-Trunk': trunk.name };
    const toPbx = { from: caller.from, headers };
    const { keying, codecs } = number;
    const pbxCodecs = [...new Set(route.destinations.flatMap((d) => d.trunk.codecs))];
    return {
      identity: { id, direction: 'user-initiated', number: number.number, trunk: trunk.name, wacid },
      invite,
      callee: 'pbx',
      attempts: stopsOf(route, (name) => trunks.choose(name)).map((stop) => attemptAt(stop, toPbx, trunks)),
      answerTimeoutMs: trunk.answerTimeoutMs,
      maxDurationMs: number.maxDurationMs,
      unreachable: failureOf(route, 'unreachable'),
      ringback: 'pbx',
      // Meta reaches us again at the hostname it dialled: an address or another name here costs the ACK.
      contact: `<sip:${number.number}@${hostname}:${this.deps.contactPort};transport=tls>`,
      openMedia: async (watch) => {
        const call = { id, whatsappOffer: invite.body, keying, whatsappCodecs: codecs, pbxCodecs };
        return mediaOfUserCall(await this.deps.media.openUserCall({ ...call, ...watch }));
      },
      classify: (failure) => ({
        failure: failureOfRefusal(failure.status, failure.reason, q850Of(failure.header('reason'))),
        tryNext: isWorthAnotherHost(failure.status),
      }),
      redial: (extension, sdp) => redialAt(trunks, trunk, extension, { ...toPbx, sdp }),
      refusal,
      over: (talkMs) => ticket.release(talkMs),
    };
  }
}

/** The route's own status, where it has one. */
function failureOf(route: RoutePlan, code: 'closed' | 'no-route' | 'unreachable'): Failure {
  const { status } = route;
  return status === undefined
    ? FAILURES[code]
    : { ...FAILURES[code], status, reason: reasonPhrase(status), q850: causeOfStatus(status) };
}

interface TowardPbx {
  readonly from: string;
  readonly headers: Headers;
}

function attemptAt({ destination, peer }: Stop, toPbx: TowardPbx, trunks: Trunks): Attempt {
  const { trunk, extension } = destination;
  return {
    name: peer.name,
    connectTimeoutMs: trunk.connectTimeoutMs,
    invite: (sdp) => ({ ...peer.target(extension), ...toPbx, sdp }),
    reached: (how) => trunks.report(trunk.name, peer.name, how),
  };
}
