import type { PbxCodec } from '../../config/types.js';
import { FRAME_SAMPLES, createDecoder, createEncoder, type Decoder, type Encoder } from './codec.js';
import { encodeLaw, isLaw, toLaw, type Law } from './g711.js';
import { joinOpus, opusMs, parseOpus, type OpusFrames } from './opus-frames.js';

const FRAME_MS = 20;
const EMPTY = Buffer.alloc(0);

/** Payloads of one codec, of any length, to payloads of 20 ms of another or the same. */
export class Reframer {
  readonly #from: PbxCodec;
  readonly #to: PbxCodec;
  #encoder: Encoder | undefined;
  #decoder: Decoder | undefined;
  /** Bytes of G.711 that wait for the rest of their 20 ms. */
  #waiting: Buffer = EMPTY;
  /** A 10 ms Opus frame that waits for its other half. */
  #half: OpusFrames | undefined;

  constructor(from: PbxCodec, to: PbxCodec) {
    this.#from = from;
    this.#to = to;
  }

  /** True for what needs nothing done. */
  fits(payload: Buffer): boolean {
    if (this.#from !== this.#to || this.#waiting.length > 0 || this.#half !== undefined) return false;
    return isLaw(this.#from) ? payload.length === FRAME_SAMPLES : opusMs(payload) === FRAME_MS;
  }

  take(payload: Buffer): readonly Buffer[] {
    if (isLaw(this.#from)) return this.#law(payload, this.#from);
    if (!isLaw(this.#to)) return this.#opus(payload);
    return this.#cut(encodeLaw(this.#decode(payload), this.#to));
  }

  /** Something is missing: what waited does not belong to what follows. */
  forget(): void {
    this.#waiting = EMPTY;
    this.#half = undefined;
  }

  close(): void {
    this.#encoder?.close();
    this.#decoder?.close();
    this.#encoder = undefined;
    this.#decoder = undefined;
  }

  #law(payload: Buffer, from: Law): readonly Buffer[] {
    const to = this.#to;
    if (isLaw(to)) return this.#cut(from === to ? payload : toLaw(payload, to));
    this.#decoder ??= createDecoder(from);
    const decoder = this.#decoder;
    return this.#cut(payload).map((frame) => this.#encode(decoder.decode(frame)));
  }

  #opus(payload: Buffer): readonly Buffer[] {
    const parsed = parseOpus(payload);
    if (parsed === undefined) return [];
    if (parsed.frameMs === FRAME_MS) return parsed.frames.map((frame) => joinOpus(parsed.toc, [frame]));
    if (parsed.frameMs === FRAME_MS / 2) return this.#pairs(parsed);
    if (opusMs(payload) === FRAME_MS) return [payload];
    // A frame of 40 or 60 ms has no parts: it is coded again, at 8 kHz.
    return this.#cut(encodeLaw(this.#decode(payload), 'PCMA')).map((frame) => this.#recode(frame));
  }

  #pairs(parsed: OpusFrames): readonly Buffer[] {
    const half = this.#half?.toc === parsed.toc ? this.#half.frames : [];
    const frames = [...half, ...parsed.frames];
    const left = frames.length % 2 === 1 ? frames.pop() : undefined;
    this.#half = left === undefined ? undefined : { ...parsed, frames: [Buffer.from(left)] };
    const pairs: Buffer[] = [];
    for (let i = 0; i < frames.length; i += 2) pairs.push(joinOpus(parsed.toc, frames.slice(i, i + 2)));
    return pairs;
  }

  #cut(bytes: Buffer): readonly Buffer[] {
    const all = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    const whole = Math.floor(all.length / FRAME_SAMPLES);
    this.#waiting = all.subarray(whole * FRAME_SAMPLES);
    return Array.from({ length: whole }, (_, i) => all.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES));
  }

  #recode(frame: Buffer): Buffer {
    return this.#encode(createDecoder('PCMA').decode(frame));
  }

  #decode(payload: Buffer): Int16Array {
    this.#decoder ??= createDecoder(this.#from);
    return this.#decoder.decode(payload);
  }

  #encode(samples: Int16Array): Buffer {
    this.#encoder ??= createEncoder(this.#to);
    return this.#encoder.encode(samples);
  }
}
