import { EVENT_SCALE, believableDuration, type EventPacket } from './event.js';

const FRAME_UNITS = 160;
/** A key that stops without its end is taken for over after so long, ms. */
const MISSING_END_MS = 300;
/** The duration field ends at 8.19 s: a key held longer is one of eight seconds (RFC 4733, 2.5.1.3 would make several). */
const LONGEST = 8000 * 8;
/** A whole segment, on a clock of 8 and of 48 kHz. */
const SEGMENTS: readonly number[] = [0xffff, 0xffff * EVENT_SCALE];
/** So many keys wait at most. */
const WAITING = 32;

/** A key on its way to WhatsApp. Durations and lengths in 8 kHz units. */
export interface Key {
  readonly code: number;
  readonly volume: number;
  /** Sequence number of its first packet; audio before it leaves before it. Undefined: at once. */
  readonly sequence: number | undefined;
  /** Unknown while it is being pressed. */
  length: number | undefined;
  /** Frames of our time that it has taken. */
  frames: number;
  /** Packets with the E bit that have left. */
  ends: number;
  /** Timestamp of its beginning in our stream. */
  out: number;
}

/** The PBX's side of a key that it sends as an event. */
interface Source {
  /** Of its present segment. */
  timestamp: number;
  readonly code: number;
  readonly since: number;
  heardAt: number;
  /** Length of the segments before, and the longest duration of this one. */
  before: number;
  reported: number;
  ended: boolean;
  readonly key: Key;
}

/** Keys in the order they were pressed: what the PBX's events say, and what SIP INFO asked for. */
export class Keys {
  readonly #waiting: Key[] = [];
  #source: Source | undefined;

  get current(): Key | undefined {
    return this.#waiting[0];
  }

  /** The PBX is pressing a key, or one of INFO is sounding: audio of this time has no place. */
  get takeAudio(): boolean {
    const key = this.current;
    return key?.ends === 0 && (key.length === undefined || key.sequence === undefined);
  }

  /**
   * An event of the PBX, `now` in ms. Returns false for one that says nothing new.
   * @param began when a key that begins with this packet began: before now where the packet is late
   */
  heard(event: EventPacket, sequence: number, now: number, began = now): boolean {
    const source = this.#sourceOf(event, sequence, began);
    if (source.ended) return event.ends && this.current === source.key && source.key.ends > 0;
    source.heardAt = now;
    source.reported = Math.max(source.reported, event.duration);
    if (event.ends) this.#end(source, believableDuration(source.before + event.duration, now - source.since));
    return true;
  }

  /** @param length in 8 kHz units */
  press(code: number, volume: number, length: number): void {
    if (this.#waiting.length >= WAITING) return;
    this.#waiting.push(newKey(code, volume, undefined, length));
  }

  /** Ends a key whose end never came. */
  tick(now: number): void {
    const source = this.#source;
    if (source !== undefined && !source.ended && now - source.heardAt >= MISSING_END_MS) this.#abandon(source);
  }

  /** The PBX's stream is another one from now on. */
  restart(): void {
    if (this.#source !== undefined && !this.#source.ended) this.#abandon(this.#source);
    this.#source = undefined;
  }

  /** The current key takes a frame. Returns how long it has been pressed with it. */
  advance(key: Key): number {
    key.frames += 1;
    const soFar = key.frames * FRAME_UNITS;
    if (soFar >= LONGEST) key.length ??= soFar;
    return soFar;
  }

  done(): void {
    this.#waiting.shift();
  }

  #sourceOf(event: EventPacket, sequence: number, began: number): Source {
    const source = this.#source;
    if (source?.timestamp === event.timestamp) return source;
    if (source !== undefined && !source.ended && continues(source, event)) {
      source.before += source.reported;
      source.reported = 0;
      source.timestamp = event.timestamp;
      return source;
    }
    this.restart();
    const key = newKey(event.code, event.volume, sequence, undefined);
    if (this.#waiting.length < WAITING) this.#waiting.push(key);
    const { timestamp, code } = event;
    return (this.#source = {
      timestamp,
      code,
      since: began,
      heardAt: began,
      before: 0,
      reported: 0,
      ended: false,
      key,
    });
  }

  #end(source: Source, length: number): void {
    source.ended = true;
    source.key.length ??= Math.min(LONGEST, Math.max(1, length));
  }

  #abandon(source: Source): void {
    this.#end(source, Math.round((source.heardAt - source.since) * 8) + FRAME_UNITS);
  }
}

/** A further segment of one long key: it begins where the one before ends (RFC 4733, 2.5.1.3). */
function continues(source: Source, event: EventPacket): boolean {
  const distance = (event.timestamp - source.timestamp) >>> 0;
  return event.code === source.code && (distance === source.reported || SEGMENTS.includes(distance));
}

function newKey(code: number, volume: number, sequence: number | undefined, length: number | undefined): Key {
  return { code, volume, sequence, length, frames: 0, ends: 0, out: 0 };
}
