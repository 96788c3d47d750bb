/** OPTIONS outside a dialog: is anybody there? */
import type { Ground } from './dialog.js';
import type { SrfResponse } from './drachtio-types.js';
import { cleanHeaders } from './headers.js';
import { checkUri, errorText, madeByServer } from './outgoing.js';
import type { ProbeResult, ProbeTarget } from './port.js';

export class Probe {
  readonly result: Promise<ProbeResult>;
  readonly #ground: Ground;
  readonly #target: ProbeTarget;
  readonly #closed: () => void;
  readonly #limit: NodeJS.Timeout;
  #resolve: (result: ProbeResult) => void = () => undefined;

  /** `closed` is called when the result is known. */
  constructor(ground: Ground, target: ProbeTarget, closed: () => void) {
    this.#ground = ground;
    this.#target = target;
    this.#closed = closed;
    this.result = new Promise((resolve) => (this.#resolve = resolve));
    // The server's own limit is 64*T1; what it says after ours is heard by nobody.
    this.#limit = setTimeout(() => {
      this.#unreachable(`no response within ${target.timeoutMs} ms`);
    }, target.timeoutMs);
  }

  start(): void {
    try {
      this.#send();
    } catch (error) {
      this.#unreachable(errorText(error));
    }
  }

  /** The link to the SIP server is gone. */
  lost(): void {
    this.#unreachable('the link to the SIP server was lost');
  }

  #send(): void {
    const { requestUri, nextHop, from, to } = this.#target;
    checkUri(requestUri);
    if (nextHop !== undefined) checkUri(nextHop);
    const proxy = nextHop === undefined ? {} : { proxy: nextHop };
    this.#ground.agent.request(
      { method: 'OPTIONS', uri: requestUri, headers: cleanHeaders({ From: from, To: to }), ...proxy },
      (error, request) => {
        if (error || !request) {
          this.#unreachable(errorText(error));
          return;
        }
        request.on('response', (response: SrfResponse) => {
          this.#onResponse(response);
        });
      },
    );
  }

  #onResponse(response: SrfResponse): void {
    const { status, reason } = response;
    if (status < 200) return;
    if (madeByServer(response, this.#ground.embedded)) this.#unreachable(`${status} ${reason}`);
    else this.#settle({ kind: 'answered', status });
  }

  #unreachable(detail: string): void {
    this.#settle({ kind: 'unreachable', detail });
  }

  #settle(result: ProbeResult): void {
    clearTimeout(this.#limit);
    this.#closed();
    this.#resolve(result);
  }
}
