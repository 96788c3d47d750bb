import type { PbxCodec } from '../../config/types.js';
import { FRAME_SAMPLES, createEncoder, type Encoder } from './codec.js';
import { EVENT_LENGTH, KEY_VOLUME, readEvent, writeEvent } from './event.js';
import { MAX_SEQUENCE_STEP } from './ingress.js';
import { Keys, type Key } from './keys.js';
import { PacketQueue } from './packet-queue.js';
import {
  FRAME_UNITS,
  RTP_HEADER,
  SILENCE,
  sequenceDistance,
  sequenceOf,
  setMarker,
  setPayloadType,
  ssrcOf,
  writeHeader,
} from './rtp.js';
import { keyTone } from './tone.js';

const FRAME_MS = 20;
/** A packet later than this after its time gives its place to silence: leaves 13 ms of the 40 ms gap that Meta may see. */
const PATIENCE_MS = 7;
/** A packet so much before its time still leaves at once; an earlier one waits for its turn. */
const EARLY_MS = 10;
/** What comes later than this after the packet before is no late packet, but follows a pause. */
const LATEST_MS = 60;
/** RFC 4733, 2.5.1.4: the end of an event is sent three times. */
const ENDS = 3;
/** In-band: the shortest tone that every receiver takes for a key, and the pause after it, in frames. */
const SHORTEST_TONE = 4;
const PAUSE_AFTER_TONE = 4;

export interface SteadyStreamOptions {
  readonly codec: PbxCodec;
  /** Payload types under which packets leave; without an event type keys leave as tones. */
  readonly audio: number;
  readonly event?: number;
  readonly ssrc: number;
  readonly firstSequence: number;
  readonly firstTimestamp: number;
}

export interface StreamCounters {
  packets: number;
  bytes: number;
  /** Frames of silence in place of what the PBX did not send. */
  filled: number;
  /** A duplicate, or too late. */
  dropped: number;
  /** How often the PBX began a new stream (SSRC or sequence). */
  restarts: number;
}

/**
 * Turns what a PBX sends into the one stream that Meta accepts: one SSRC, a packet every 20 ms, timestamps without a
 * break, silence where nothing comes, keys as events of our own making.
 *
 * Packets leave as they come while they come in time. One that is late finds its place taken by silence and waits for
 * the next; so a jittery PBX gets as much delay as its jitter needs, and loses it again when it calms down. Losses that
 * silence has not covered stay visible in the sequence numbers, for the receiver to conceal.
 *
 * Pure: packets of 20 ms in, packets out through `send`, the time is an argument (ms).
 */
export class SteadyStream {
  readonly counters: StreamCounters = { packets: 0, bytes: 0, filled: 0, dropped: 0, restarts: 0 };
  readonly #o: SteadyStreamOptions;
  readonly #send: (packet: Buffer) => void;
  readonly #frame: number;
  readonly #silence: Buffer;
  readonly #eventPacket = Buffer.alloc(RTP_HEADER + EVENT_LENGTH);
  readonly #keys = new Keys();
  readonly #queue = new PacketQueue();
  #encoder: Encoder | undefined;
  /** Sequence number of the last packet out; timestamp of the next frame out, and when it is due. */
  #sequence: number;
  #timestamp: number;
  #due = Infinity;
  /** The PBX's present stream; sequence number of its last packet that left or was given up. */
  #source: { readonly ssrc: number; last: number } | undefined;
  #filledInARow = 0;
  /** When the PBX's last packet came. */
  #heardAt = -Infinity;

  /** @param send takes a packet at once: its buffer may be used again */
  constructor(options: SteadyStreamOptions, send: (packet: Buffer) => void) {
    this.#o = options;
    this.#send = send;
    this.#frame = FRAME_UNITS[options.codec];
    this.#sequence = (options.firstSequence - 1) & 0xffff;
    this.#timestamp = options.firstTimestamp;
    this.#silence = audioPacket(options.audio, SILENCE[options.codec]);
    this.#eventPacket.writeUInt8(0x80, 0);
  }

  /** From now on packets leave; the first one, silence or not, at once. */
  start(now: number): void {
    if (this.#due !== Infinity) return;
    this.#due = now - PATIENCE_MS;
    this.tick(now);
  }

  /** Sends what waits and is due, or silence where the next frame is overdue. To be called every few ms. */
  tick(now: number): void {
    this.#keys.tick(now);
    while (now >= this.#due && this.#queue.length > 0) this.#next(this.#due);
    if (now >= this.#due + (this.#filledInARow > 0 ? 0 : PATIENCE_MS)) this.#fill(now);
  }

  /** Takes 20 ms of audio in our codec; false: it is of no use. The buffer is kept until the packet has left. */
  accept(packet: Buffer, now: number): boolean {
    const source = this.#fresh(packet);
    if (source === undefined) return false;
    this.#heardAt = now;
    if (this.#keys.takeAudio) {
      source.last = sequenceOf(packet);
      this.#count(packet);
      this.#keepPace(now);
      return true;
    }
    const key = this.#keys.current;
    if (this.#queue.length === 0 && now >= this.#due - EARLY_MS && (key === undefined || key.ends > 0)) {
      this.#audioLeaves(packet, now);
      return true;
    }
    const given = this.#queue.insert(packet);
    if (given === packet) return this.#drop();
    if (given !== undefined) this.#giveUp(given);
    if (key !== undefined) this.#keepPace(now);
    return true;
  }

  /** Takes an event packet of the PBX. */
  event(packet: Buffer, now: number): boolean {
    const event = readEvent(packet);
    const source = event === undefined ? undefined : this.#fresh(packet);
    if (event === undefined || source === undefined) return false;
    this.#advance(source, packet);
    this.#count(packet);
    const began = this.#nominal(now);
    this.#heardAt = now;
    if (!this.#keys.heard(event, sequenceOf(packet), now, began)) return true;
    // Some send the three ends at once, some 20 ms apart.
    const key = this.#keys.current;
    if (key !== undefined && key.ends > 0 && now < this.#due - EARLY_MS) this.#endAgain(key);
    else this.#keepPace(now);
    return true;
  }

  /** Takes a packet that says that the PBX is silent (RFC 3389). */
  pause(packet: Buffer): boolean {
    const source = this.#fresh(packet);
    if (source === undefined) return false;
    this.#advance(source, packet);
    this.#count(packet);
    return true;
  }

  /** A key that came another way than as an event. @param code as in RFC 4733 */
  press(code: number, durationMs: number): void {
    this.#keys.press(code, KEY_VOLUME, durationMs * 8);
  }

  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
  }

  /** When a packet that comes now should have come, by the one before it. */
  #nominal(now: number): number {
    const due = this.#heardAt + FRAME_MS;
    return now - due > LATEST_MS ? now : Math.min(now, due);
  }

  /** What is on its way and takes the place of audio goes on when it is time for it. */
  #keepPace(now: number): void {
    if (now >= this.#due - EARLY_MS) this.#next(now);
  }

  /** One frame leaves: audio, or a key once what came before it has left. `at`: the time it stands for. */
  #next(at: number): void {
    const [key, audio] = [this.#keys.current, this.#queue.first];
    const begins = key !== undefined && (audio === undefined || isBefore(key, audio));
    if (key !== undefined && (audio === undefined || (begins && key.ends === 0))) return this.#keyLeaves(key, at);
    if (audio === undefined) return;
    this.#queue.shift();
    if (this.#queue.isStanding()) this.#giveUp(audio);
    else this.#audioLeaves(audio, at);
  }

  #audioLeaves(packet: Buffer, at: number): void {
    if (this.#source === undefined) return;
    for (let key = this.#keys.current; key !== undefined && key.ends > 0; key = this.#keys.current) this.#endAgain(key);
    const step = sequenceDistance(sequenceOf(packet), this.#source.last);
    const lost = Math.max(0, step - 1 - this.#filledInARow);
    this.#advance(this.#source, packet);
    this.#filledInARow = 0;
    this.#timestamp = (this.#timestamp + lost * this.#frame) >>> 0;
    this.#sequence = (this.#sequence + lost) & 0xffff;
    this.#count(packet);
    setPayloadType(packet, this.#o.audio);
    this.#frameLeaves(packet, at);
  }

  #keyLeaves(key: Key, at: number): void {
    if (this.#o.event === undefined) return this.#toneLeaves(key, at);
    if (key.ends > 0) {
      this.#endAgain(key);
      return this.#frameHasLeft(at);
    }
    if (key.frames === 0) key.out = this.#timestamp;
    setMarker(this.#eventPacket, key.frames === 0);
    const soFar = this.#keys.advance(key);
    if (key.length !== undefined && key.length <= soFar) {
      // Durations only grow, whatever the end says.
      key.length = Math.max(key.length, soFar - FRAME_UNITS.PCMA);
      key.ends = 1;
    }
    this.#eventLeaves(key, key.ends > 0 ? (key.length ?? soFar) : soFar, key.ends > 0);
    this.#frameHasLeft(at);
  }

  /** Takes no time: the end has had its frame. */
  #endAgain(key: Key): void {
    setMarker(this.#eventPacket, false);
    this.#eventLeaves(key, key.length ?? 0, true);
    key.ends += 1;
    if (key.ends >= ENDS) this.#keys.done();
  }

  /** All packets of one event carry the timestamp of its beginning (RFC 4733, 2.5.1.2). */
  #eventLeaves(key: Key, duration: number, ends: boolean): void {
    writeEvent(this.#eventPacket.subarray(RTP_HEADER), key, ends, duration);
    setPayloadType(this.#eventPacket, this.#o.event ?? 0);
    this.#out(this.#eventPacket, key.out);
  }

  #toneLeaves(key: Key, at: number): void {
    this.#keys.advance(key);
    const last = Math.max(SHORTEST_TONE, Math.ceil((key.length ?? Infinity) / FRAME_UNITS.PCMA));
    this.#encoder ??= createEncoder(this.#o.codec);
    // The pause, too, goes through the encoder: Opus carries a tone over into silence of another making.
    const samples = key.frames <= last ? keyTone(key.code)(key.frames) : new Int16Array(FRAME_SAMPLES);
    this.#frameLeaves(audioPacket(this.#o.audio, this.#encoder.encode(samples)), at);
    if (key.frames >= last + PAUSE_AFTER_TONE) this.#keys.done();
  }

  #fill(now: number): void {
    // After a stall of our own the timestamps follow the clock, and no burst is sent.
    const missed = Math.max(0, Math.floor((now - this.#due) / FRAME_MS) - 1);
    this.#timestamp = (this.#timestamp + missed * this.#frame) >>> 0;
    this.#due += missed * FRAME_MS;
    this.#filledInARow += 1;
    const key = this.#keys.current;
    if (key !== undefined) return this.#keyLeaves(key, this.#due);
    this.counters.filled += 1;
    this.#frameLeaves(this.#silence, this.#due);
  }

  #frameLeaves(packet: Buffer, at: number): void {
    this.#out(packet, this.#timestamp);
    this.#frameHasLeft(at);
  }

  #frameHasLeft(at: number): void {
    this.#timestamp = (this.#timestamp + this.#frame) >>> 0;
    this.#due = at + FRAME_MS;
  }

  #out(packet: Buffer, timestamp: number): void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    writeHeader(packet, this.#sequence, timestamp, this.#o.ssrc);
    this.#send(packet);
  }

  /** The stream that a packet belongs to, where it comes after what has left; a new stream takes over at once. */
  #fresh(packet: Buffer): { readonly ssrc: number; last: number } | undefined {
    if (this.#due === Infinity) return void this.#drop();
    const [ssrc, sequence] = [ssrcOf(packet), sequenceOf(packet)];
    const known = this.#source;
    const distance = known?.ssrc === ssrc ? sequenceDistance(sequence, known.last) : Infinity;
    if (known !== undefined && Math.abs(distance) <= MAX_SEQUENCE_STEP) {
      return distance > 0 ? known : void this.#drop();
    }
    if (known !== undefined) this.counters.restarts += 1;
    this.counters.dropped += this.#queue.clear();
    this.#keys.restart();
    this.#source = { ssrc, last: (sequence - 1) & 0xffff };
    return this.#source;
  }

  #advance(source: { last: number }, packet: Buffer): void {
    if (sequenceDistance(sequenceOf(packet), source.last) > 0) source.last = sequenceOf(packet);
  }

  #count(packet: Buffer): void {
    this.counters.packets += 1;
    this.counters.bytes += packet.length - RTP_HEADER;
  }

  #giveUp(packet: Buffer): void {
    if (this.#source !== undefined) this.#advance(this.#source, packet);
    this.#drop();
  }

  #drop(): false {
    this.counters.dropped += 1;
    return false;
  }
}

function isBefore(key: Key, audio: Buffer): boolean {
  return key.sequence === undefined || sequenceDistance(sequenceOf(audio), key.sequence) > 0;
}

function audioPacket(payloadType: number, payload: Buffer): Buffer {
  const packet = Buffer.alloc(RTP_HEADER + payload.length);
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(payloadType, 1);
  payload.copy(packet, RTP_HEADER);
  return packet;
}
