import { serverInvite, type ServerEvent, type ServerInviteState } from './server-invite.js';
import { serverOther, type ServerOtherState } from './server-other.js';
import { TimerSet } from './timer-set.js';
import type { Effect, Step, Surroundings } from './machine.js';

export interface ServerTransactionOptions {
  readonly key: string;
  readonly method: string;
  readonly env: Surroundings;
  /** Puts a response on its way; `again` for a repetition. */
  readonly send: (text: string, again: boolean) => void;
  /** Nobody has answered yet: is to give a 100 to `respond`. */
  readonly trying: () => void;
  /** Nobody answered in time. */
  readonly timeout: () => void;
  readonly ended: () => void;
}

type AnyState = ServerInviteState | ServerOtherState;

/** A server transaction: runs the effects of its machine. */
export class ServerTransaction {
  readonly key: string;
  readonly method: string;
  readonly #options: ServerTransactionOptions;
  readonly #timers: TimerSet;
  #state: AnyState;
  #response = '';

  constructor(options: ServerTransactionOptions) {
    this.key = options.key;
    this.method = options.method;
    this.#options = options;
    this.#timers = new TimerSet((timer) => {
      this.#on({ kind: 'timer', timer });
    });
    this.#state = options.method === 'INVITE' ? { name: 'proceeding', silent: true } : { name: 'trying' };
    this.#on({ kind: 'start' });
  }

  /** Can a final response still be given? */
  get pending(): boolean {
    return this.#state.name === 'proceeding' || this.#state.name === 'trying';
  }

  /** The same request again. */
  request(): void {
    this.#on({ kind: 'request' });
  }

  /** The ACK of a non-2xx final. */
  ack(): void {
    this.#on({ kind: 'ack' });
  }

  respond(status: number, text: string): void {
    this.#response = text;
    this.#on({ kind: 'respond', status });
  }

  /** Ends the transaction without a word to its user. Idempotent. */
  close(): void {
    this.#timers.close();
    this.#state = { name: 'terminated' };
    this.#response = '';
  }

  #on(event: ServerEvent): void {
    const step: Step<AnyState> =
      this.method === 'INVITE'
        ? serverInvite(this.#state as ServerInviteState, event, this.#options.env)
        : serverOther(this.#state as ServerOtherState, event, this.#options.env);
    this.#state = step.state;
    for (const effect of step.effects) this.#run(effect);
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#options.send(this.#response, false);
        return;
      case 'resend':
        if (this.#response !== '') this.#options.send(this.#response, true);
        return;
      case 'start':
        this.#timers.start(effect.timer, effect.after);
        return;
      case 'stop':
        this.#timers.stop(effect.timer);
        return;
      case 'trying':
        this.#options.trying();
        return;
      case 'timeout':
        this.#options.timeout();
        return;
      case 'end':
        this.close();
        this.#options.ended();
        return;
      case 'ack':
      case 'cancel':
      case 'deliver':
      case 'lost':
        return;
    }
  }
}
