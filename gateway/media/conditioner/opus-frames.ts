/** Opus packets taken apart and put together without decoding (RFC 6716, 3). */

const FRAME_MS = 20;
const CONFIG_MASK = 0xf8;
const STEREO_AND_CONFIG = 0xfc;

export interface OpusFrames {
  /** Configuration and stereo bit of the table-of-contents byte. */
  readonly toc: number;
  readonly frameMs: number;
  readonly frames: readonly Buffer[];
}

/** RFC 6716, 3.1, table 2. */
function frameMsOf(toc: number): number {
  const config = (toc & CONFIG_MASK) >> 3;
  if (config < 12) return [10, 20, 40, 60][config % 4] ?? 20;
  if (config < 16) return config % 2 === 0 ? 10 : 20;
  return [2.5, 5, 10, 20][config % 4] ?? 20;
}

/** How long a payload's audio lasts, ms; that of one frame for an empty payload. */
export function opusMs(payload: Buffer): number {
  const toc = payload[0];
  if (toc === undefined) return FRAME_MS;
  const code = toc & 3;
  const count = code === 0 ? 1 : code < 3 ? 2 : (payload[1] ?? 1) & 0x3f;
  return frameMsOf(toc) * count;
}

/** Undefined for a malformed payload (RFC 6716, 3.4). */
export function parseOpus(payload: Buffer): OpusFrames | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  const toc = first & STEREO_AND_CONFIG;
  const frames = framesOf(first & 3, payload.subarray(1));
  return frames === undefined ? undefined : { toc, frameMs: frameMsOf(toc), frames };
}

function framesOf(code: number, rest: Buffer): readonly Buffer[] | undefined {
  switch (code) {
    case 0:
      return [rest];
    case 1:
      return rest.length % 2 === 0 ? cutEqually(rest, 2) : undefined;
    case 2: {
      const length = lengthAt(rest, 0);
      if (length === undefined || length.bytes + length.value > rest.length) return undefined;
      const end = length.bytes + length.value;
      return [rest.subarray(length.bytes, end), rest.subarray(end)];
    }
    default:
      return manyFrames(rest);
  }
}

/** Code 3: a count byte, padding, and for variable lengths all but the last one (RFC 6716, 3.2.5). */
function manyFrames(rest: Buffer): readonly Buffer[] | undefined {
  const head = rest[0];
  if (head === undefined) return undefined;
  const count = head & 0x3f;
  let at = 1;
  let padding = 0;
  for (let more = (head & 0x40) !== 0; more;) {
    const byte = rest[at];
    if (byte === undefined) return undefined;
    at += 1;
    padding += byte === 255 ? 254 : byte;
    more = byte === 255;
  }
  const end = rest.length - padding;
  if (count === 0 || end < at) return undefined;
  if ((head & 0x80) === 0) {
    return (end - at) % count === 0 ? cutEqually(rest.subarray(at, end), count) : undefined;
  }
  const lengths: number[] = [];
  while (lengths.length < count - 1) {
    const length = lengthAt(rest, at);
    if (length === undefined) return undefined;
    lengths.push(length.value);
    at += length.bytes;
  }
  return cut(rest.subarray(at, end), lengths);
}

/** RFC 6716, 3.2.1. */
function lengthAt(buffer: Buffer, at: number): { readonly value: number; readonly bytes: number } | undefined {
  const [first, second] = [buffer[at], buffer[at + 1]];
  if (first === undefined) return undefined;
  if (first < 252) return { value: first, bytes: 1 };
  return second === undefined ? undefined : { value: first + 4 * second, bytes: 2 };
}

function cutEqually(bytes: Buffer, count: number): readonly Buffer[] {
  const size = bytes.length / count;
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** The last frame has what is left. */
function cut(bytes: Buffer, lengths: readonly number[]): readonly Buffer[] | undefined {
  const frames: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
  return at > bytes.length ? undefined : [...frames, bytes.subarray(at)];
}

/** One payload of the frames given, which share `toc`; at most two of them. */
export function joinOpus(toc: number, frames: readonly Buffer[]): Buffer {
  const [first, second] = frames;
  if (first === undefined) return Buffer.of(toc);
  if (second === undefined) return Buffer.concat([Buffer.of(toc), first]);
  return Buffer.concat([Buffer.of(toc | 2), encodedLength(first.length), first, second]);
}

function encodedLength(length: number): Buffer {
  return length < 252 ? Buffer.of(length) : Buffer.of(252 + (length & 3), (length - 252 - (length & 3)) >> 2);
}
