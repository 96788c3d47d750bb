import type { PbxCodec } from '../../config/types.js';
import { EventClock, eventDuration, eventEnds, setEventDuration } from './event.js';
import {
  FRAME_UNITS,
  RTP_HEADER,
  SILENCE,
  audioUnits,
  isRtp,
  payloadTypeOf,
  sequenceDistance,
  sequenceOf,
  setPayloadType,
  ssrcOf,
  timestampDistance,
  timestampOf,
  writeHeader,
} from './rtp.js';

const FRAME_MS = 20;
/** A packet later than this after its time gives its place to silence: leaves 10 ms of the 40 ms gap that Meta may see. */
const PATIENCE_MS = 10;
/** So much silence in a row is a pause of the PBX, after which its stream is taken up anew. */
const PAUSE_FRAMES = 3;
/** How far late packets may push the stream behind the PBX's clock before they are dropped instead. */
const MAX_LAG_FRAMES = 3;
/** An event that stops without its end is taken for over after so many repetitions of its last packet. */
const MAX_REPETITIONS = 5;
/** Room for a telephone-event packet with header extension. */
const EVENT_COPY = 128;
/** A step in sequence number or timestamp (s) beyond this is a new stream under the old SSRC. */
const MAX_SEQUENCE_STEP = 500;
const MAX_TIMESTAMP_STEP_S = 5;

export interface SteadyStreamOptions {
  readonly codec: PbxCodec;
  /** Payload types under which the PBX may send: what it was offered and what it answered. */
  readonly from: { readonly audio: readonly number[]; readonly event: readonly number[] };
  /** The ones under which packets leave; without an event type events are dropped. */
  readonly to: { readonly audio: number; readonly event?: number };
  readonly ssrc: number;
  readonly firstSequence: number;
  readonly firstTimestamp: number;
}

/** The PBX's present stream and how its numbers become ours. */
interface Source {
  readonly ssrc: number;
  /** Highest sequence number so far. */
  last: number;
  /** Sequence number from which the shifts hold. */
  since: number;
  sequenceShift: number;
  timestampShift: number;
}

/** A key being pressed. */
interface OpenEvent {
  /** Its timestamp in the PBX's stream and in ours. */
  readonly source: number;
  readonly out: number;
  /** Length of its last packet out, to be repeated where the next one is overdue; 0 once it has ended. */
  length: number;
  repeated: number;
}

export interface StreamCounters {
  packets: number;
  bytes: number;
  /** Frames of silence in place of what the PBX did not send. */
  filled: number;
  /** Not RTP, another payload type, a duplicate, or too late. */
  dropped: number;
  /** How often the PBX began a new stream (SSRC, sequence or timestamp). */
  restarts: number;
}

/**
 * Turns what a PBX sends into the one stream that Meta accepts: one SSRC, sequence numbers without a break of our
 * making, timestamps that follow the clock, silence where nothing comes, event durations at 8 kHz.
 *
 * Losses stay visible as gaps in the sequence numbers, so that Opus' forward error correction can still mend them.
 * Pure: packets in, packets out, the time is an argument (ms).
 */
export class SteadyStream {
  readonly counters: StreamCounters = { packets: 0, bytes: 0, filled: 0, dropped: 0, restarts: 0 };
  readonly #o: SteadyStreamOptions;
  readonly #frame: number;
  readonly #silence: Buffer;
  readonly #clock: EventClock;
  /** Sequence number of the last packet out; timestamp of the next frame out. */
  #sequence: number;
  #timestamp: number;
  /** When the next frame out is due. */
  #due = Infinity;
  /** The PBX's stream as it is mapped now. */
  #source: Source | undefined;
  #filledInARow = 0;
  #lag = 0;
  #event: OpenEvent | undefined;
  /** The last event packet out, for repetition. */
  readonly #eventCopy = Buffer.alloc(EVENT_COPY);

  constructor(options: SteadyStreamOptions) {
    this.#o = options;
    this.#frame = FRAME_UNITS[options.codec];
    this.#clock = new EventClock(options.codec === 'opus' ? 48 : 8);
    this.#sequence = (options.firstSequence - 1) & 0xffff;
    this.#timestamp = options.firstTimestamp;
    const silence = SILENCE[options.codec];
    this.#silence = Buffer.alloc(RTP_HEADER + silence.length);
    this.#silence.writeUInt8(0x80, 0);
    this.#silence.writeUInt8(options.to.audio, 1);
    silence.copy(this.#silence, RTP_HEADER);
  }

  /** From now on packets leave; the first one, silence or not, is due at once. */
  start(now: number): void {
    if (this.#due === Infinity) this.#due = now - PATIENCE_MS;
  }

  /** Silence, if the next frame is overdue. The buffer is reused: send it before the next call. */
  fill(now: number): Buffer | undefined {
    const patience = this.#filledInARow > 0 ? 0 : PATIENCE_MS;
    if (now < this.#due + patience) return undefined;
    // After a stall of our own the timestamps follow the clock, and no burst is sent.
    const missed = Math.max(0, Math.floor((now - this.#due) / FRAME_MS) - 1);
    this.#timestamp = (this.#timestamp + missed * this.#frame) >>> 0;
    this.#due += missed * FRAME_MS;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const event = this.#openEvent();
    if (event !== undefined) return this.#repeat(event);
    writeHeader(this.#silence, this.#sequence, this.#timestamp, this.#o.ssrc);
    this.#timestamp = (this.#timestamp + this.#frame) >>> 0;
    this.#due += FRAME_MS;
    this.#filledInARow += 1;
    this.counters.filled += 1;
    return this.#silence;
  }

  /** Rewrites a packet from the PBX in place; false: it must not be sent on. */
  accept(packet: Buffer, now: number): boolean {
    if (this.#due === Infinity || !this.#acceptable(packet)) return this.#drop();
    const isEvent = this.#isEvent(packet);
    // An event takes the place of audio; rtpengine would take what follows audio for another event.
    if (!isEvent && this.#openEvent() !== undefined) return this.#drop();
    setPayloadType(packet, isEvent ? (this.#o.to.event ?? 0) : this.#o.to.audio);
    const source = this.#follow(packet);
    const step = sequenceDistance(sequenceOf(packet), source.last);
    if (step <= 0) return this.#acceptLate(packet, step, isEvent, source);

    const inTimestamp = timestampOf(packet);
    const timestamp = isEvent ? this.#eventTimestamp(inTimestamp, source) : this.#audioTimestamp(inTimestamp, source);
    source.last = sequenceOf(packet);
    if (timestamp === undefined) {
      this.#filledInARow = Math.max(0, this.#filledInARow - 1);
      return this.#drop();
    }
    const lost = Math.max(0, step - 1 - this.#filledInARow);
    this.#sequence = (this.#sequence + 1 + lost) & 0xffff;
    source.sequenceShift = this.#sequence - source.last;
    if (this.#filledInARow > 0) source.since = source.last;
    this.#filledInARow = 0;
    writeHeader(packet, this.#sequence, timestamp, this.#o.ssrc);
    const units = isEvent ? this.#stampEvent(packet, now) : audioUnits(packet, this.#o.codec);
    this.#advance(timestamp, units);
    this.#due = now + (isEvent ? FRAME_MS : Math.max(FRAME_MS, (units / this.#frame) * FRAME_MS));
    this.counters.packets += 1;
    this.counters.bytes += packet.length - RTP_HEADER;
    return true;
  }

  #acceptable(packet: Buffer): boolean {
    if (!isRtp(packet)) return false;
    return this.#o.from.audio.includes(payloadTypeOf(packet)) || this.#isEvent(packet);
  }

  #isEvent(packet: Buffer): boolean {
    return this.#o.to.event !== undefined && this.#o.from.event.includes(payloadTypeOf(packet));
  }

  /** The mapping for this packet's stream; a new one begins where the stream out stands. */
  #follow(packet: Buffer): Source {
    const ssrc = ssrcOf(packet);
    const sequence = sequenceOf(packet);
    const known = this.#source;
    if (known !== undefined) {
      const jumped = Math.abs(sequenceDistance(sequence, known.last)) > MAX_SEQUENCE_STEP;
      if (known.ssrc === ssrc && !jumped) return known;
    }
    this.counters.restarts += known === undefined ? 0 : 1;
    this.#event = undefined;
    this.#lag = 0;
    const last = (sequence - 1) & 0xffff;
    this.#source = {
      ssrc,
      last,
      since: sequence,
      sequenceShift: this.#sequence - last,
      timestampShift: timestampDistance(this.#timestamp, timestampOf(packet)),
    };
    return this.#source;
  }

  /** A packet out of order goes out under its own number, unless silence has taken its place. */
  #acceptLate(packet: Buffer, step: number, isEvent: boolean, source: Source): boolean {
    const sequence = sequenceOf(packet);
    const displaced = this.#filledInARow > 0 || sequenceDistance(sequence, source.since) < 0;
    if (step === 0 || displaced || isEvent) return this.#drop();
    const timestamp = (timestampOf(packet) + source.timestampShift) >>> 0;
    writeHeader(packet, (sequence + source.sequenceShift) & 0xffff, timestamp, this.#o.ssrc);
    this.counters.packets += 1;
    this.counters.bytes += packet.length - RTP_HEADER;
    return true;
  }

  #audioTimestamp(inTimestamp: number, source: Source): number | undefined {
    const mapped = (inTimestamp + source.timestampShift) >>> 0;
    const ahead = timestampDistance(mapped, this.#timestamp);
    const jumped = Math.abs(ahead) > MAX_TIMESTAMP_STEP_S * 50 * this.#frame;
    if (jumped || this.#filledInARow >= PAUSE_FRAMES) {
      source.timestampShift -= ahead;
      this.#lag = 0;
      return this.#timestamp;
    }
    if (ahead >= 0) return mapped;
    // Its place was taken by silence: it moves behind it, as long as that does not add up.
    if (this.#lag - ahead > MAX_LAG_FRAMES * this.#frame) return undefined;
    this.#lag -= ahead;
    source.timestampShift -= ahead;
    source.since = source.last;
    return this.#timestamp;
  }

  /** All packets of one event carry the timestamp of its beginning (RFC 4733, 2.5.1.2). */
  #eventTimestamp(inTimestamp: number, source: Source): number {
    if (this.#event?.source === inTimestamp) return this.#event.out;
    const mapped = (inTimestamp + source.timestampShift) >>> 0;
    const ahead = timestampDistance(mapped, this.#timestamp);
    const plausible = ahead >= 0 && ahead <= MAX_TIMESTAMP_STEP_S * 50 * this.#frame;
    const out = plausible && this.#filledInARow < PAUSE_FRAMES ? mapped : this.#timestamp;
    this.#event = { source: inTimestamp, out, length: 0, repeated: 0 };
    return out;
  }

  /** Sets the 8 kHz duration; returns how far the event reaches on the media clock. */
  #stampEvent(packet: Buffer, now: number): number {
    const event = this.#event;
    const duration = eventDuration(packet);
    if (event === undefined || duration === undefined) return 0;
    const at8Khz = this.#clock.to8Khz(duration, event.source, now);
    setEventDuration(packet, at8Khz);
    event.length = eventEnds(packet) || packet.length > EVENT_COPY ? 0 : packet.copy(this.#eventCopy);
    event.repeated = 0;
    return at8Khz * (this.#frame / FRAME_UNITS.PCMA);
  }

  #openEvent(): OpenEvent | undefined {
    const event = this.#event;
    return event !== undefined && event.length > 0 && event.repeated < MAX_REPETITIONS ? event : undefined;
  }

  #repeat(event: OpenEvent): Buffer {
    event.repeated += 1;
    const packet = this.#eventCopy.subarray(0, event.length);
    writeHeader(packet, this.#sequence, event.out, this.#o.ssrc);
    this.#due += FRAME_MS;
    this.#filledInARow += 1;
    return packet;
  }

  #advance(timestamp: number, units: number): void {
    const next = (timestamp + units) >>> 0;
    if (timestampDistance(next, this.#timestamp) > 0) this.#timestamp = next;
  }

  #drop(): false {
    this.counters.dropped += 1;
    return false;
  }
}
