import type { PbxCodec } from '../../config/types.js';
import { opusMs } from './opus-frames.js';
import { Reframer } from './reframe.js';
import {
  RTP_HEADER,
  payloadOf,
  payloadTypeOf,
  sequenceDistance,
  sequenceOf,
  setSequence,
  ssrcOf,
  timestampOf,
} from './rtp.js';

export interface AudioFormat {
  readonly payloadType: number;
  readonly codec: PbxCodec;
}

/** A step in the sequence numbers beyond this is a new stream under the old SSRC. */
export const MAX_SEQUENCE_STEP = 500;
const FRAME_MS = 20;

/**
 * What the PBX sends, as packets of 20 ms in the codec of rtpengine's plain side, under sequence numbers that count
 * those packets. Packets that are so already pass untouched but for their number.
 */
export class Ingress {
  readonly #to: PbxCodec;
  readonly #emit: (packet: Buffer) => void;
  readonly #reframers = new Map<PbxCodec, Reframer>();
  #formats: readonly AudioFormat[] = [];
  #ssrc = 0;
  /** Sequence number of the newest packet in, and of the newest one out. */
  #last: number | undefined;
  #out = 0;
  /** Packets out for one in; 0.5 where two make one. */
  #ratio = 1;
  #codec: PbxCodec | undefined;
  #nextTimestamp = 0;

  /** @param emit takes a packet at once; its buffer is kept by nobody here */
  constructor(to: PbxCodec, emit: (packet: Buffer) => void) {
    this.#to = to;
    this.#emit = emit;
  }

  /** Payload types under which the PBX may send audio. */
  expect(formats: readonly AudioFormat[]): void {
    this.#formats = formats;
  }

  /** False for another payload type. */
  audio(packet: Buffer): boolean {
    const payloadType = payloadTypeOf(packet);
    const codec = this.#formats.find((f) => f.payloadType === payloadType)?.codec;
    if (codec === undefined) return false;
    const step = this.#step(packet);
    const reframer = this.#reframer(codec);
    const payload = payloadOf(packet);
    const ms = codec === 'opus' ? opusMs(payload) : payload.length / 8;
    if (step > 0) this.#continues(packet, step, codec, ms);
    if (reframer.fits(payload)) this.#pass(packet, step);
    else if (step > 0) this.#rebuild(packet, step, reframer.take(payload));
    if (step > 0) this.#ratio = ms / FRAME_MS;
    return true;
  }

  /** Numbers a packet that is no audio among the others. */
  other(packet: Buffer): void {
    this.#pass(packet, this.#step(packet), false);
  }

  close(): void {
    for (const reframer of this.#reframers.values()) reframer.close();
    this.#reframers.clear();
  }

  /** How far the packet is after the newest; a new stream begins after nothing. */
  #step(packet: Buffer): number {
    const [ssrc, sequence] = [ssrcOf(packet), sequenceOf(packet)];
    if (this.#last !== undefined && ssrc === this.#ssrc) {
      const step = sequenceDistance(sequence, this.#last);
      if (Math.abs(step) <= MAX_SEQUENCE_STEP) return step;
      this.#out = (this.#out + 2 * MAX_SEQUENCE_STEP) & 0xffff;
    } else {
      this.#out = (sequence - 1) & 0xffff;
    }
    this.#ssrc = ssrc;
    this.#last = (sequence - 1) & 0xffff;
    this.#ratio = 1;
    return 1;
  }

  /** What waits for the rest of its 20 ms is of no use when something else follows. */
  #continues(packet: Buffer, step: number, codec: PbxCodec, ms: number): void {
    const timestamp = timestampOf(packet);
    if (step !== 1 || codec !== this.#codec || timestamp !== this.#nextTimestamp) this.#reframer(codec).forget();
    this.#codec = codec;
    this.#nextTimestamp = (timestamp + ms * (codec === 'opus' ? 48 : 8)) >>> 0;
  }

  #pass(packet: Buffer, step: number, emits = true): void {
    if (step <= 0 && this.#ratio !== 1) return;
    const number = step > 0 ? this.#next(step) : this.#out + step;
    if (step > 0) this.#newest(packet, number);
    setSequence(packet, number & 0xffff);
    if (emits) this.#emit(packet);
  }

  #rebuild(packet: Buffer, step: number, payloads: readonly Buffer[]): void {
    const first = this.#next(step);
    this.#newest(packet, first - 1 + payloads.length);
    for (const [i, payload] of payloads.entries()) {
      const built = Buffer.alloc(RTP_HEADER + payload.length);
      packet.copy(built, 0, 0, RTP_HEADER);
      built.writeUInt8(0x80, 0);
      setSequence(built, (first + i) & 0xffff);
      payload.copy(built, RTP_HEADER);
      this.#emit(built);
    }
  }

  /** The number of what leaves next: as many are missing as the lost packets would have made. */
  #next(step: number): number {
    return this.#out + 1 + Math.round((step - 1) * this.#ratio);
  }

  #newest(packet: Buffer, number: number): void {
    this.#last = sequenceOf(packet);
    this.#out = number & 0xffff;
  }

  #reframer(codec: PbxCodec): Reframer {
    let reframer = this.#reframers.get(codec);
    if (reframer === undefined) this.#reframers.set(codec, (reframer = new Reframer(codec, this.#to)));
    return reframer;
  }
}
