import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { ReceivedStream } from './received-stream.js';

const PACKET_MS = 20;
const SLOT_MS = 5;
const SLOTS = PACKET_MS / SLOT_MS;
const BUFFER_BYTES = 1 << 20;
const RTP_HEADER = 12;

export interface TalkerSound {
  readonly payloadType: number;
  /** Payloads of 20 ms, sent over and over. */
  readonly loop: readonly Buffer[];
  /** Timestamp units a second. */
  readonly clock: number;
  /** Encrypts a whole RTP packet. */
  readonly protect?: (packet: Buffer) => Buffer;
}

/** Somebody who speaks and listens on a UDP port of loopback; what comes is counted by its header alone. */
export class Talker {
  readonly heard: ReceivedStream;
  #toPort = 0;
  #sequence = Math.floor(Math.random() * 0x8000);
  #timestamp = Math.floor(Math.random() * 0x80000000);
  readonly #ssrc = Math.floor(Math.random() * 0xffffffff);
  #turn = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly sound: TalkerSound,
    heardClock: number,
  ) {
    this.heard = new ReceivedStream(heardClock);
    socket.on('message', (packet) => this.heard.receive(packet, performance.now()));
    socket.on('error', () => undefined);
  }

  static async open(sound: TalkerSound, heardClock: number): Promise<Talker> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, lookup: numericLookup });
    const listening = once(socket, 'listening'); // with that look-up it comes before bind() returns
    socket.bind(0, '127.0.0.1');
    await listening;
    return new Talker(socket, sound, heardClock);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Speaks to this port of loopback from the next turn on. */
  speakTo(port: number): void {
    this.#toPort = port;
  }

  turn(): void {
    if (this.#toPort === 0) return;
    const { loop, payloadType, clock, protect } = this.sound;
    const payload = loop[this.#turn++ % loop.length] ?? Buffer.alloc(0);
    const packet = Buffer.allocUnsafe(RTP_HEADER + payload.length);
    packet[0] = 0x80;
    packet[1] = payloadType;
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(this.#timestamp, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    payload.copy(packet, RTP_HEADER);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + (clock * PACKET_MS) / 1000) >>> 0;
    this.socket.send(protect === undefined ? packet : protect(packet), this.#toPort, '127.0.0.1');
  }

  close(): void {
    this.socket.close();
  }
}

/** Gives each talker its turn every 20 ms, spread over four slots. */
export class TalkersClock {
  readonly #slots: Talker[][] = Array.from({ length: SLOTS }, () => []);
  readonly #timer: NodeJS.Timeout;
  readonly #start = performance.now();
  #next = 0;
  #count = 0;
  /** The latest turn so far, ms: gaps up to this size may be of our own making. */
  worstLatenessMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), 1);
  }

  add(...talkers: Talker[]): void {
    for (const talker of talkers) this.#slots[this.#count++ % SLOTS]?.push(talker);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (;;) {
      const late = performance.now() - (this.#start + this.#next * SLOT_MS);
      if (late < 0) return;
      this.worstLatenessMs = Math.max(this.worstLatenessMs, late);
      for (const talker of this.#slots[this.#next++ % SLOTS] ?? []) talker.turn();
    }
  }
}

/** Addresses here are always numeric: dgram's own look-up costs more than the send. */
function numericLookup(
  address: string,
  _options: unknown,
  done: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  done(null, address, 4);
}
