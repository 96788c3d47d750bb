import { setTimeout as delay } from 'node:timers/promises';
import { decodeAlaw } from '../../simulator/media/g711.js';
import { measureHeard, type HeardPacket } from '../../simulator/media/heard.js';
import { measureToneSliced, runSliced, toneShare, type ToneMeasure } from '../../simulator/media/measure.js';
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
/** What must be heard in one piece to count. */
const ENOUGH_MS = 600;
const LOOK_MS = 50;

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

  private constructor(private readonly share: MediaShare) {}

  static async open(share: MediaShare, local: string): Promise<PhoneMedia> {
    const media = new PhoneMedia(share);
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
    this.#sender = new RtpSender(randomInt(0x100000000), clock, sounds, (packet) => {
      if (this.#remote !== undefined) this.#socket.send(packet, this.#remote.port, this.#remote.address);
    });
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
   * Resolves when the last 600 ms of what came are this tone and nothing else, with the time at which they began.
   * @param sinceMs counts only what came after; default: now
   * @throws Error after `timeoutMs` with what was heard instead
   */
  async hears(hz: number, timeoutMs = 10_000, sinceMs = performance.now()): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const from = Math.max(sinceMs, performance.now() - ENOUGH_MS - LOOK_MS);
      const pcm = this.#samples(from, Infinity);
      const recent = pcm.subarray(-(ENOUGH_MS * RATE) / 1000);
      if (recent.length >= (ENOUGH_MS * RATE) / 1000 && toneShare(recent, RATE, hz) > 0.95) return from;
      if (performance.now() > deadline) {
        const tone = await measureToneSliced(this.#samples(Math.max(sinceMs, deadline - 2000), Infinity), RATE);
        const heard = tone === undefined ? 'silence' : `${tone.hz.toFixed(0)} Hz (purity ${tone.purity.toFixed(2)})`;
        throw new Error(`${hz} Hz was not heard in ${timeoutMs} ms, but ${heard} in ${pcm.length} samples`);
      }
      await delay(LOOK_MS);
    }
  }

  /** The purest second that was heard between two times. */
  async tone(fromMs = 0, toMs = Infinity): Promise<ToneMeasure | undefined> {
    const packets = this.#packets.filter(({ arrivalMs }) => arrivalMs >= fromMs && arrivalMs <= toMs);
    return (await runSliced(measureHeard(packets, new Map([[PCMA, 'PCMA']])))).tone;
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

  #samples(fromMs: number, toMs: number): Int16Array {
    const first = this.#packets.findLastIndex(({ arrivalMs }) => arrivalMs < fromMs) + 1;
    const payloads = this.#packets
      .slice(first)
      .filter(({ arrivalMs, packet }) => arrivalMs <= toMs && payloadTypeOf(packet) === PCMA)
      .map(({ packet }) => payloadOf(packet) ?? Buffer.alloc(0));
    return Int16Array.from(Buffer.concat(payloads), decodeAlaw);
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
