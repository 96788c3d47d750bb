/** Telephone-event payloads (RFC 4733, 2.3): event, E bit and volume, duration. */
import { payloadOffset } from './rtp.js';

/** 48 kHz steps to one 8 kHz step. */
export const EVENT_SCALE = 6;

const THRESHOLD_PER_MS = 24;
const EVENT_LENGTH = 4;

export function eventDuration(packet: Buffer): number | undefined {
  const offset = payloadOffset(packet);
  return packet.length < offset + EVENT_LENGTH ? undefined : packet.readUInt16BE(offset + 2);
}

/** The E bit: this packet reports the whole event. */
export function eventEnds(packet: Buffer): boolean {
  return (packet.readUInt8(payloadOffset(packet) + 1) & 0x80) !== 0;
}

export function setEventDuration(packet: Buffer, duration: number): void {
  packet.writeUInt16BE(Math.min(0xffff, duration), payloadOffset(packet) + 2);
}

/**
 * Which clock a sender counts event durations in. Asterisk on an Opus trunk counts 48 kHz steps whatever was agreed,
 * so the agreed clock is believed only where the packets do not contradict it: 24 units a millisecond lie well between
 * 8 and 48.
 */
export class EventClock {
  #khz: 8 | 48 | undefined;
  #event: number | undefined;
  #since = 0;

  /** @param mediaKhz clock of the audio beside the events: with 8 there is no doubt */
  constructor(mediaKhz: 8 | 48) {
    this.#khz = mediaKhz === 8 ? 8 : undefined;
  }

  /** The duration in 8 kHz units. `eventTimestamp` tells events apart; `now` in ms. */
  to8Khz(duration: number, eventTimestamp: number, now: number): number {
    if (this.#khz === undefined) {
      if (this.#event !== eventTimestamp) {
        this.#event = eventTimestamp;
        this.#since = now;
      }
      // The first packet of an event reports one packet's time, 20 ms as a rule.
      if (duration > 0) this.#khz = duration / (now - this.#since + 20) > THRESHOLD_PER_MS ? 48 : 8;
    }
    return this.#khz === 48 ? Math.round(duration / EVENT_SCALE) : duration;
  }
}
