import type { Codec, ReceivedDigit } from './types.js';
import { decodeAlaw, decodeUlaw } from './g711.js';
import { dtmfSteps } from './inband-dtmf.js';
import { toneShare, toneSteps, type ToneMeasure } from './measure.js';
import { OPUS_RATE, OpusDecoder } from './opus.js';
import { payloadOf, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from './rtp.js';

/** A decrypted RTP packet and when it came. */
export interface HeardPacket {
  readonly arrivalMs: number;
  readonly packet: Buffer;
}

export interface HeardAudio {
  readonly tone: ToneMeasure | undefined;
  readonly firstToneAtMs: number | undefined;
  readonly toneMs: number;
  /** `atMs` on the clock of the arrivals. */
  readonly digits: readonly ReceivedDigit[];
}

/** Samples without a hole of more than LARGEST_HOLE_MS, and the arrival of the packet behind each 20 ms of them. */
interface Stretch {
  readonly pcm: Int16Array;
  readonly rate: number;
  readonly marks: readonly { readonly at: number; readonly samples: number; readonly arrivalMs: number }[];
}

/** Shorter holes are lost packets, filled with silence; longer ones (keys, silence suppression) part the audio. */
const LARGEST_HOLE_MS = 100;
/** A packet with this share of the tone counts as the tone. */
const TONE_HEARD = 0.8;

const ANALYSIS_RATE: Record<Codec, 8000 | 16000> = { opus: 16000, PCMA: 8000, PCMU: 8000 };

/**
 * Decodes what came and measures it, one yield a few milliseconds of work.
 * @param codecs by payload type; other packets (telephone-event) only part the audio.
 */
export function* measureHeard(
  packets: readonly HeardPacket[],
  codecs: ReadonlyMap<number, Codec>,
): Generator<void, HeardAudio> {
  const stretches: Stretch[] = [];
  for (const stream of bySsrc(packets)) stretches.push(...(yield* decodeStream(stream, codecs)));
  let tone: ToneMeasure | undefined;
  for (const stretch of stretches) {
    const found = yield* toneSteps(stretch.pcm, stretch.rate);
    if (found !== undefined && found.purity > (tone?.purity ?? 0)) tone = found;
  }
  let firstToneAtMs: number | undefined;
  let toneMs = 0;
  const digits: ReceivedDigit[] = [];
  for (const stretch of stretches) {
    for (const key of yield* dtmfSteps(stretch.pcm, stretch.rate)) {
      const atMs = arrivalAt(stretch, (key.atMs * stretch.rate) / 1000);
      const endMs = arrivalAt(stretch, ((key.atMs + key.durationMs) * stretch.rate) / 1000);
      digits.push({ key: key.key, via: 'inband', durationMs: key.durationMs, arrivalMs: endMs - atMs, atMs });
    }
    if (tone === undefined) continue;
    for (const { at, samples, arrivalMs } of stretch.marks) {
      if (toneShare(stretch.pcm.subarray(at, at + samples), stretch.rate, tone.hz) < TONE_HEARD) continue;
      toneMs += (samples * 1000) / stretch.rate;
      firstToneAtMs = Math.min(firstToneAtMs ?? Infinity, arrivalMs);
      yield;
    }
  }
  return { tone, firstToneAtMs, toneMs, digits };
}

function bySsrc(packets: readonly HeardPacket[]): HeardPacket[][] {
  const streams = new Map<number, HeardPacket[]>();
  for (const heard of packets) {
    const stream = streams.get(ssrcOf(heard.packet));
    if (stream === undefined) streams.set(ssrcOf(heard.packet), [heard]);
    else stream.push(heard);
  }
  return [...streams.values()];
}

/** Orders one SSRC by sequence number, decodes it, and lays it out by timestamp. */
function* decodeStream(
  packets: readonly HeardPacket[],
  codecs: ReadonlyMap<number, Codec>,
): Generator<void, Stretch[]> {
  const decoders = new Map<number, PayloadDecoder>();
  const stretches: Stretch[] = [];
  let builder: StretchBuilder | undefined;
  try {
    for (const { packet, arrivalMs } of inSequence(packets)) {
      const payloadType = payloadTypeOf(packet);
      const codec = codecs.get(payloadType);
      const payload = payloadOf(packet);
      if (codec === undefined || payload === undefined) continue;
      let decoder = decoders.get(payloadType);
      if (decoder === undefined) decoders.set(payloadType, (decoder = new PayloadDecoder(codec)));
      const samples = decoder.decode(payload);
      if (samples === undefined) continue;
      if (builder?.accepts(codec, timestampOf(packet)) !== true) {
        if (builder !== undefined) stretches.push(builder.build());
        builder = new StretchBuilder(codec, timestampOf(packet));
      }
      builder.add(samples, timestampOf(packet), arrivalMs);
      yield;
    }
    if (builder !== undefined) stretches.push(builder.build());
    return stretches;
  } finally {
    for (const decoder of decoders.values()) decoder.close();
  }
}

function inSequence(packets: readonly HeardPacket[]): HeardPacket[] {
  let highest: number | undefined;
  const seen = new Set<number>();
  const numbered: { extended: number; heard: HeardPacket }[] = [];
  for (const heard of packets) {
    const sequence = sequenceOf(heard.packet);
    const extended: number =
      highest === undefined ? sequence + 0x10000 : highest + (((sequence - highest + 0x18000) & 0xffff) - 0x8000);
    highest = Math.max(highest ?? 0, extended);
    if (seen.has(extended)) continue;
    seen.add(extended);
    numbered.push({ extended, heard });
  }
  return numbered.sort((a, b) => a.extended - b.extended).map((n) => n.heard);
}

class StretchBuilder {
  readonly #codec: Codec;
  readonly #rate: number;
  readonly #ticksPerSample: number;
  readonly #startTimestamp: number;
  readonly #pieces: Int16Array[] = [];
  readonly #marks: { at: number; samples: number; arrivalMs: number }[] = [];
  #length = 0;

  constructor(codec: Codec, timestamp: number) {
    this.#codec = codec;
    this.#rate = ANALYSIS_RATE[codec];
    this.#ticksPerSample = codec === 'opus' ? OPUS_RATE / this.#rate : 1;
    this.#startTimestamp = timestamp;
  }

  accepts(codec: Codec, timestamp: number): boolean {
    const hole = this.#position(timestamp) - this.#length;
    return codec === this.#codec && hole >= 0 && hole <= (LARGEST_HOLE_MS * this.#rate) / 1000;
  }

  add(samples: Int16Array, timestamp: number, arrivalMs: number): void {
    const hole = Math.max(0, this.#position(timestamp) - this.#length);
    if (hole > 0) this.#pieces.push(new Int16Array(hole));
    this.#marks.push({ at: this.#length + hole, samples: samples.length, arrivalMs });
    this.#pieces.push(samples);
    this.#length += hole + samples.length;
  }

  build(): Stretch {
    const pcm = new Int16Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      pcm.set(piece, at);
      at += piece.length;
    }
    return { pcm, rate: this.#rate, marks: this.#marks };
  }

  #position(timestamp: number): number {
    return Math.round(((timestamp - this.#startTimestamp) | 0) / this.#ticksPerSample);
  }
}

/** Arrival of the packet that holds the sample, plus how far into it the sample is. */
function arrivalAt(stretch: Stretch, sample: number): number {
  let mark = stretch.marks[0]!;
  for (const candidate of stretch.marks) {
    if (candidate.at > sample) break;
    mark = candidate;
  }
  return mark.arrivalMs + ((sample - mark.at) * 1000) / stretch.rate;
}

/** One payload type's decoder to samples at the analysis rate of its codec. */
export class PayloadDecoder {
  /** Samples a second of what it makes. */
  readonly rate: number;
  readonly #codec: Codec;
  readonly #opus: OpusDecoder | undefined;

  constructor(codec: Codec) {
    this.#codec = codec;
    this.rate = ANALYSIS_RATE[codec];
    this.#opus = codec === 'opus' ? new OpusDecoder(ANALYSIS_RATE.opus) : undefined;
  }

  decode(payload: Buffer): Int16Array | undefined {
    switch (this.#codec) {
      case 'opus':
        return this.#opus?.decode(payload);
      case 'PCMA':
        return Int16Array.from(payload, decodeAlaw);
      case 'PCMU':
        return Int16Array.from(payload, decodeUlaw);
    }
  }

  close(): void {
    this.#opus?.close();
  }
}
