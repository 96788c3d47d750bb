/** RTP as far as the conditioner needs it: fields read and written in place (RFC 3550, 5.1). */
import type { PbxCodec } from '../../config/types.js';

export const RTP_HEADER = 12;

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

export function setPayloadType(packet: Buffer, payloadType: number): void {
  packet.writeUInt8((packet.readUInt8(1) & 0x80) | payloadType, 1);
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

/** Units of frame sizes by Opus configuration number (RFC 6716, 3.1, table 2). */
function opusFrameUnits(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config % 4] ?? 960;
  if (config < 16) return config % 2 === 0 ? 480 : 960;
  return [120, 240, 480, 960][config % 4] ?? 960;
}

/** How long a packet's audio lasts, in timestamp units. */
export function audioUnits(packet: Buffer, codec: PbxCodec): number {
  const offset = payloadOffset(packet);
  if (codec !== 'opus') return packet.length - offset;
  if (packet.length <= offset) return FRAME_UNITS.opus;
  const toc = packet.readUInt8(offset);
  const code = toc & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : packet.length > offset + 1 ? packet.readUInt8(offset + 1) & 0x3f : 1;
  return opusFrameUnits(toc >> 3) * frames;
}
