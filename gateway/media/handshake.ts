import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.js';
import type { DtlsStage } from './sdp/whatsapp.js';

/**
 * From the first ICE check to the ClientHello. rtpengine nominates 100 ms after its first check was answered; the rest is
 * for the way to Meta and back. Where that takes longer the ClientHello is lost, and OpenSSL's next one leaves in 1 to 2 s.
 * No earlier one is forced: a new handshake on top of one that is merely slow would break it.
 */
const NOMINATION_MS = 150;

/**
 * Starts ICE when Meta has our answer, and DTLS when ICE has nominated.
 *
 * Left to itself rtpengine sends its ClientHello before it nominates. Meta ignores it then, and the next one leaves one
 * to two seconds later. It also checks from the offer on with doubling pauses, which after some ringing last seconds.
 */
export class Handshake {
  readonly #show: (stage: DtlsStage) => Promise<void>;
  readonly #abort = new AbortController();

  /**
   * @param show shows rtpengine Meta's side once more, as of one stage
   * @param from `hello`: ICE has begun already
   */
  constructor(from: 'ice' | 'hello', show: (stage: DtlsStage) => Promise<void>, log: Log) {
    this.#show = show;
    void this.#run(from).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) log.warn({ error: String(error) }, 'DTLS could not be started on rtpengine');
    });
  }

  /** Idempotent. */
  close(): void {
    this.#abort.abort();
  }

  async #run(from: 'ice' | 'hello'): Promise<void> {
    if (from === 'ice') await this.#show('ice');
    await sleep(NOMINATION_MS, undefined, { signal: this.#abort.signal });
    await this.#show('hello');
  }
}
