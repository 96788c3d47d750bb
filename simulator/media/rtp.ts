/** RTP (RFC 3550) headers, read in place: SRTP leaves them in clear. */

export const RTP_HEADER_LENGTH = 12;

export type DatagramKind = 'stun' | 'dtls' | 'rtp' | 'rtcp' | 'unknown';

/** RFC 7983 for the first byte, RFC 5761, section 4 for RTCP on the RTP port. */
export function classify(datagram: Buffer): DatagramKind {
  const first = datagram[0];
  if (first === undefined) return 'unknown';
  if (first < 4) return 'stun';
  if (first >= 20 && first <= 63) return 'dtls';
  if (first < 128 || first > 191 || datagram.length < RTP_HEADER_LENGTH) return 'unknown';
  const type = datagram[1]!;
  return type >= 192 && type <= 223 ? 'rtcp' : 'rtp';
}

export const payloadTypeOf = (packet: Buffer): number => packet[1]! & 0x7f;
export const markerOf = (packet: Buffer): boolean => (packet[1]! & 0x80) !== 0;
export const sequenceOf = (packet: Buffer): number => packet.readUInt16BE(2);
export const timestampOf = (packet: Buffer): number => packet.readUInt32BE(4);
export const ssrcOf = (packet: Buffer): number => packet.readUInt32BE(8);

/** Length of header, CSRCs and extension; undefined where the packet is shorter than it says. */
export function headerLength(packet: Buffer): number | undefined {
  if (packet.length < RTP_HEADER_LENGTH) return undefined;
  let length = RTP_HEADER_LENGTH + 4 * (packet[0]! & 0x0f);
  if ((packet[0]! & 0x10) !== 0) {
    if (packet.length < length + 4) return undefined;
    length += 4 + 4 * packet.readUInt16BE(length + 2);
  }
  return packet.length < length ? undefined : length;
}

/** Payload without padding; undefined for a malformed packet. */
export function payloadOf(packet: Buffer): Buffer | undefined {
  const start = headerLength(packet);
  if (start === undefined) return undefined;
  const padding = (packet[0]! & 0x20) !== 0 ? packet[packet.length - 1]! : 0;
  return start + padding > packet.length ? undefined : packet.subarray(start, packet.length - padding);
}

export function writeHeader(
  packet: Buffer,
  payloadType: number,
  marker: boolean,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  packet[0] = 0x80;
  packet[1] = payloadType | (marker ? 0x80 : 0);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(timestamp >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
}
