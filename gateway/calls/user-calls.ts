/** Takes Meta's INVITEs: checks each one, refuses with the reason, or makes it a call to the PBX. */
import type { Config, NumberConfig } from '../config/types.js';
import type { MediaPort } from '../media/port.js';
import type { Headers, IncomingInvite } from '../sip/port.js';
import { parseUri } from '../sip/uri.js';
import { mediaOfUserCall } from './call-media.js';
import { refusalHeaders, type Calls } from './calls.js';
import { dialTarget } from './dial.js';
import { FAILURES, failureOfRefusal, isWorthAnotherHost, q850Of } from './failures.js';
import { headersForPbx, payloadOf, wacidOfCallId } from './headers.js';
import { callerIdentity } from './identity.js';
import type { Attempt, CallPlan } from './plan.js';
import type { Destination, Router } from './routing.js';

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
    if (fault !== undefined) return calls.refuse(invite, ...fault);
    const uri = parseUri(invite.requestUri);
    if (uri?.user === undefined) return calls.refuse(invite, 'bad-request-uri', invite.requestUri);
    const number = router.number(uri.user);
    if (number === undefined) return calls.refuse(invite, 'unknown-number', `${uri.user} is not in numbers[]`);
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
        this.deps.calls.refuse(invite, 'wrong-password', result.why, number.number);
        return false;
    }
  }

  #place(invite: IncomingInvite, number: NumberConfig, userParams: ReadonlyMap<string, string>): void {
    const { calls, router } = this.deps;
    const crossing = headersForPbx(invite);
    const facts = { number: number.number, payload: payloadOf(invite), country: crossing['X-WA-Country'], userParams };
    const destination = router.destination(number, facts);
    if (destination === undefined) return calls.refuse(invite, 'no-route', 'no trunk for this call', number.number);
    calls.begin(this.#plan(invite, number, destination, crossing));
  }

  #plan(invite: IncomingInvite, number: NumberConfig, destination: Destination, crossing: Headers): CallPlan {
    const { trunk } = destination;
    const { hostname } = this.deps.config.gateway;
    const id = this.deps.newId();
    const wacid = crossing['X-WA-Wacid'] ?? wacidOfCallId(invite.callId);
    const caller = callerIdentity(invite, trunk.callerAlias, hostname);
    const headers = { ...caller.headers, ...crossing, 'X-WA-Number': number.number, 'X-WA-Trunk': trunk.name };
    const toPbx = { from: caller.from, headers };
    return {
      identity: { id, direction: 'user-initiated', number: number.number, trunk: trunk.name, wacid },
      invite,
      callee: 'pbx',
      attempts: attemptsAt(destination, toPbx),
      answerTimeoutMs: trunk.answerTimeoutMs,
      maxDurationMs: undefined,
      unreachable: FAILURES.unreachable,
      ringback: 'pbx',
      // Meta reaches us again at the hostname it dialled: an address or another name here costs the ACK.
      contact: `<sip:${number.number}@${hostname}:${this.deps.contactPort};transport=tls>`,
      openMedia: async (watch) => {
        const { keying, codecs } = number;
        const session = await this.deps.media.openUserCall({
          ...{ id, whatsappOffer: invite.body, keying, whatsappCodecs: codecs, pbxCodecs: trunk.codecs },
          ...watch,
        });
        return mediaOfUserCall(session);
      },
      classify: (failure) => ({
        failure: failureOfRefusal(failure.status, failure.reason, q850Of(failure.header('reason'))),
        tryNext: isWorthAnotherHost(failure.status),
      }),
      redial: (extension, sdp) => {
        const host = trunk.hosts[0];
        return host && { ...dialTarget(host, extension), ...toPbx, sdp };
      },
      refusalHeaders,
      over: () => undefined,
    };
  }
}

interface TowardPbx {
  readonly from: string;
  readonly headers: Headers;
}

function attemptsAt({ trunk, extension }: Destination, { from, headers }: TowardPbx): Attempt[] {
  return trunk.hosts.map((host) => ({
    name: host.host,
    connectTimeoutMs: trunk.connectTimeoutMs,
    invite: (sdp) => ({ ...dialTarget(host, extension), from, headers, sdp }),
  }));
}
