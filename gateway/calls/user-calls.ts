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
import type { Admission, Limited, Ticket } from './limits.js';
import type { CallPlan } from './plan.js';
import type { Router, RoutePlan } from './routing.js';
import { TowardPbx } from './toward-pbx.js';
import type { Trunks } from './trunks.js';

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
    if (!this.deps.config.whatsapp.challenge) return true;
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
    const { calls, router, admission, trunks } = this.deps;
    const crossing = headersForPbx(invite);
    const facts = { number: number.number, payload: payloadOf(invite), country: crossing['X-WA-Country'], userParams };
    const route = router.plan(number, facts);
    if (route.destinations.length === 0) {
      const detail = route.closed ? 'outside the hours of its route' : 'no trunk for this call';
      return this.#refuse(invite, failureOf(route, route.closed ? 'closed' : 'no-route'), detail, number.number);
    }
    const stops = stopsOf(route, (name) => trunks.choose(name));
    const wanted = (stops.length > 0 ? stops.map((stop) => stop.destination) : route.destinations).map((d) => d.trunk);
    const admitted = admission.admit({ number, trunks: [...new Set(wanted)], direction: 'user-initiated' });
    if (admitted.kind === 'refused')
      return this.#refuse(invite, failureOfLimit(route, admitted), admitted.detail, number.number);
    const { ticket } = admitted;
    // Trunks that are full are passed over.
    const first = stops.findIndex(({ destination }) => destination.trunk.name === ticket.trunk);
    calls.begin(this.#plan(invite, number, route, { stops: stops.slice(Math.max(first, 0)), crossing, ticket }));
  }

  #refuse(invite: IncomingInvite, failure: Failure, detail: string, number?: string): void {
    this.deps.calls.refuse(invite, refusal(failure), { failure, detail, number });
  }

  #plan(
    invite: IncomingInvite,
    number: NumberConfig,
    route: RoutePlan,
    { stops, crossing, ticket }: { stops: readonly Stop[]; crossing: Headers; ticket: Ticket },
  ): CallPlan {
    const { hostname } = this.deps.config.gateway;
    const id = this.deps.newId();
    const wacid = crossing['X-WA-Wacid'] ?? wacidOfCallId(invite.callId);
    const toPbx = new TowardPbx({
      ...{ invite, hostname, stops, ticket, trunks: this.deps.trunks },
      crossing: { ...crossing, 'X-WA-Number': number.number },
      full: (limited) => failureOfLimit(route, limited),
    });
    const { keying, codecs } = number;
    // The alias does not matter here: only who calls is asked for.
    const caller = callerIdentity(invite, '', hostname).user;
    const user = caller === undefined ? {} : { user: caller };
    const pbxCodecs = [...new Set(route.destinations.flatMap((d) => d.trunk.codecs))];
    return {
      identity: { id, direction: 'user-initiated', number: number.number, trunk: ticket.trunk, wacid, ...user },
      invite,
      callee: 'pbx',
      attempts: toPbx.attempts,
      maxDurationMs: number.maxDurationMs,
      unreachable: failureOf(route, 'unreachable'),
      ringback: 'pbx',
      // Meta reaches us again at the hostname it dialled: an address or another name here costs the ACK.
      contact: `<sip:${number.number}@${hostname}:${this.deps.contactPort};transport=tls>`,
      openMedia: async (watch) => {
        const call = { id, whatsappOffer: invite.body, keying, whatsappCodecs: codecs, pbxCodecs };
        return mediaOfUserCall(await this.deps.media.openUserCall({ ...call, ...watch }));
      },
      classify: (refused) => {
        const told = failureOfRefusal(refused.status, refused.reason, q850Of(refused.header('reason')));
        const tryNext = isWorthAnotherHost(refused.status);
        return { failure: tryNext ? withStatusOf(route, told) : told, tryNext };
      },
      redial: (extension, sdp, attempt) => toPbx.redial(extension, sdp, attempt),
      refusal,
      over: (talkMs) => ticket.release(talkMs),
    };
  }
}

function failureOf(route: RoutePlan, code: 'closed' | 'no-route' | 'unreachable'): Failure {
  return withStatusOf(route, FAILURES[code]);
}

/** A full trunk is one that was not got through to; no other trunk makes room at the number or the gateway. */
function failureOfLimit(route: RoutePlan, { code, limit }: Limited): Failure {
  return limit === 'trunk' ? withStatusOf(route, FAILURES[code]) : FAILURES[code];
}

/** The route's own status for who gets through to nobody, where it has one. */
function withStatusOf({ status }: RoutePlan, failure: Failure): Failure {
  if (status === undefined) return failure;
  return { ...failure, status, reason: reasonPhrase(status), q850: causeOfStatus(status) };
}
