import { setTimeout as delay } from 'node:timers/promises';
import { decodeAlaw } from '../../simulator/media/g711.js';
import { measureHeard, type HeardPacket } from '../../simulator/media/heard.js';
import { runSliced, toneShare, type ToneMeasure } from '../../simulator/media/measure.js';
import { ReceiveStats } from '../../simulator/media/receive-stats.js';
import {
  classify,
  markerOf,
  payloadOf,
  payloadTypeOf,
  sequenceOf,
  ssrcOf,
  timestampOf,
} from '../../simulator/media/rtp.js';
import { RtpSender } from '../../simulator/media/sender.js';
import type { MediaShare } from '../../simulator/media/share.js';
import { TelephoneEvents } from '../../simulator/media/telephone-events.js';
import type { ReceivedDigit, Source } from '../../simulator/media/types.js';
import { UdpPort } from '../../simulator/media/udp.js';
import { randomInt } from 'node:crypto';
import { PCMA, type RemoteAudio } from './sdp.js';

const RATE = 8000;
/** So many packets are looked at, 600 ms, and so many of them must be all tone: a busy machine leaves holes in some. */
const WINDOW = 30;
const WANTED = 27;
const TONE_HEARD = 0.9;
const LOOK_MS = 50;
const AUDIO = new Map([[PCMA, 'PCMA' as const]]);

/** The RTP sequence number with which the next stream begins; without it a random one, as RFC 3550 (5.1) wants it. */
export type FirstSequence = () => number;

/** The audio of one call of a phone: PCMA over plain RTP. Times are those of `performance.now()`. */
export class PhoneMedia {
  readonly #packets: HeardPacket[] = [];
  readonly #stats = new ReceiveStats();
  readonly #events = new TelephoneEvents(
    () => 0,
    () => undefined,
  );
  #socket!: UdpPort;
  #remote: RemoteAudio | undefined;
  #sender: RtpSender | undefined;
  #source: Source = { kind: 'silence' };

  private constructor(
    private readonly share: MediaShare,
    private readonly firstSequence: FirstSequence | undefined,
  ) {}

  static async open(share: MediaShare, local: string, firstSequence?: FirstSequence): Promise<PhoneMedia> {
    const media = new PhoneMedia(share, firstSequence);
    media.#socket = await UdpPort.bind(local, 0, (datagram) => media.#receive(datagram));
    return media;
  }

  /** Where it receives. */
  get at(): { readonly address: string; readonly port: number } {
    return this.#socket;
  }

  get packets(): number {
    return this.#packets.length;
  }

  /** Sources of what came, in order. */
  get ssrcs(): readonly number[] {
    return this.#stats.ssrcs;
  }

  /** Keys that came as RFC 4733 events. */
  get digits(): readonly ReceivedDigit[] {
    return this.#events.digits;
  }

  /**
   * What was agreed. A phone that is not to send is silent on the wire; one that sends again does so as a new stream, as
   * many phones do.
   */
  agree(remote: RemoteAudio, sends: boolean): void {
    this.#remote = remote;
    if (!sends) {
      this.#sender?.close();
      this.#sender = undefined;
      return;
    }
    if (this.#sender !== undefined) return;
    const { clock, sounds } = this.share;
    const send = (packet: Buffer): void => {
      if (this.#remote !== undefined) this.#socket.send(packet, this.#remote.port, this.#remote.address);
    };
    this.#sender = new RtpSender(randomInt(0x100000000), clock, sounds, send, this.firstSequence?.());
    this.#sender.agree({ codec: 'PCMA', payloadType: PCMA, eventPayloadType: remote.eventPayloadType });
    this.#sender.play(this.#source);
    this.#sender.start();
  }

  play(source: Source): void {
    this.#source = source;
    this.#sender?.play(source);
  }

  /** @throws Error where the phone does not send now, or for an unknown key */
  async press(digits: string): Promise<void> {
    if (this.#sender === undefined) throw new Error('press: the phone is on hold or has no call');
    await this.#sender.sendDigits(digits, { durationMs: 120, gapMs: 80 });
  }

  /**
   * Resolves when the last 600 ms of what came from now on are this tone; a place where the stream skips says nothing against
   * it.
   * @throws Error after `timeoutMs` with what was heard instead
   */
  async hears(hz: number, timeoutMs = 20_000): Promise<void> {
    const began = performance.now();
    let next = this.#packets.length;
    const latest: boolean[] = [];
    for (;;) {
      for (; next < this.#packets.length; next++) {
        const pcm = samplesOf(this.#packets[next]!);
        if (pcm === undefined) continue;
        latest.push(toneShare(pcm, RATE, hz) > TONE_HEARD);
        if (latest.length > WINDOW) latest.shift();
      }
      if (latest.length === WINDOW && latest.filter(Boolean).length >= WANTED) return;
      if (performance.now() > began + timeoutMs) throw new Error(await this.#heardInstead(hz, timeoutMs, began));
      await delay(LOOK_MS);
    }
  }

  /** The purest second that was heard between two times. */
  async tone(fromMs = 0, toMs = Infinity): Promise<ToneMeasure | undefined> {
    const packets = this.#packets.filter(({ arrivalMs }) => arrivalMs >= fromMs && arrivalMs <= toMs);
    return (await runSliced(measureHeard(packets, AUDIO))).tone;
  }

  /** Share of packets that never came, by sequence number. */
  get loss(): number {
    const { lost, expected } = this.#stats.counters;
    return expected === 0 ? 0 : lost / expected;
  }

  get largestGapMs(): number | undefined {
    return this.#stats.largestGapMs;
  }

  async close(): Promise<void> {
    this.#sender?.close();
    await this.#socket.close();
  }

  async #heardInstead(hz: number, timeoutMs: number, sinceMs: number): Promise<string> {
    const since = this.#packets.filter(({ arrivalMs }) => arrivalMs >= sinceMs);
    const { tone } = await runSliced(measureHeard(since, AUDIO));
    const heard = tone === undefined ? 'silence' : `${tone.hz.toFixed(0)} Hz (purity ${tone.purity.toFixed(2)})`;
    return `${hz} Hz was not heard in ${timeoutMs} ms, but ${heard} in ${since.length} packets`;
  }

  #receive(packet: Buffer): void {
    if (classify(packet) !== 'rtp') return;
    const arrivalMs = performance.now();
    const type = payloadTypeOf(packet);
    const clock = type === PCMA && !markerOf(packet) ? RATE : undefined;
    this.#stats.packet(arrivalMs, ssrcOf(packet), type, sequenceOf(packet), timestampOf(packet), clock);
    if (type === this.#remote?.eventPayloadType) {
      this.#events.packet(arrivalMs, timestampOf(packet), payloadOf(packet) ?? Buffer.alloc(0));
    } else {
      this.#packets.push({ arrivalMs, packet: Buffer.from(packet) });
    }
  }
}

function samplesOf({ packet }: HeardPacket): Int16Array | undefined {
  const payload = payloadTypeOf(packet) === PCMA ? payloadOf(packet) : undefined;
  return payload && Int16Array.from(payload, decodeAlaw);
}
