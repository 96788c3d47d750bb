/** Telephone-event payloads (RFC 4733, 2.3): event, E bit and volume, duration. */
import { payloadOffset, timestampOf } from './rtp.js';

/** 48 kHz steps to one 8 kHz step. */
export const EVENT_SCALE = 6;
export const EVENT_LENGTH = 4;
/** Events that are keys: 0-9, *, #, A-D (RFC 4733, 3.2). */
export const KEYS = '0123456789*#ABCD';
/** Power of a key that names none, -dBm0. */
export const KEY_VOLUME = 10;

/** One packet's time, and as much again for the network. */
const TOLERANCE_MS = 45;

export interface EventPacket {
  readonly timestamp: number;
  readonly code: number;
  /** The E bit: this packet reports the whole event. */
  readonly ends: boolean;
  readonly volume: number;
  readonly duration: number;
}

/** Undefined for a packet too short to be one. */
export function readEvent(packet: Buffer): EventPacket | undefined {
  const at = payloadOffset(packet);
  if (packet.length < at + EVENT_LENGTH) return undefined;
  const second = packet.readUInt8(at + 1);
  return {
    timestamp: timestampOf(packet),
    code: packet.readUInt8(at),
    ends: (second & 0x80) !== 0,
    volume: second & 0x3f,
    duration: packet.readUInt16BE(at + 2),
  };
}

/** @param duration in 8 kHz units */
export function writeEvent(
  payload: Buffer,
  key: { readonly code: number; readonly volume: number },
  ends: boolean,
  duration: number,
): void {
  payload.writeUInt8(key.code, 0);
  payload.writeUInt8((ends ? 0x80 : 0) | key.volume, 1);
  payload.writeUInt16BE(Math.min(0xffff, duration), 2);
}

export function scaleEventDuration(packet: Buffer, factor: number): void {
  const at = payloadOffset(packet) + 2;
  if (packet.length >= at + 2) packet.writeUInt16BE(Math.min(0xffff, packet.readUInt16BE(at) * factor), at);
}

/**
 * How long a key really was, in 8 kHz units. Asterisk on an Opus trunk counts the end of an event in 48 kHz steps and what
 * comes before it in 8 kHz steps, whatever clock was agreed; beside G.711 it counts up to 60 ms too much. So a duration
 * is believed, in either clock, only where so much time has passed.
 *
 * @param passedMs from the first packet, which itself reports up to one packet's time, to the end
 */
export function believableDuration(reported: number, passedMs: number): number {
  if (reported / 8 <= passedMs + TOLERANCE_MS) return reported; // the end itself may be late
  const wide = reported / EVENT_SCALE;
  return Math.abs(wide / 8 - passedMs) <= TOLERANCE_MS ? Math.round(wide) : Math.round(passedMs * 8);
}
