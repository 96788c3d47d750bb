import { sequenceDistance, sequenceOf } from './rtp.js';

/** So many packets wait at most: 80 ms. */
const LIMIT = 4;
/** A queue that has not been empty for so many packets (half a second) is longer than the jitter needs. */
const STANDING = 25;

/** Packets that came before their turn, in the order of their sequence numbers. */
export class PacketQueue {
  readonly #packets: Buffer[] = [];
  #sinceEmpty = 0;

  get length(): number {
    return this.#packets.length;
  }

  get first(): Buffer | undefined {
    return this.#packets[0];
  }

  /** Returns the packet that has to give way: the oldest where there are too many, the new one if it is a duplicate. */
  insert(packet: Buffer): Buffer | undefined {
    const sequence = sequenceOf(packet);
    let at = this.#packets.length;
    for (; at > 0; at -= 1) {
      const before = this.#packets[at - 1];
      const distance = before === undefined ? 1 : sequenceDistance(sequence, sequenceOf(before));
      if (distance === 0) return packet;
      if (distance > 0) break;
    }
    this.#packets.splice(at, 0, packet);
    return this.#packets.length > LIMIT ? this.#packets.shift() : undefined;
  }

  shift(): Buffer | undefined {
    const packet = this.#packets.shift();
    this.#sinceEmpty = this.#packets.length === 0 ? 0 : this.#sinceEmpty + 1;
    return packet;
  }

  /** True once every half second in which something waited all the time: one packet may go. */
  isStanding(): boolean {
    if (this.#sinceEmpty < STANDING) return false;
    this.#sinceEmpty = 0;
    return true;
  }

  /** Takes out what fits and returns it, in order. */
  remove(fits: (packet: Buffer) => boolean): Buffer[] {
    const out = this.#packets.filter(fits);
    if (out.length > 0) this.#packets.splice(0, Infinity, ...this.#packets.filter((p) => !fits(p)));
    return out;
  }

  /** Returns how many there were. */
  clear(): number {
    this.#sinceEmpty = 0;
    return this.#packets.splice(0).length;
  }
}
