import OpusScript from 'opusscript';

export const OPUS_RATE = 48000;
/** Meta's fmtp: maxaveragebitrate=20000. */
const BITRATE = 20000;

/** Encodes 20 ms mono frames of 48 kHz samples. */
export class OpusEncoder {
  readonly #opus = new OpusScript(OPUS_RATE, 1, OpusScript.Application.VOIP);

  constructor() {
    this.#opus.setBitrate(BITRATE);
  }

  encode(frame: Int16Array): Buffer {
    return this.#opus.encode(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength), frame.length);
  }

  close(): void {
    this.#opus.delete();
  }
}

/** Decodes Opus packets, stereo or not, to mono at the given rate. */
export class OpusDecoder {
  readonly #opus: OpusScript;

  constructor(rate: 8000 | 16000 | 48000) {
    this.#opus = new OpusScript(rate, 1);
  }

  /** @returns the samples; undefined where the packet is not Opus. */
  decode(packet: Buffer): Int16Array | undefined {
    try {
      const pcm = this.#opus.decode(packet);
      return new Int16Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#opus.delete();
  }
}

/** Length of an Opus packet in ms from its table-of-contents byte (RFC 6716, section 3.1). */
export function opusPacketMs(packet: Buffer): number | undefined {
  const toc = packet[0];
  if (toc === undefined) return undefined;
  const config = toc >> 3;
  const frameMs =
    config < 12 ? [10, 20, 40, 60][config % 4]! : config < 16 ? [10, 20][config % 2]! : [2.5, 5, 10, 20][config % 4]!;
  switch (toc & 3) {
    case 0:
      return frameMs;
    case 1:
    case 2:
      return 2 * frameMs;
    default:
      return packet.length < 2 ? undefined : (packet[1]! & 0x3f) * frameMs;
  }
}
