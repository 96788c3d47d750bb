import type { HeardPacket } from './heard.js';

/** Decrypted packets of the first part of a call, kept as they came; measuring them is for later. */
export class Recording {
  readonly packets: HeardPacket[] = [];
  readonly #keepMs: number;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  add(packet: Buffer, arrivalMs: number): void {
    const first = this.packets[0];
    if (first === undefined || arrivalMs - first.arrivalMs <= this.#keepMs) this.packets.push({ arrivalMs, packet });
  }
}
