/** Telephone-event payloads (RFC 4733, 2.3): event, E bit and volume, duration. */
import { payloadOffset, timestampOf } from './rtp.js';

/** 48 kHz steps to one 8 kHz step. */
export const EVENT_SCALE = 6;

/** One packet's time, and as much again for the network. */
const TOLERANCE_MS = 45;
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
 * How long keys really were, in 8 kHz units. Asterisk on an Opus trunk counts the end of an event in 48 kHz steps and what
 * comes before it in 8 kHz steps, whatever clock was agreed; beside G.711 it counts up to 60 ms too much. So a reported
 * duration is believed, in either clock, only where it fits the time that passed between the packets.
 */
export class EventTimer {
  #timestamp: number | undefined;
  #since = 0;
  #length: number | undefined;

  /** Takes each event packet as it arrives (`now` in ms) and corrects the duration of one that ends its event. */
  arrived(packet: Buffer, now: number): void {
    const timestamp = timestampOf(packet);
    if (this.#timestamp !== timestamp) {
      this.#timestamp = timestamp;
      this.#since = now;
      this.#length = undefined;
    }
    const reported = eventDuration(packet);
    if (reported === undefined || !eventEnds(packet)) return;
    this.#length ??= believable(reported, now - this.#since);
    setEventDuration(packet, this.#length);
  }
}

/** @param passedMs from the first packet, which itself reports up to one packet's time, to the end */
function believable(reported: number, passedMs: number): number {
  const fits = (perMs: number): boolean => Math.abs(reported / perMs - passedMs) <= TOLERANCE_MS;
  if (fits(8)) return reported;
  if (fits(8 * EVENT_SCALE)) return Math.round(reported / EVENT_SCALE);
  return Math.round(passedMs * 8);
}
