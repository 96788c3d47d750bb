/** One RTP stream as it arrives, by its headers: SRTP leaves those in the clear. */
export class ReceivedStream {
  readonly #ssrcs = new Set<number>();
  #packets = 0;
  #first: number | undefined;
  #highest = 0;
  #arrivedAt = 0;
  #transit: number | undefined;
  #jitter = 0;
  #largestGapMs = 0;

  /** @param clock timestamp units a second */
  constructor(private readonly clock: number) {}

  get packets(): number {
    return this.#packets;
  }

  get ssrcs(): number {
    return this.#ssrcs.size;
  }

  get largestGapMs(): number {
    return this.#largestGapMs;
  }

  /** Interarrival jitter, RFC 3550 section 6.4.1, in ms. */
  get jitterMs(): number {
    return (this.#jitter / this.clock) * 1000;
  }

  /** Packets that are missing by sequence number, and packets expected. */
  get loss(): { readonly lost: number; readonly expected: number } {
    const expected = this.#first === undefined ? 0 : this.#highest - this.#first + 1;
    return { lost: Math.max(0, expected - this.#packets), expected };
  }

  /** Counts from the next packet on. */
  forget(): void {
    this.#ssrcs.clear();
    this.#packets = 0;
    this.#first = undefined;
    this.#transit = undefined;
    this.#jitter = 0;
    this.#largestGapMs = 0;
  }

  receive(packet: Buffer, now: number): void {
    const type = packet[1];
    // RTCP shares the port: its packet types are 192 to 223 (RFC 5761).
    if (packet.length < 12 || type === undefined || (type >= 192 && type <= 223)) return;
    this.#ssrcs.add(packet.readUInt32BE(8));
    this.#count(packet.readUInt16BE(2));
    if (this.#packets > 1) this.#largestGapMs = Math.max(this.#largestGapMs, now - this.#arrivedAt);
    this.#arrivedAt = now;
    const transit = (now / 1000) * this.clock - packet.readUInt32BE(4);
    if (this.#transit !== undefined) {
      const difference = Math.abs(transit - this.#transit);
      if (difference < this.clock) this.#jitter += (difference - this.#jitter) / 16; // beyond: the timestamp wrapped
    }
    this.#transit = transit;
  }

  #count(sequence: number): void {
    this.#packets += 1;
    if (this.#first === undefined) {
      this.#first = sequence;
      this.#highest = sequence;
      return;
    }
    const step = (sequence - this.#highest) & 0xffff;
    if (step < 0x8000) this.#highest += step;
  }
}
