/** Audio to and from 20 ms of 8 kHz samples: only where the PBX's codec is not that of rtpengine's plain side. */
import OpusScript from 'opusscript';
import type { PbxCodec } from '../../config/types.js';
import { decodeLaw, encodeLaw, isLaw } from './g711.js';

const RATE = 8000;
export const FRAME_SAMPLES = RATE / 50;
/** OPUS_SET_COMPLEXITY: 0.2 ms a frame instead of 4 (RFC 6716 allows any). */
const COMPLEXITY = 4010;
/** As Meta's own fmtp says. */
const BITRATE = 20_000;

export interface Encoder {
  /** @param samples {@link FRAME_SAMPLES} of them */
  encode(samples: Int16Array): Buffer;
  close(): void;
}

export interface Decoder {
  /** Empty for what cannot be decoded. */
  decode(payload: Buffer): Int16Array;
  close(): void;
}

export function createEncoder(codec: PbxCodec): Encoder {
  return isLaw(codec) ? { encode: (samples) => encodeLaw(samples, codec), close: () => undefined } : new OpusEncoder();
}

export function createDecoder(codec: PbxCodec): Decoder {
  return isLaw(codec) ? { decode: (payload) => decodeLaw(payload, codec), close: () => undefined } : new OpusDecoder();
}

/** Compiles libopus now (50 ms): a thread that already has calls would delay them. */
export function loadOpus(): void {
  const encoder = new OpusEncoder();
  const silence = new Int16Array(FRAME_SAMPLES);
  for (let i = 0; i < 5; i++) encoder.encode(silence);
  encoder.close();
}

class OpusEncoder implements Encoder {
  readonly #opus = new OpusScript(RATE, 1, OpusScript.Application.VOIP);

  constructor() {
    this.#opus.encoderCTL(COMPLEXITY, 1);
    this.#opus.setBitrate(BITRATE);
  }

  encode(samples: Int16Array): Buffer {
    return this.#opus.encode(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength), samples.length);
  }

  close(): void {
    this.#opus.delete();
  }
}

class OpusDecoder implements Decoder {
  readonly #opus = new OpusScript(RATE, 1);

  decode(payload: Buffer): Int16Array {
    try {
      const pcm = this.#opus.decode(payload);
      return new Int16Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
    } catch {
      return new Int16Array(0);
    }
  }

  close(): void {
    this.#opus.delete();
  }
}
