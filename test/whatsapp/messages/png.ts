/** Reads a PNG without interlace, eight bits a channel (ISO/IEC 15948). */
import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 };

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly isDark: (x: number, y: number) => boolean;
}

export function pixelsOf(png: Buffer): Pixels {
  assert.equal(png.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  const chunks: Record<string, Buffer[]> = {};
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    (chunks[type] ??= []).push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const header = chunks.IHDR?.[0] ?? assert.fail('no IHDR');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colour, , , interlace] = header.subarray(8);
  const channels = CHANNELS[colour ?? -1] ?? assert.fail(`colour type ${colour}`);
  assert.deepEqual([depth, interlace], [8, 0]);
  const rows = unfilter(inflateSync(Buffer.concat(chunks.IDAT ?? [])), width * channels, channels);
  assert.equal(rows.length, height);
  return { width, height, isDark: (x, y) => (rows[y]?.[x * channels] ?? 255) < 128 };
}

function unfilter(data: Buffer, stride: number, channels: number): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += stride + 1) {
    const above = rows.at(-1) ?? new Uint8Array(stride);
    const row = Uint8Array.from(data.subarray(at + 1, at + 1 + stride));
    for (let i = 0; i < stride; i++) {
      const [left, up, corner] = [row[i - channels] ?? 0, above[i] ?? 0, i < channels ? 0 : (above[i - channels] ?? 0)];
      row[i] = (row[i] ?? 0) + predicted(data[at] ?? 0, left, up, corner);
    }
    rows.push(row);
  }
  return rows;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return Math.floor((left + up) / 2);
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
