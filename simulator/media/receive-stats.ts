/** Counters of received RTP (RFC 3550, appendix A), from headers alone, one pass, a fixed amount of memory. */

const MAX_DROPOUT = 3000;
/** Sequence numbers below the highest that are still told apart as late or duplicate. */
const HISTORY = 1024;

export interface StreamCounters {
  readonly packets: number;
  readonly expected: number;
  readonly lost: number;
  readonly reordered: number;
  readonly duplicates: number;
}

/** One SSRC. */
class Stream {
  received = 0;
  reordered = 0;
  duplicates = 0;
  maxJitter = 0;
  #jitter = 0;
  #transit: number | undefined;
  /** Numbers expected in runs before the last jump of the sequence. */
  #expectedBefore = 0;
  #base = -1;
  #highest = -1;
  readonly #seen = new Uint8Array(HISTORY);

  get expected(): number {
    return this.#expectedBefore + (this.#base < 0 ? 0 : this.#highest - this.#base + 1);
  }

  get highest(): number {
    return this.#highest;
  }

  get jitterTicks(): number {
    return this.#jitter;
  }

  /** @returns false for a duplicate. */
  sequence(sequence: number): boolean {
    if (this.#base < 0) {
      this.#start(sequence);
    } else {
      const delta = ((sequence - this.#highest + 0x18000) & 0xffff) - 0x8000;
      if (Math.abs(delta) > MAX_DROPOUT) {
        this.#expectedBefore = this.expected;
        this.#start(sequence);
      } else if (delta > 0) {
        for (let n = this.#highest + 1; n < this.#highest + delta; n++) this.#seen[n % HISTORY] = 0;
        this.#highest += delta;
      } else {
        const extended = this.#highest + delta;
        if (-delta >= HISTORY || this.#seen[((extended % HISTORY) + HISTORY) % HISTORY] === 1) {
          this.duplicates++;
          return false;
        }
        this.reordered++;
        // A packet older than the first one widens what was expected.
        if (extended < this.#base) this.#base = extended;
        this.#seen[((extended % HISTORY) + HISTORY) % HISTORY] = 1;
        this.received++;
        return true;
      }
    }
    this.#seen[this.#highest % HISTORY] = 1;
    this.received++;
    return true;
  }

  /** RFC 3550, section 6.4.1. */
  timing(arrivalMs: number, timestamp: number, clockRate: number): void {
    const transit = ((arrivalMs * clockRate) / 1000 - timestamp) % 0x100000000;
    if (this.#transit !== undefined) {
      const difference = Math.abs(transit - this.#transit);
      // A new offset of the timestamps is not jitter.
      if (difference < clockRate) this.#jitter += (difference - this.#jitter) / 16;
      this.maxJitter = Math.max(this.maxJitter, (this.#jitter * 1000) / clockRate);
    }
    this.#transit = transit;
  }

  #start(sequence: number): void {
    // Far from zero, so that packets older than the first have an index too.
    this.#base = this.#highest = sequence + 0x10000;
    this.#seen.fill(0);
  }
}

export class ReceiveStats {
  readonly #streams = new Map<number, Stream>();
  readonly payloadTypes = new Set<number>();
  #lastArrival: number | undefined;
  #largestGap: number | undefined;
  #largestSureGap: number | undefined;

  /**
   * @param clockRate of the timestamp, undefined where it says nothing about arrival (telephone-event).
   * @param heldUpMs how much earlier the packet may have come, because this process was held up.
   * @returns false for a duplicate.
   */
  packet(
    arrivalMs: number,
    ssrc: number,
    payloadType: number,
    sequence: number,
    timestamp: number,
    clockRate: number | undefined,
    heldUpMs = 0,
  ): boolean {
    let stream = this.#streams.get(ssrc);
    if (stream === undefined) {
      stream = new Stream();
      this.#streams.set(ssrc, stream);
    }
    this.payloadTypes.add(payloadType);
    this.gapUntil(arrivalMs, heldUpMs);
    this.#lastArrival = arrivalMs;
    if (!stream.sequence(sequence)) return false;
    if (clockRate !== undefined) stream.timing(arrivalMs, timestamp, clockRate);
    return true;
  }

  /** Counts the time since the last packet as a gap: at the end of the call, after which nothing comes. */
  gapUntil(nowMs: number, heldUpMs = 0): void {
    if (this.#lastArrival === undefined) return;
    const gap = nowMs - this.#lastArrival;
    this.#largestGap = Math.max(this.#largestGap ?? 0, gap);
    this.#largestSureGap = Math.max(this.#largestSureGap ?? 0, gap - heldUpMs);
  }

  get lastArrivalMs(): number | undefined {
    return this.#lastArrival;
  }

  get largestGapMs(): number | undefined {
    return this.#largestGap;
  }

  get largestSureGapMs(): number | undefined {
    return this.#largestSureGap;
  }

  get ssrcs(): readonly number[] {
    return [...this.#streams.keys()];
  }

  get ssrcCount(): number {
    return this.#streams.size;
  }

  get jitterMs(): number {
    return Math.max(0, ...[...this.#streams.values()].map((s) => s.maxJitter));
  }

  get counters(): StreamCounters {
    const streams = [...this.#streams.values()];
    const sum = (pick: (s: Stream) => number): number => streams.reduce((total, s) => total + pick(s), 0);
    const packets = sum((s) => s.received);
    const expected = sum((s) => s.expected);
    return {
      packets,
      expected,
      lost: Math.max(0, expected - packets),
      reordered: sum((s) => s.reordered),
      duplicates: sum((s) => s.duplicates),
    };
  }

  /** For an RTCP report block: highest extended sequence number and jitter in timestamp units. */
  blockOf(ssrc: number): { readonly highest: number; readonly jitter: number } | undefined {
    const stream = this.#streams.get(ssrc);
    return stream && { highest: stream.highest, jitter: Math.round(stream.jitterTicks) };
  }
}
