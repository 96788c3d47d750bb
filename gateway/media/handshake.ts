import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.js';
import type { DtlsStage } from './sdp/whatsapp.js';

/**
 * From the first ICE check to the ClientHello. rtpengine nominates 100 ms after its first check was answered; the rest is
 * for two ways to Meta and back.
 */
const NOMINATION_MS = 150;
/** A ClientHello whose answer has not come in this time was dropped. Two round trips and a slow peer fit in. */
const ANSWER_MS = 400;
const ATTEMPTS = 3;

/**
 * Starts ICE when Meta has our answer, and DTLS when ICE has nominated.
 *
 * Left to itself rtpengine sends its ClientHello before it nominates. Meta ignores it then, and the next one leaves one
 * to two seconds later. It also checks from the offer on with doubling pauses, which after some ringing last seconds.
 */
export class Handshake {
  readonly #show: (stage: DtlsStage) => Promise<void>;
  readonly #verified: () => Promise<boolean>;
  readonly #abort = new AbortController();

  /** @param show re-offers one stage to rtpengine; @param verified whether Meta's certificate has come */
  constructor(show: (stage: DtlsStage) => Promise<void>, verified: () => Promise<boolean>, log: Log) {
    this.#show = show;
    this.#verified = verified;
    void this.#run().catch((error: unknown) => {
      if (!this.#abort.signal.aborted)
        log.warn({ error: String(error) }, 'DTLS could not be started; rtpengine goes on by itself');
    });
  }

  /** Idempotent. */
  close(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    await this.#show('ice');
    await sleep(NOMINATION_MS, undefined, { signal });
    for (let attempt = 1; ; attempt += 1) {
      await this.#show('hello');
      if (attempt === ATTEMPTS) return; // from here on OpenSSL repeats its ClientHello at 1, 2, 4 s
      await sleep(ANSWER_MS, undefined, { signal });
      if (await this.#verified()) return;
      // Only a change of role makes a new ClientHello.
      await this.#show('ice');
    }
  }
}
