/** The calls of both directions: what every INVITE must pass, what runs, and how all of it ends. */
import type { IncomingInvite, Response } from '../sip/port.js';
import { reasonHeader, type Failure, type FailureCode } from './failures.js';
import type { OverloadGate } from './overload.js';
import type { CallPlan } from './plan.js';
import { CallSession, type SessionDeps } from './session.js';

export interface CallsDeps extends Omit<SessionDeps, 'isOwnCall'> {
  readonly overload: OverloadGate;
}

/** Largest SDP we read; Meta's is about 1,500 bytes. */
export const MAX_BODY = 16_384;
const RETRY_AFTER_S = 5;
const OVERLOAD_FROM_CALLS = 10;

export class Calls {
  readonly #sessions = new Set<CallSession>();
  #draining = false;

  constructor(private readonly deps: CallsDeps) {}

  get active(): number {
    return this.#sessions.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** What is wrong with an INVITE before anybody looks at who calls whom. */
  faultOf(invite: IncomingInvite): [FailureCode, string] | undefined {
    if (invite.header('contact') === undefined) return ['no-contact', 'INVITE without Contact'];
    if (invite.body.length > MAX_BODY) return ['body-too-large', `${invite.body.length} bytes, at most ${MAX_BODY}`];
    if (this.#draining) return ['draining', 'shutting down'];
    // A caller that has answered our challenge was let in once already; a loop that is late with hardly a call is late for
    // another reason.
    const asks = invite.header('proxy-authorization') === undefined && this.active >= OVERLOAD_FROM_CALLS;
    if (asks && !this.deps.overload.admit()) return ['overload', 'event loop is late'];
    return undefined;
  }

  begin(plan: CallPlan): void {
    const isOwnCall = (callId: string): boolean => [...this.#sessions].some((one) => one.pbxCallId === callId);
    const session = new CallSession(plan, { ...this.deps, isOwnCall });
    this.#sessions.add(session);
    void session.done.then(() => this.#sessions.delete(session));
    session.start();
  }

  /** An INVITE that never becomes a call. `number`: the business number, where it is known. */
  refuse(invite: IncomingInvite, response: Response, refused: RefusedInvite): void {
    const { failure, detail, number } = refused;
    this.deps.observer.refused({
      code: failure.code,
      detail,
      source: `${invite.source.address}:${invite.source.port}`,
      sipCallId: invite.callId,
      ...(number === undefined ? {} : { number }),
    });
    invite.respond(response);
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
}

export interface RefusedInvite {
  readonly failure: Failure;
  /** For the log. */
  readonly detail: string;
  readonly number: string | undefined;
}

/** What a WhatsApp user's side is told. */
export function refusal(failure: Failure): Response {
  return {
    status: failure.status,
    reason: failure.reason,
    headers: {
      Reason: reasonHeader(failure),
      ...(failure.status === 503 ? { 'Retry-After': String(RETRY_AFTER_S) } : {}),
    },
  };
}

/** What a PBX is told: with the code in a header, and in the reason phrase for dial-plans that see no header of a refusal. */
export function refusalOfPbx(failure: Failure): Response {
  const { headers, ...told } = refusal(failure);
  return {
    ...told,
    reason: `${failure.reason} (${failure.code})`,
    headers: { ...headers, 'X-WA-Error': failure.code },
  };
}
