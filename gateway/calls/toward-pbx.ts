/** The INVITEs to the PBX of one user's call: each with the caller's alias, the headers and the times of its own trunk. */
import type { TrunkConfig } from '../config/types.js';
import type { Headers, IncomingRequest, OutgoingInvite } from '../sip/port.js';
import type { Stop } from './attempts.js';
import type { Failure } from './failures.js';
import { callerIdentity } from './identity.js';
import type { Limited, Ticket } from './limits.js';
import type { Attempt } from './plan.js';
import type { Trunks } from './trunks.js';

export interface TowardPbxDeps {
  readonly invite: Pick<IncomingRequest, 'header'>;
  /** Of the gateway. */
  readonly hostname: string;
  /** What crosses from Meta's INVITE, the same to every trunk. */
  readonly crossing: Headers;
  readonly stops: readonly Stop[];
  readonly ticket: Ticket;
  readonly trunks: Pick<Trunks, 'report'>;
  readonly full: (limited: Limited) => Failure;
}

export class TowardPbx {
  readonly attempts: readonly Attempt[];

  constructor(private readonly deps: TowardPbxDeps) {
    this.attempts = deps.stops.map((stop) => this.#attempt(stop));
  }

  /** To another extension, at the host that has the call: it answered a moment ago, and knows the extension it names. */
  redial(extension: string, sdp: string, attempt: number): OutgoingInvite | undefined {
    const stop = this.deps.stops[attempt];
    return stop && this.#invite(stop, extension, sdp);
  }

  #attempt(stop: Stop): Attempt {
    const { ticket, trunks, full } = this.deps;
    const { trunk, extension } = stop.destination;
    return {
      name: stop.peer.name,
      trunk: trunk.name,
      connectTimeoutMs: trunk.connectTimeoutMs,
      answerTimeoutMs: trunk.answerTimeoutMs,
      enter: () => {
        const limited = ticket.moveTo(trunk);
        return limited && full(limited);
      },
      invite: (sdp) => this.#invite(stop, extension, sdp),
      reached: (how) => trunks.report(trunk.name, stop.peer.name, how),
    };
  }

  #invite({ destination: { trunk }, peer }: Stop, extension: string, sdp: string): OutgoingInvite {
    return { ...peer.target(extension), ...this.#caller(trunk), sdp };
  }

  #caller(trunk: TrunkConfig): Pick<OutgoingInvite, 'from' | 'headers'> {
    const { invite, hostname, crossing } = this.deps;
    const { from, headers } = callerIdentity(invite, trunk.callerAlias, hostname);
    return { from, headers: { ...headers, ...crossing, 'X-WA-Trunk': trunk.name } };
  }
}
