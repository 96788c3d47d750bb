/** Meta's two media timers (facts in simulator/rules.ts), with one timer that is never touched per packet. */
export class MediaWatchdog {
  readonly #limits: { readonly startMs: number; readonly gapMs: number };
  /** Time of the last RTP packet, and of the last RTP or RTCP packet; undefined before the first. */
  readonly #last: () => { readonly rtp: number | undefined; readonly any: number | undefined };
  readonly #onTimeout: (rule: 'media-start-timeout' | 'media-gap-timeout') => void;
  #timer: NodeJS.Timeout | undefined;
  #startedAt: number | undefined;

  constructor(
    limits: { readonly startMs: number; readonly gapMs: number },
    last: () => { readonly rtp: number | undefined; readonly any: number | undefined },
    onTimeout: (rule: 'media-start-timeout' | 'media-gap-timeout') => void,
  ) {
    this.#limits = limits;
    this.#last = last;
    this.#onTimeout = onTimeout;
  }

  start(nowMs: number): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = nowMs;
    this.#arm(this.#limits.startMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => this.#check(), Math.max(1, Math.ceil(delayMs)));
  }

  #check(): void {
    const now = performance.now();
    const { rtp, any } = this.#last();
    if (rtp === undefined) {
      const remaining = this.#startedAt! + this.#limits.startMs - now;
      if (remaining > 0) this.#arm(remaining);
      else this.#onTimeout('media-start-timeout');
      return;
    }
    const remaining = Math.max(rtp, any ?? rtp) + this.#limits.gapMs - now;
    if (remaining > 0) this.#arm(remaining);
    else this.#onTimeout('media-gap-timeout');
  }
}
