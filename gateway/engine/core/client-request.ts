import { randomUUID } from 'node:crypto';
import { newBranch } from './random.js';
import { ClientTransaction } from '../transaction/client.js';
import type { Context } from './context.js';
import type { RequestFrame } from '../sip/build.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow } from '../transport/flow.js';
import type { Hop, Target } from '../transport/resolver.js';

/** Where a request may go, in order: a flow that is up, a known target, then what the hop resolves to. */
export interface Ways {
  readonly flow: Flow | undefined;
  readonly target: Target | undefined;
  readonly hop: Hop | string;
}

export interface ClientRequestUser {
  /** The request has gone out, or is on its way over a connection being made. Called once, before any response. */
  sent(text: string, flow: Flow): void;
  /** No way could be found; nothing was sent and nothing else is called but `ended`. */
  unsendable(reason: string): void;
  response(message: SipMessage, flow: Flow): void;
  /** A final failure without a response: 408 or 503. */
  failed(status: 408 | 503, reason: string, flow: Flow): void;
  ended(): void;
}

/** The table of running client transactions. */
export type ClientTable = Map<string, ClientTransaction>;

/**
 * One request with fail-over: RFC 3263 section 4.3. Each attempt is a client transaction of its own with a new branch;
 * a timeout, a connection that cannot be made and a 503 lead to the next address as long as nothing else was answered.
 */
export class ClientRequest {
  readonly id = randomUUID();
  readonly #context: Context;
  readonly #table: ClientTable;
  readonly #user: ClientRequestUser;
  readonly #ways: Ways;
  #frame: ((flow: Flow) => RequestFrame) | undefined;
  #targets: readonly Target[] | undefined;
  #next = 0;
  #transaction: ClientTransaction | undefined;
  #target: Target | undefined;
  #flow: Flow | undefined;
  #announced = false;
  #answered = false;
  #cancelHeaders: string | undefined;
  /** A 503 that another address was to make good. */
  #unavailable: { readonly message: SipMessage; readonly flow: Flow } | undefined;
  #closed = false;

  /** @param frame builds the request for a flow, whose address may stand in From and Contact. */
  constructor(
    context: Context,
    table: ClientTable,
    ways: Ways,
    frame: (flow: Flow) => RequestFrame,
    user: ClientRequestUser,
  ) {
    this.#context = context;
    this.#table = table;
    this.#ways = ways;
    this.#frame = frame;
    this.#user = user;
  }

  /** Is a final response still to come? */
  get pending(): boolean {
    return this.#transaction?.pending ?? !this.#closed;
  }

  /** Where the last attempt went, `undefined` for a flow that was up already. */
  get target(): Target | undefined {
    return this.#target;
  }

  /** The flow of the last attempt, `undefined` before the first. */
  get flow(): Flow | undefined {
    return this.#flow;
  }

  start(): void {
    if (this.#ways.flow !== undefined && !this.#ways.flow.closed) this.#attempt(this.#ways.flow, undefined);
    else if (this.#ways.target !== undefined) this.#tryTarget(this.#ways.target, 'no transport to the known target');
    else this.#tryNext('no address');
  }

  /** @returns the CANCEL, `undefined` when there is nothing to cancel any more. */
  cancel(headers: string): string | undefined {
    this.#cancelHeaders = headers;
    return this.#transaction?.pending ? this.#transaction.cancel(headers) : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** The next resolved target; resolves first. */
  #tryNext(reason: string): void {
    if (this.#targets !== undefined) {
      const target = this.#targets[this.#next++];
      if (target === undefined || this.#cancelHeaders !== undefined) this.#fail(503, reason);
      else this.#tryTarget(target, reason);
      return;
    }
    const { hop } = this.#ways;
    if (typeof hop === 'string') {
      this.#fail(503, hop);
      return;
    }
    const targets = this.#context.resolver.resolve(hop);
    const resolved = (found: readonly Target[]): void => {
      // The address that the INVITE went to was tried first; asked again it would take the request for a loop.
      this.#targets = found.filter((target) => !isSameAddress(target, this.#ways.target));
      if (!this.#closed) this.#tryNext(reason);
    };
    if (Array.isArray(targets)) {
      resolved(targets);
      return;
    }
    targets.then(resolved, (error: unknown) => {
      this.#targets = [];
      if (!this.#closed) this.#fail(503, error instanceof Error ? error.message : String(error));
    });
  }

  #tryTarget(target: Target, reason: string): void {
    const flow = this.#context.transports.flow(target);
    if (flow === undefined) this.#tryNext(this.#announced ? reason : 'requested protocol/transport not available');
    else this.#attempt(flow, target);
  }

  #attempt(flow: Flow, target: Target | undefined): void {
    const branch = newBranch();
    const frame = this.#frame?.(flow);
    if (frame === undefined) return;
    const sentBy = flow.listener.sentBy(flow.remote.address);
    const via = `SIP/2.0/${flow.transport.toUpperCase()} ${sentBy};branch=${branch};rport${flow.reliable ? ';alias' : ''}`;
    const reopen = (): Flow | undefined => target && this.#context.transports.flow(target);
    const retransmitted = (): void => {
      this.#context.counters.retransmissions.requests++;
    };
    const transaction = new ClientTransaction(
      { frame, via, branch, flow, reopen, env: this.#context.env, retransmitted },
      {
        response: (message, from) => {
          this.#response(message, from);
        },
        timeout: () => {
          this.#attemptFailed(408, 'Request Timeout');
        },
        lost: (reason) => {
          this.#attemptFailed(503, reason);
        },
        ended: () => {
          this.#ended(transaction);
        },
      },
    );
    this.#transaction = transaction;
    this.#target = target;
    this.#flow = flow;
    this.#table.set(transaction.key, transaction);
    transaction.start();
    if (!this.#announced) {
      this.#announced = true;
      this.#user.sent(transaction.text, flow);
    }
  }

  #response(message: SipMessage, flow: Flow): void {
    if (message.status === 503 && !this.#answered && this.#hasNext()) {
      this.#unavailable = { message, flow };
      this.#moveOn('503');
      return;
    }
    // 100 says only that the next hop has it; apps do not see it (nor do they from a drachtio-server).
    if (message.status === 100) return;
    this.#answered = true;
    // No further attempt: what is needed to build one need not be kept through the wait for repetitions.
    if (message.status >= 200) this.#frame = undefined;
    this.#user.response(message, flow);
  }

  #attemptFailed(status: 408 | 503, reason: string): void {
    if (!this.#answered && this.#hasNext()) this.#moveOn(reason);
    else this.#fail(status, reason);
  }

  #hasNext(): boolean {
    if (this.#cancelHeaders !== undefined) return false;
    return this.#targets === undefined ? typeof this.#ways.hop !== 'string' : this.#next < this.#targets.length;
  }

  #moveOn(reason: string): void {
    if (this.#target !== undefined) this.#context.resolver.failed(this.#target);
    this.#transaction = undefined;
    this.#tryNext(reason);
  }

  #fail(status: 408 | 503, reason: string): void {
    const refused = this.#unavailable;
    // What the peer itself said says more than that there was no other address.
    if (refused !== undefined && status === 503) this.#user.response(refused.message, refused.flow);
    else if (!this.#announced || this.#flow === undefined) this.#user.unsendable(reason);
    else this.#user.failed(status, reason, this.#flow);
    if (this.#transaction === undefined) this.#finish();
  }

  #ended(transaction: ClientTransaction): void {
    this.#table.delete(transaction.key);
    if (transaction === this.#transaction) this.#finish();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#user.ended();
  }

  #drop(): void {
    if (this.#transaction === undefined) return;
    this.#table.delete(this.#transaction.key);
    this.#transaction.close();
  }
}

function isSameAddress(one: Target, other: Target | undefined): boolean {
  return one.transport === other?.transport && one.address === other.address && one.port === other.port;
}
