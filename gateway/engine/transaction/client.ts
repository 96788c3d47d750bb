import { clientInvite, type ClientEvent, type ClientInviteState } from './client-invite.js';
import { clientOther, type ClientOtherState } from './client-other.js';
import { TimerSet } from './timer-set.js';
import { buildHopByHop, buildRequest, type RequestFrame } from '../sip/build.js';
import type { Effect, Step, Surroundings } from './machine.js';
import type { SipMessage } from '../sip/message.js';
import type { Flow, FlowLoss } from '../transport/flow.js';

export interface ClientTransactionUser {
  /** A response for the user; repeated finals of an INVITE are not (only 2xx are, see RFC 6026). */
  response(message: SipMessage, flow: Flow): void;
  /** Timer B or F, or no final after a CANCEL. */
  timeout(): void;
  /** The flow could not be made. */
  lost(reason: string): void;
  /** The transaction is over; nothing comes after this. */
  ended(): void;
}

export interface ClientTransactionOptions {
  frame: RequestFrame;
  /** Via value with the branch. */
  via: string;
  branch: string;
  flow: Flow;
  /** Another flow to the same target when the first is lost; `undefined` when there is none. */
  reopen: () => Flow | undefined;
  env: Omit<Surroundings, 'reliable'>;
  retransmitted: () => void;
}

type AnyState = ClientInviteState | ClientOtherState;

/** A client transaction: runs the effects of its machine on a flow. */
export class ClientTransaction {
  readonly key: string;
  readonly #options: ClientTransactionOptions;
  readonly #user: ClientTransactionUser;
  readonly #env: Surroundings;
  readonly #timers: TimerSet;
  #state: AnyState;
  #flow: Flow;
  #text: string;
  #unwatch: () => void;
  #reopened = false;
  /** To of the final response, for the ACK. */
  #finalTo = '';
  #cancelHeaders = '';

  constructor(options: ClientTransactionOptions, user: ClientTransactionUser) {
    this.#options = options;
    this.#user = user;
    this.#flow = options.flow;
    this.#env = { ...options.env, reliable: options.flow.reliable };
    this.key = clientKey(options.branch, options.frame.method);
    this.#text = buildRequest(options.frame, options.via);
    const interval = options.env.timers.t1;
    this.#state =
      options.frame.method === 'INVITE' ? { name: 'calling', interval, cancel: 'no' } : { name: 'trying', interval };
    this.#timers = new TimerSet((timer) => {
      this.#on({ kind: 'timer', timer });
    });
    this.#unwatch = this.#watch();
  }

  /** The request as sent. */
  get text(): string {
    return this.#text;
  }

  get flow(): Flow {
    return this.#flow;
  }

  /** Is the final response still to come? */
  get pending(): boolean {
    const { name } = this.#state;
    return name === 'calling' || name === 'trying' || name === 'proceeding';
  }

  start(): void {
    this.#on({ kind: 'start' });
  }

  receive(message: SipMessage, flow: Flow): void {
    // Whoever answers on UDP is there.
    if (!this.#flow.reliable) this.#unwatch();
    if (message.status >= 300) this.#finalTo = message.first('to') ?? '';
    this.#message = message;
    this.#from = flow;
    this.#on({ kind: 'response', status: message.status });
  }

  /** Cancels an INVITE, at once or when the first provisional comes (RFC 3261 section 9.1). @returns the CANCEL's text. */
  cancel(headers: string): string {
    this.#cancelHeaders = headers;
    this.#on({ kind: 'cancel' });
    return this.#cancelText();
  }

  /** Ends the transaction without a word to its user. Idempotent. */
  close(): void {
    this.#timers.close();
    this.#unwatch();
    this.#state = { name: 'terminated' };
    this.#text = '';
  }

  #message: SipMessage | undefined;
  #from: Flow | undefined;

  #on(event: ClientEvent): void {
    // The two machines share their events; the state tells which one it is.
    const step: Step<AnyState> =
      this.#options.frame.method === 'INVITE'
        ? clientInvite(this.#state as ClientInviteState, event, this.#env)
        : clientOther(this.#state as ClientOtherState, event, this.#env);
    this.#state = step.state;
    for (const effect of step.effects) this.#run(effect);
    if (!this.pending) this.#forget();
  }

  /** After the final response nothing is sent but ACKs: a held transaction costs little. */
  #forget(): void {
    this.#text = '';
    this.#message = undefined;
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#flow.send(this.#text);
        return;
      case 'resend':
        this.#options.retransmitted();
        this.#send(this.#text);
        return;
      case 'ack':
        this.#send(buildHopByHop(this.#options.frame, 'ACK', this.#options.via, this.#finalTo));
        return;
      case 'cancel':
        this.#send(this.#cancelText());
        return;
      case 'deliver':
        if (this.#message && this.#from) this.#user.response(this.#message, this.#from);
        return;
      case 'start':
        if (this.#state.name !== 'terminated') this.#timers.start(effect.timer, effect.after);
        return;
      case 'stop':
        this.#timers.stop(effect.timer);
        return;
      case 'trying':
        return;
      case 'timeout':
        this.#user.timeout();
        return;
      case 'lost':
        this.#user.lost('connection could not be made');
        return;
      case 'end':
        this.close();
        this.#user.ended();
        return;
    }
  }

  #cancelText(): string {
    const { frame, via } = this.#options;
    return buildHopByHop(frame, 'CANCEL', via, frame.to, this.#cancelHeaders);
  }

  /** Sends over the flow, or over a new one to the same target. */
  #send(text: string): void {
    if (this.#flow.closed) {
      const flow = this.#options.reopen();
      if (flow === undefined) {
        this.#on({ kind: 'lost', established: false });
        return;
      }
      this.#flow = flow;
      this.#unwatch = this.#watch();
    }
    this.#flow.send(text);
  }

  /** Of the requests on UDP only an INVITE is in a hurry to learn that nobody is there. */
  #watch(): () => void {
    if (!this.#flow.reliable && this.#options.frame.method !== 'INVITE') return () => undefined;
    return this.#flow.watch((loss) => {
      this.#lost(loss);
    });
  }

  #lost(loss: FlowLoss): void {
    const again = loss.established && !this.#reopened;
    this.#reopened = true;
    this.#on({ kind: 'lost', established: again });
  }
}

/** RFC 3261 section 17.1.3. */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}
