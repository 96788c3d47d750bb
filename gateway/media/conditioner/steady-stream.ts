import type { PbxCodec } from '../../config/types.js';
import { EventTimer, eventDuration, eventEnds, setEventDuration } from './event.js';
import { PacketQueue } from './packet-queue.js';
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
  timestampOf,
  writeHeader,
} from './rtp.js';

const FRAME_MS = 20;
/** A packet later than this after its time gives its place to silence: leaves 13 ms of the 40 ms gap that Meta may see. */
const PATIENCE_MS = 7;
/** A packet so much before its time still leaves at once; an earlier one waits for its turn. */
const EARLY_MS = 10;
/** A step in the sequence numbers beyond this is a new stream under the old SSRC. */
const MAX_SEQUENCE_STEP = 500;
/** An event that stops without its end is taken for over after so many repetitions of its last packet. */
const MAX_REPETITIONS = 15;
/** Room for a telephone-event packet with header extension. */
const EVENT_COPY = 128;

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

export interface StreamCounters {
  packets: number;
  bytes: number;
  /** Frames of silence in place of what the PBX did not send. */
  filled: number;
  /** Not RTP, another payload type, a duplicate, or too late. */
  dropped: number;
  /** How often the PBX began a new stream (SSRC or sequence). */
  restarts: number;
}

/** A key being pressed. */
interface OpenEvent {
  /** Its timestamp in the PBX's stream and in ours. */
  readonly source: number;
  readonly out: number;
  /** Length of its last packet out, to be repeated where the next one is overdue. */
  length: number;
  /** Frames of our time that it has taken. */
  frames: number;
  repeated: number;
  ended: boolean;
  /** Something else has left since: what still comes of this event is of no use. */
  over: boolean;
}

/**
 * Turns what a PBX sends into the one stream that Meta accepts: one SSRC, a packet every 20 ms, timestamps without a
 * break, silence where nothing comes, event durations at 8 kHz.
 *
 * Packets leave as they come while they come in time. One that is late finds its place taken by silence and waits for
 * the next; so a jittery PBX gets as much delay as its jitter needs, and loses it again when it calms down. Losses that
 * silence has not covered stay visible in the sequence numbers, for the receiver to conceal.
 *
 * Pure: packets in, packets out through `send`, the time is an argument (ms).
 */
export class SteadyStream {
  readonly counters: StreamCounters = { packets: 0, bytes: 0, filled: 0, dropped: 0, restarts: 0 };
  readonly #o: SteadyStreamOptions;
  readonly #send: (packet: Buffer) => void;
  readonly #frame: number;
  readonly #silence: Buffer;
  readonly #eventTimer = new EventTimer();
  readonly #queue = new PacketQueue();
  /** Sequence number of the last packet out; timestamp of the next frame out, and when it is due. */
  #sequence: number;
  #timestamp: number;
  #due = Infinity;
  /** The PBX's present stream; sequence number of its last packet that left or was given up. */
  #source: { readonly ssrc: number; last: number } | undefined;
  #filledInARow = 0;
  #event: OpenEvent | undefined;
  readonly #eventCopy = Buffer.alloc(EVENT_COPY);

  /** @param send takes a packet at once: its buffer may be used again */
  constructor(options: SteadyStreamOptions, send: (packet: Buffer) => void) {
    this.#o = options;
    this.#send = send;
    this.#frame = FRAME_UNITS[options.codec];
    this.#sequence = (options.firstSequence - 1) & 0xffff;
    this.#timestamp = options.firstTimestamp;
    const silence = SILENCE[options.codec];
    this.#silence = Buffer.alloc(RTP_HEADER + silence.length);
    this.#silence.writeUInt8(0x80, 0);
    this.#silence.writeUInt8(options.to.audio, 1);
    silence.copy(this.#silence, RTP_HEADER);
  }

  /** From now on packets leave; the first one, silence or not, at once. */
  start(now: number): void {
    if (this.#due !== Infinity) return;
    this.#due = now - PATIENCE_MS;
    this.tick(now);
  }

  /** Sends what waits and is due, or silence where the next frame is overdue. To be called every few ms. */
  tick(now: number): void {
    for (let next = this.#queue.first; next !== undefined; next = this.#queue.first) {
      if (now < this.#due && !this.#repeatsEnd(next)) break;
      this.#queue.shift();
      if (!this.#isEvent(next) && this.#queue.isStanding()) this.#giveUp(next);
      else this.#leave(next, Math.min(now, this.#due));
    }
    if (now >= this.#due + (this.#filledInARow > 0 ? 0 : PATIENCE_MS)) this.#fill(now);
  }

  /** Takes a packet from the PBX; false: it is of no use. The buffer is kept until the packet has left. */
  accept(packet: Buffer, now: number): boolean {
    if (this.#due === Infinity || !this.#acceptable(packet)) return this.#drop();
    const source = this.#follow(packet);
    if (this.#isEvent(packet)) this.#eventArrives(packet, now);
    if (sequenceDistance(sequenceOf(packet), source.last) <= 0) return this.#drop();
    const inTime = now >= this.#due - EARLY_MS || this.#repeatsEnd(packet);
    if (this.#queue.length === 0 && inTime) {
      this.#leave(packet, now);
      return true;
    }
    const given = this.#queue.insert(packet);
    if (given === packet) return this.#drop();
    if (given !== undefined) this.#giveUp(given);
    return true;
  }

  /** `at`: the time the packet stands for; the next one is due a frame later. */
  #leave(packet: Buffer, at: number): void {
    if (this.#source === undefined) return;
    const isEvent = this.#isEvent(packet);
    // An event takes the place of audio; rtpengine would take what follows audio for another event.
    if (isEvent ? this.#isStraggler(packet) : this.#eventGoesOn()) return this.#giveUp(packet);
    const step = sequenceDistance(sequenceOf(packet), this.#source.last);
    const lost = Math.max(0, step - 1 - this.#filledInARow);
    this.#source.last = sequenceOf(packet);
    this.#filledInARow = 0;
    this.#timestamp = (this.#timestamp + lost * this.#frame) >>> 0;
    this.#sequence = (this.#sequence + lost) & 0xffff;
    const duration = isEvent ? this.#eventLeaves(packet, at) : this.#audioLeaves(packet);
    if (duration !== undefined) this.#due = at + duration;
  }

  /** Returns how long it lasts, ms. */
  #audioLeaves(packet: Buffer): number {
    if (this.#event !== undefined) this.#event.over = true;
    const units = audioUnits(packet, this.#o.codec);
    setPayloadType(packet, this.#o.to.audio);
    this.#out(packet, this.#timestamp);
    this.#timestamp = (this.#timestamp + units) >>> 0;
    return Math.max(FRAME_MS, (units / this.#frame) * FRAME_MS);
  }

  /** The end of an event overtakes what is left of it: some send more packets than fit into its time. */
  #eventArrives(packet: Buffer, now: number): void {
    this.#eventTimer.arrived(packet, now);
    if (!eventEnds(packet)) return;
    const timestamp = timestampOf(packet);
    const superseded = (p: Buffer): boolean => this.#isEvent(p) && timestampOf(p) === timestamp && !eventEnds(p);
    for (const packetBefore of this.#queue.remove(superseded)) this.#giveUp(packetBefore);
  }

  /** All packets of one event carry the timestamp of its beginning (RFC 4733, 2.5.1.2). */
  #eventLeaves(packet: Buffer, at: number): number | undefined {
    const duration = eventDuration(packet);
    if (duration === undefined || this.#o.to.event === undefined) return undefined;
    const source = timestampOf(packet);
    const isRepetition = this.#repeatsEnd(packet);
    if (this.#event?.source !== source) {
      this.#event = { source, out: this.#timestamp, length: 0, frames: 0, repeated: 0, ended: false, over: false };
    }
    const event = this.#event;
    // A packet a frame until the end: that is the duration so far.
    event.frames += isRepetition ? 0 : 1;
    const soFar = event.frames * FRAME_UNITS.PCMA;
    const at8Khz = eventEnds(packet) ? Math.max(duration, soFar - FRAME_UNITS.PCMA) : soFar;
    setEventDuration(packet, at8Khz);
    setPayloadType(packet, this.#o.to.event);
    this.#out(packet, event.out);
    event.length = packet.length > EVENT_COPY ? 0 : packet.copy(this.#eventCopy);
    event.repeated = 0;
    event.ended = eventEnds(packet);
    // Some send the three ends at once, some 20 ms apart.
    if (isRepetition && at < this.#due - EARLY_MS) return undefined;
    const reached = at8Khz * (this.#frame / FRAME_UNITS.PCMA);
    const past = (this.#timestamp - event.out) >>> 0;
    this.#timestamp = (event.out + Math.max(reached, past + (isRepetition ? this.#frame : 0))) >>> 0;
    return FRAME_MS;
  }

  #fill(now: number): void {
    // After a stall of our own the timestamps follow the clock, and no burst is sent.
    const missed = Math.max(0, Math.floor((now - this.#due) / FRAME_MS) - 1);
    this.#timestamp = (this.#timestamp + missed * this.#frame) >>> 0;
    this.#due += (missed + 1) * FRAME_MS;
    this.#filledInARow += 1;
    const event = this.#event;
    if (event !== undefined && event.length > 0 && this.#eventGoesOn()) {
      event.repeated += 1;
      event.frames += event.ended ? 0 : 1;
      this.#out(this.#eventCopy.subarray(0, event.length), event.out, false);
      return;
    }
    if (event !== undefined) event.over = true;
    this.counters.filled += 1;
    this.#out(this.#silence, this.#timestamp, false);
    this.#timestamp = (this.#timestamp + this.#frame) >>> 0;
  }

  #out(packet: Buffer, timestamp: number, counts = true): void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    writeHeader(packet, this.#sequence, timestamp, this.#o.ssrc);
    if (counts) {
      this.counters.packets += 1;
      this.counters.bytes += packet.length - RTP_HEADER;
    }
    this.#send(packet);
  }

  #acceptable(packet: Buffer): boolean {
    if (!isRtp(packet)) return false;
    return this.#isEvent(packet) || this.#o.from.audio.includes(payloadTypeOf(packet));
  }

  #isEvent(packet: Buffer): boolean {
    return this.#o.to.event !== undefined && this.#o.from.event.includes(payloadTypeOf(packet));
  }

  #repeatsEnd(packet: Buffer): boolean {
    const event = this.#event;
    return event?.ended === true && !event.over && this.#isEvent(packet) && timestampOf(packet) === event.source;
  }

  /** Of an event that something else has followed: rtpengine and Meta would take it for another one. */
  #isStraggler(packet: Buffer): boolean {
    return this.#event?.over === true && timestampOf(packet) === this.#event.source;
  }

  #eventGoesOn(): boolean {
    const event = this.#event;
    return event !== undefined && !event.over && !event.ended && event.repeated < MAX_REPETITIONS;
  }

  /** The stream that this packet belongs to; a new one takes over at once, and what waits of the old one is given up. */
  #follow(packet: Buffer): { readonly ssrc: number; last: number } {
    const ssrc = ssrcOf(packet);
    const sequence = sequenceOf(packet);
    const known = this.#source;
    if (known?.ssrc === ssrc && Math.abs(sequenceDistance(sequence, known.last)) <= MAX_SEQUENCE_STEP) return known;
    if (known !== undefined) this.counters.restarts += 1;
    this.counters.dropped += this.#queue.clear();
    this.#event = undefined;
    this.#source = { ssrc, last: (sequence - 1) & 0xffff };
    return this.#source;
  }

  #giveUp(packet: Buffer | undefined): void {
    if (packet === undefined) return;
    if (this.#source !== undefined) this.#source.last = sequenceOf(packet);
    this.#drop();
  }

  #drop(): false {
    this.counters.dropped += 1;
    return false;
  }
}
