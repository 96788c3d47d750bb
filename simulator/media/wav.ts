import { readFile } from 'node:fs/promises';

export interface WavAudio {
  readonly sampleRate: number;
  /** Mono: of several channels the one that was asked for. */
  readonly pcm: Int16Array;
}

/**
 * Reads a WAV file of 16-bit linear PCM, such as Asterisk writes; a data chunk that is cut or not yet counted in its
 * header (the recording was not closed) is read as far as it goes.
 * @param channel 0 for the first.
 * @throws Error naming the file and what is wrong with it.
 */
export async function readWav(path: string, channel = 0): Promise<WavAudio> {
  try {
    return parseWav(await readFile(path), channel);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

export function parseWav(file: Buffer, channel = 0): WavAudio {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error('not a RIFF/WAVE file');
  }
  let format: { channels: number; sampleRate: number } | undefined;
  for (let at = 12; at + 8 <= file.length;) {
    const id = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + size);
    if (id === 'fmt ' && body.length >= 16) {
      const [encoding, bits] = [body.readUInt16LE(0), body.readUInt16LE(14)];
      if (encoding !== 1 || bits !== 16) {
        throw new Error(`WAV format: found encoding ${encoding} with ${bits} bits, allowed linear PCM with 16`);
      }
      format = { channels: body.readUInt16LE(2), sampleRate: body.readUInt32LE(4) };
    } else if (id === 'data') {
      if (format === undefined) throw new Error('no fmt chunk before the data chunk');
      const data = size === 0 ? file.subarray(at + 8) : body;
      return { sampleRate: format.sampleRate, pcm: pick(data, format.channels, channel) };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error('no data chunk');
}

function pick(data: Buffer, channels: number, channel: number): Int16Array {
  if (channel < 0 || channel >= channels) throw new Error(`channel ${channel}: the file has ${channels}`);
  const frames = Math.floor(data.length / (2 * channels));
  return Int16Array.from({ length: frames }, (_, i) => data.readInt16LE(2 * (i * channels + channel)));
}
