import { randomInt } from 'node:crypto';
import { PACKET_MS, type MediaClock } from './clock.js';
import { OPUS_RATE } from './opus.js';
import { RTP_HEADER_LENGTH, writeHeader } from './rtp.js';
import type { SoundLoops } from './sound-loops.js';
import { KEYS } from './telephone-events.js';
import type { Codec, Source } from './types.js';

export interface DigitTiming {
  /** Length of each key, 20 to 8000 ms. Default 100. */
  readonly durationMs?: number;
  /** Audio between two keys, at least 60 ms (the end packets take 40). Default 100. */
  readonly gapMs?: number;
  /** RFC 4733: power in -dBm0, 0 to 63. Default 10. */
  readonly volume?: number;
}

/** What the other side agreed to receive. */
export interface Agreed {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly eventPayloadType: number | undefined;
}

interface KeyJob {
  readonly event: number;
  readonly volume: number;
  /** Final duration in units of 1/8000 s. */
  readonly duration: number;
  readonly gapPackets: number;
  readonly done: (error?: Error) => void;
}

/** RFC 4733, section 2.5.1.4: the end of an event is sent three times. */
const END_PACKETS = 3;
const EVENT_UNITS = 8 * PACKET_MS;
/** Enough for any payload of 20 ms. */
const SCRATCH = 2048;

/**
 * One RTP stream: one SSRC, a packet every 20 ms from start to close, audio from a loop and keys in its place. Keys
 * take the timestamp of the audio clock, as browsers do.
 */
export class RtpSender {
  readonly ssrc: number;
  packets = 0;
  octets = 0;
  /** The worst lateness of a packet: this process was stalled that long. */
  worstLateMs = 0;
  timestamp = randomInt(0x100000000);
  readonly #clock: MediaClock;
  readonly #sounds: SoundLoops;
  readonly #send: (packet: Buffer) => void;
  readonly #scratch = Buffer.alloc(SCRATCH);
  readonly #keys: KeyJob[] = [];
  #sequence: number;
  #agreed: Agreed | undefined;
  #source: Source = { kind: 'silence' };
  #loop: readonly Buffer[] = [];
  #loopAt = 0;
  #marker = true;
  #key: { readonly job: KeyJob; readonly timestamp: number; sent: number } | undefined;
  #gap = 0;
  #stop: (() => void) | undefined;
  #closed = false;

  /** @param send takes a plain RTP packet; its buffer is used again afterwards. */
  constructor(
    ssrc: number,
    clock: MediaClock,
    sounds: SoundLoops,
    send: (packet: Buffer) => void,
    firstSequence = randomInt(0x10000),
  ) {
    this.ssrc = ssrc;
    this.#sequence = firstSequence;
    this.#clock = clock;
    this.#sounds = sounds;
    this.#send = send;
  }

  agree(agreed: Agreed): void {
    this.#agreed = agreed;
    this.#loadLoop();
  }

  play(source: Source): void {
    this.#source = source;
    this.#loadLoop();
  }

  /** Begins to send, once. */
  start(): void {
    if (this.#stop !== undefined || this.#closed || this.#agreed === undefined) return;
    this.#stop = this.#clock.subscribe((lateMs) => this.#tick(lateMs));
  }

  /** @throws Error for a key that does not exist, and where no telephone-event was agreed. */
  async sendDigits(digits: string, timing: DigitTiming = {}): Promise<void> {
    const unknown = [...digits.toUpperCase()].find((key) => !KEYS.includes(key));
    if (unknown !== undefined) throw new Error(`sendDigits: found "${unknown}", allowed ${KEYS}`);
    if (this.#agreed?.eventPayloadType === undefined) throw new Error('sendDigits: no telephone-event was agreed');
    if (this.#closed) throw new Error('sendDigits: the media peer is closed');
    const { durationMs = 100, gapMs = 100, volume = 10 } = timing;
    const jobs = [...digits.toUpperCase()].map(
      (key) =>
        new Promise<void>((resolve, reject) =>
          this.#keys.push({
            event: KEYS.indexOf(key),
            volume,
            duration: Math.round(durationMs * 8),
            gapPackets: Math.max(END_PACKETS, Math.round(gapMs / PACKET_MS)),
            done: (error) => (error === undefined ? resolve() : reject(error)),
          }),
        ),
    );
    await Promise.all(jobs);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop?.();
    const error = new Error('sendDigits: the media peer was closed before all keys were sent');
    this.#key?.job.done(error);
    for (const job of this.#keys.splice(0)) job.done(error);
  }

  #loadLoop(): void {
    if (this.#agreed === undefined) return;
    this.#loop = this.#sounds.loop(this.#source, this.#agreed.codec);
    this.#loopAt = 0;
  }

  #tick(lateMs: number): void {
    this.worstLateMs = Math.max(this.worstLateMs, lateMs);
    const agreed = this.#agreed!;
    if (this.#key === undefined && this.#gap === 0) this.#nextKey();
    if (this.#key !== undefined) this.#sendKey(agreed);
    else this.#sendAudio(agreed);
    this.timestamp = (this.timestamp + (agreed.codec === 'opus' ? OPUS_RATE : 8000) / 50) >>> 0;
  }

  #nextKey(): void {
    const job = this.#keys.shift();
    if (job !== undefined) this.#key = { job, timestamp: this.timestamp, sent: 0 };
  }

  #sendAudio(agreed: Agreed): void {
    if (this.#gap > 0) this.#gap--;
    const payload = this.#loop[this.#loopAt]!;
    this.#loopAt = (this.#loopAt + 1) % this.#loop.length;
    payload.copy(this.#scratch, RTP_HEADER_LENGTH);
    this.#packet(agreed.payloadType, this.#marker, this.timestamp, payload.length);
    this.#marker = false;
  }

  /** Duration grows by 20 ms a packet; the last one has the E bit and is sent three times, 20 ms apart. */
  #sendKey(agreed: Agreed): void {
    const key = this.#key!;
    const { job } = key;
    key.sent++;
    const duration = Math.min(key.sent * EVENT_UNITS, job.duration);
    const growing = Math.max(1, Math.ceil(job.duration / EVENT_UNITS));
    const ended = key.sent >= growing;
    this.#scratch[RTP_HEADER_LENGTH] = job.event;
    this.#scratch[RTP_HEADER_LENGTH + 1] = (ended ? 0x80 : 0) | job.volume;
    this.#scratch.writeUInt16BE(duration, RTP_HEADER_LENGTH + 2);
    this.#packet(agreed.eventPayloadType!, key.sent === 1, key.timestamp, 4);
    if (key.sent < growing + END_PACKETS - 1) return;
    this.#key = undefined;
    this.#gap = job.gapPackets - (END_PACKETS - 1);
    this.#marker = true;
    job.done();
  }

  #packet(payloadType: number, marker: boolean, timestamp: number, payloadLength: number): void {
    writeHeader(this.#scratch, payloadType, marker, this.#sequence, timestamp, this.ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.packets++;
    this.octets += payloadLength;
    this.#send(this.#scratch.subarray(0, RTP_HEADER_LENGTH + payloadLength));
  }
}
