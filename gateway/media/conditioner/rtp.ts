/** RTP as far as the conditioner needs it: fields read and written in place (RFC 3550, 5.1). */
import type { PbxCodec } from '../../config/types.js';

export const RTP_HEADER = 12;
/** Static payload type (RFC 3389). */
export const COMFORT_NOISE = 13;

/** RTCP on the RTP port: its packet types 192 to 223 fill the byte of marker and payload type (RFC 5761, 4). */
export function isRtp(packet: Buffer): boolean {
  if (packet.length < RTP_HEADER || packet.readUInt8(0) >> 6 !== 2) return false;
  const second = packet.readUInt8(1);
  return second < 192 || second > 223;
}

export const payloadTypeOf = (packet: Buffer): number => packet.readUInt8(1) & 0x7f;
export const sequenceOf = (packet: Buffer): number => packet.readUInt16BE(2);
export const timestampOf = (packet: Buffer): number => packet.readUInt32BE(4);
export const ssrcOf = (packet: Buffer): number => packet.readUInt32BE(8);

/** Where the payload begins, after CSRCs and a header extension; past the end for a malformed packet. */
export function payloadOffset(packet: Buffer): number {
  const first = packet.readUInt8(0);
  let offset = RTP_HEADER + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (packet.length < offset + 4) return packet.length;
    offset += 4 + packet.readUInt16BE(offset + 2) * 4;
  }
  return Math.min(offset, packet.length);
}

/** Without padding. */
export function payloadOf(packet: Buffer): Buffer {
  const start = payloadOffset(packet);
  const padding = (packet.readUInt8(0) & 0x20) !== 0 ? packet.readUInt8(packet.length - 1) : 0;
  return packet.subarray(start, Math.max(start, packet.length - padding));
}

export function setSequence(packet: Buffer, sequence: number): void {
  packet.writeUInt16BE(sequence, 2);
}

export function setPayloadType(packet: Buffer, payloadType: number): void {
  packet.writeUInt8((packet.readUInt8(1) & 0x80) | payloadType, 1);
}

export function setMarker(packet: Buffer, marker: boolean): void {
  packet.writeUInt8((packet.readUInt8(1) & 0x7f) | (marker ? 0x80 : 0), 1);
}

export function writeHeader(packet: Buffer, sequence: number, timestamp: number, ssrc: number): void {
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(ssrc, 8);
}

/** How far a lies after b, in modular 16-bit and 32-bit arithmetic; negative when before. */
export const sequenceDistance = (a: number, b: number): number => ((a - b) << 16) >> 16;
export const timestampDistance = (a: number, b: number): number => (a - b) | 0;

/** Timestamp units of 20 ms. */
export const FRAME_UNITS: Readonly<Record<PbxCodec, number>> = { PCMA: 160, PCMU: 160, opus: 960 };

/** 20 ms of silence. The Opus frame is a CELT frame that decodes to nothing. */
export const SILENCE: Readonly<Record<PbxCodec, Buffer>> = {
  PCMA: Buffer.alloc(160, 0xd5),
  PCMU: Buffer.alloc(160, 0xff),
  opus: Buffer.from([0xf8, 0xff, 0xfe]),
};
