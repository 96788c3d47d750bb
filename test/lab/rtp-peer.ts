import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import OpusScript from 'opusscript';

const EVENT = 101;

/** A payload format with one packet of 20 ms. Samples are 16 bit, mono, `rate` a second. */
export interface Codec {
  readonly type: number;
  readonly rtpmap: string;
  readonly rate: number;
  encode(samples: Int16Array): Buffer;
  decode(payload: Buffer): Int16Array;
  close(): void;
}

export function pcma(): Codec {
  return {
    ...{ type: 8, rtpmap: 'PCMA/8000', rate: 8000 },
    encode: (samples) => Buffer.from(samples.map((sample) => alawEncode(sample))),
    decode: (payload) => Int16Array.from(payload, alawDecode),
    close: () => undefined,
  };
}

export function opus(): Codec {
  const codec = new OpusScript(48_000, 1, OpusScript.Application.AUDIO);
  return {
    ...{ type: 111, rtpmap: 'opus/48000/2', rate: 48_000 },
    encode: (samples) => codec.encode(Buffer.from(samples.buffer), samples.length),
    decode: (payload) => {
      const bytes = codec.decode(payload);
      return Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i));
    },
    close: () => codec.delete(),
  };
}

/** A key of RFC 4733 as received: its digit and its last duration, in units of the codec's clock. */
export interface HeardKey {
  readonly digit: string;
  readonly duration: number;
}

/**
 * A plain RTP endpoint with a tone: the media of a call whose signalling sipp does. Its telephone-event has the
 * codec's clock: Asterisk 22 counts key durations in that even where it answered telephone-event/8000 next to Opus.
 */
export class RtpPeer {
  readonly heard: number[] = [];
  readonly keys = new Map<number, HeardKey>();
  #remote: RemoteInfo | undefined;
  #sequence = 1000;
  #timestamp = 0;
  #tone: NodeJS.Timeout | undefined;
  readonly #firstPacket: Promise<unknown[]>;

  private constructor(
    private readonly socket: Socket,
    private readonly hz: number,
    private readonly codec: Codec,
  ) {
    this.#firstPacket = once(socket, 'message');
    socket.on('message', (packet: Buffer, from: RemoteInfo) => this.#receive(packet, from));
  }

  static async open(hz: number, codec = pcma()): Promise<RtpPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RtpPeer(socket, hz, codec);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** SDP of an offer with the codec and telephone-event. */
  get sdp(): string {
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.port} RTP/AVP ${this.codec.type} ${EVENT}`,
      `a=rtpmap:${this.codec.type} ${this.codec.rtpmap}`,
      `a=rtpmap:${EVENT} telephone-event/${this.codec.rate}`,
      `a=fmtp:${EVENT} 0-15`,
      'a=ptime:20',
    ].join('\n');
  }

  /** Waits for the other side's first packet, then sends the tone to where that came from. */
  async startTone(): Promise<void> {
    await this.#firstPacket;
    let due = performance.now();
    const tick = (): void => {
      for (; due <= performance.now(); due += 20) this.#send(this.codec.type, false, this.#tonePacket());
    };
    this.#tone = setInterval(tick, 5);
  }

  /** Waits until so many samples of the other side's audio came in. */
  async hears(samples: number): Promise<void> {
    while (this.heard.length < samples) await once(this.socket, 'message');
  }

  /** Sends keys of RFC 4733 in place of the tone: 100 ms each, 60 ms apart. */
  async press(digits: string): Promise<void> {
    clearInterval(this.#tone);
    for (const digit of digits) {
      const start = this.#timestamp;
      for (let i = 1; i <= 7; i++) {
        const end = i >= 5;
        const payload = Buffer.from([digitCode(digit), end ? 0x8a : 0x0a, 0, 0]);
        payload.writeUInt16BE(Math.min(i, 5) * this.#step, 2);
        this.#timestamp = start;
        this.#send(EVENT, i === 1, payload);
        await delay(i < 5 ? 20 : 1);
      }
      this.#timestamp = start + 8 * this.#step;
      await delay(60);
    }
  }

  close(): void {
    clearInterval(this.#tone);
    this.socket.close();
    this.codec.close();
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    this.#remote ??= from;
    const type = (packet[1] ?? 0) & 0x7f;
    const payload = packet.subarray(12);
    if (type === this.codec.type) this.heard.push(...this.codec.decode(payload));
    if (type === EVENT) {
      this.keys.set(packet.readUInt32BE(4), {
        digit: DIGITS[payload[0] ?? 0] ?? '?',
        duration: payload.readUInt16BE(2),
      });
    }
  }

  /** Samples, and so timestamp units, of one packet. */
  get #step(): number {
    return this.codec.rate / 50;
  }

  #tonePacket(): Buffer {
    const turn = (2 * Math.PI * this.hz) / this.codec.rate;
    return this.codec.encode(
      Int16Array.from({ length: this.#step }, (_, i) => 8000 * Math.sin(turn * (this.#timestamp + i))),
    );
  }

  #send(type: number, marker: boolean, payload: Buffer): void {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = type | (marker ? 0x80 : 0);
    header.writeUInt16BE(this.#sequence++ & 0xffff, 2);
    header.writeUInt32BE(this.#timestamp, 4);
    header.writeUInt32BE(0x12345678, 8);
    if (type !== EVENT) this.#timestamp += this.#step;
    if (this.#remote) this.socket.send(Buffer.concat([header, payload]), this.#remote.port, this.#remote.address);
  }
}

const DIGITS = '0123456789*#';
const digitCode = (digit: string): number => DIGITS.indexOf(digit);

/** The share of a tone's power in the whole, 0 to 1. */
export function purity(samples: readonly number[], hz: number, rate: number): number {
  let [re, im, total] = [0, 0, 0];
  samples.forEach((sample, i) => {
    re += sample * Math.cos((2 * Math.PI * hz * i) / rate);
    im += sample * Math.sin((2 * Math.PI * hz * i) / rate);
    total += sample * sample;
  });
  return total === 0 ? 0 : (2 * (re * re + im * im)) / (samples.length * total);
}

/** ITU-T G.711, A-law. */
function alawDecode(byte: number): number {
  const value = byte ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = value & 15;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 264) << (exponent - 1);
  return (value & 0x80) !== 0 ? magnitude : -magnitude;
}

const ENCODED = Array.from({ length: 256 }, (_, byte) => ({ byte, level: alawDecode(byte) })).sort(
  (a, b) => a.level - b.level,
);

function alawEncode(sample: number): number {
  let [low, high] = [0, ENCODED.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((ENCODED[middle]?.level ?? 0) <= sample) low = middle;
    else high = middle;
  }
  return ENCODED[low]?.byte ?? 0;
}
