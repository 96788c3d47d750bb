import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLES = 160; // 20 ms at 8 kHz
const PCMA = 8;
const EVENT = 101;

/** A key of RFC 4733 as received: its digit and its last duration, in 8 kHz units. */
export interface HeardKey {
  readonly digit: string;
  readonly duration: number;
}

/** A plain RTP endpoint with a PCMA tone: the media of a call whose signalling sipp does. */
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
  ) {
    this.#firstPacket = once(socket, 'message');
    socket.on('message', (packet: Buffer, from: RemoteInfo) => this.#receive(packet, from));
  }

  static async open(hz: number): Promise<RtpPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RtpPeer(socket, hz);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** SDP of an offer with PCMA and telephone-event. */
  get sdp(): string {
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.port} RTP/AVP ${PCMA} ${EVENT}`,
      `a=rtpmap:${EVENT} telephone-event/8000`,
      `a=fmtp:${EVENT} 0-15`,
      'a=ptime:20',
    ].join('\n');
  }

  /** Waits for the other side's first packet, then sends the tone to where that came from. */
  async startTone(): Promise<void> {
    await this.#firstPacket;
    let due = performance.now();
    const tick = (): void => {
      for (; due <= performance.now(); due += 20) this.#send(PCMA, false, this.#tonePacket());
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
        payload.writeUInt16BE(Math.min(i, 5) * SAMPLES, 2);
        this.#timestamp = start;
        this.#send(EVENT, i === 1, payload);
        await delay(i < 5 ? 20 : 1);
      }
      this.#timestamp = start + 8 * SAMPLES;
      await delay(60);
    }
  }

  close(): void {
    clearInterval(this.#tone);
    this.socket.close();
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    this.#remote ??= from;
    const type = (packet[1] ?? 0) & 0x7f;
    const payload = packet.subarray(12);
    if (type === PCMA) for (const byte of payload) this.heard.push(alawDecode(byte));
    if (type === EVENT) {
      this.keys.set(packet.readUInt32BE(4), {
        digit: DIGITS[payload[0] ?? 0] ?? '?',
        duration: payload.readUInt16BE(2),
      });
    }
  }

  #tonePacket(): Buffer {
    const payload = Buffer.alloc(SAMPLES);
    for (let i = 0; i < SAMPLES; i++) {
      payload[i] = alawEncode(8000 * Math.sin((2 * Math.PI * this.hz * (this.#timestamp + i)) / 8000));
    }
    return payload;
  }

  #send(type: number, marker: boolean, payload: Buffer): void {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = type | (marker ? 0x80 : 0);
    header.writeUInt16BE(this.#sequence++ & 0xffff, 2);
    header.writeUInt32BE(this.#timestamp, 4);
    header.writeUInt32BE(0x12345678, 8);
    if (type === PCMA) this.#timestamp += SAMPLES;
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
