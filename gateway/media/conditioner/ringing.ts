import { randomInt } from 'node:crypto';
import { createEncoder, type Encoder } from './codec.js';
import type { AudioFormat } from './ingress.js';
import { FRAME_UNITS, RTP_HEADER, writeHeader } from './rtp.js';
import { ringingTone } from './tone.js';

const FRAME_MS = 20;

/** A stream of ringing tone. */
export class Ringing {
  readonly #format: AudioFormat;
  readonly #send: (packet: Buffer) => void;
  readonly #encoder: Encoder;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #from: { readonly sequence: number; readonly timestamp: number };
  readonly #since: number;
  #frames = 0;

  constructor(format: AudioFormat, now: number, send: (packet: Buffer) => void) {
    this.#format = format;
    this.#send = send;
    this.#encoder = createEncoder(format.codec);
    this.#from = { sequence: randomInt(2 ** 15), timestamp: randomInt(2 ** 31) };
    this.#since = now;
  }

  tick(now: number): void {
    const due = Math.floor((now - this.#since) / FRAME_MS);
    // After a stall of our own no burst is sent.
    this.#frames = Math.max(this.#frames, due - 1);
    while (this.#frames <= due) this.#leave();
  }

  close(): void {
    this.#encoder.close();
  }

  #leave(): void {
    const payload = this.#encoder.encode(ringingTone(this.#frames));
    const packet = Buffer.alloc(RTP_HEADER + payload.length);
    packet.writeUInt8(0x80, 0);
    packet.writeUInt8(this.#format.payloadType | (this.#frames === 0 ? 0x80 : 0), 1);
    const timestamp = this.#from.timestamp + this.#frames * FRAME_UNITS[this.#format.codec];
    writeHeader(packet, (this.#from.sequence + this.#frames) & 0xffff, timestamp >>> 0, this.#ssrc);
    payload.copy(packet, RTP_HEADER);
    this.#frames += 1;
    this.#send(packet);
  }
}
