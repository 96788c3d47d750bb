import { setTimeout as delay } from 'node:timers/promises';
import type { RuleId } from '../rules.js';
import { PACKET_MS } from './clock.js';
import { OPUS_RATE, opusPacketMs } from './opus.js';
import { ReceiveStats } from './receive-stats.js';
import { Recording } from './recording.js';
import { markerOf, payloadOf, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from './rtp.js';
import { TelephoneEvents } from './telephone-events.js';
import type { Codec, ReceivedDigit } from './types.js';

const G711_BYTES = 160;
/** An event's duration may exceed what its arrival shows by this much before its clock is doubted. */
const CLOCK_DOUBT = 2.5;

export interface EarEvents {
  readonly onViolation: (rule: RuleId) => void;
  readonly onDigit: (digit: ReceivedDigit) => void;
}

/** What comes in: counted at the socket, kept once decrypted, judged by Meta's rules. */
export class Ear {
  readonly stats = new ReceiveStats();
  readonly events: TelephoneEvents;
  readonly recording: Recording;
  readonly codecs = new Map<number, Codec>();
  rtcpPackets = 0;
  decrypted = 0;
  /** Datagrams that came before there was a key. */
  beforeKeys = 0;
  firstDecryptedMs: number | undefined;
  lastRtcpMs: number | undefined;
  codec: Codec | undefined;
  readonly #violation: (rule: RuleId) => void;
  #eventPayloadType: number | undefined;

  constructor(keepAudioMs: number, zero: () => number, events: EarEvents) {
    this.recording = new Recording(keepAudioMs);
    this.#violation = events.onViolation;
    this.events = new TelephoneEvents(zero, (digit, packets) => {
      // Packets that were read all at once after a stall still are as many as the key was long.
      const took = Math.max(digit.arrivalMs, packets * PACKET_MS);
      if (digit.durationMs > CLOCK_DOUBT * (took + PACKET_MS)) this.#violation('event-clock');
      events.onDigit(digit);
    });
  }

  /** The payload types that may come. */
  expect(codecs: readonly { readonly payloadType: number; readonly codec: Codec }[], events: number | undefined): void {
    for (const { payloadType, codec } of codecs) this.codecs.set(payloadType, codec);
    this.#eventPayloadType = events;
  }

  /** An RTP datagram, still encrypted: its header is clear. `keyed`: there are keys for it. */
  datagram(packet: Buffer, arrivalMs: number, keyed: boolean, heldUpMs = 0): void {
    if (!keyed) this.beforeKeys++;
    const payloadType = payloadTypeOf(packet);
    const codec = this.codecs.get(payloadType);
    const before = this.stats.ssrcCount;
    this.stats.packet(
      arrivalMs,
      ssrcOf(packet),
      payloadType,
      sequenceOf(packet),
      timestampOf(packet),
      // After a key or a pause the timestamps may jump against arrival: the marker says so.
      codec === undefined || markerOf(packet) ? undefined : codec === 'opus' ? OPUS_RATE : 8000,
      heldUpMs,
    );
    if (before === 1 && this.stats.ssrcCount === 2) this.#violation('several-ssrcs');
  }

  /** Packets with keys that have not come out decrypted: on their way through a thread that does it, or not authentic. */
  get pending(): number {
    return Math.max(0, this.stats.counters.packets - this.decrypted - this.beforeKeys);
  }

  /** Waits for those on their way. */
  async drain(limitMs: number): Promise<void> {
    for (const limit = performance.now() + limitMs; this.pending > 0 && performance.now() < limit;) await delay(5);
  }

  rtcp(arrivalMs: number): void {
    this.rtcpPackets++;
    this.lastRtcpMs = arrivalMs;
  }

  packet(packet: Buffer, arrivalMs: number): void {
    this.decrypted++;
    this.firstDecryptedMs ??= arrivalMs;
    this.recording.add(packet, arrivalMs);
    const payloadType = payloadTypeOf(packet);
    const payload = payloadOf(packet) ?? Buffer.alloc(0);
    if (payloadType === this.#eventPayloadType) {
      this.events.packet(arrivalMs, timestampOf(packet), payload);
      return;
    }
    const codec = this.codecs.get(payloadType);
    if (codec === undefined) {
      this.#violation('payload-type');
      return;
    }
    this.codec ??= codec;
    const right = codec === 'opus' ? opusPacketMs(payload) === PACKET_MS : payload.length === G711_BYTES;
    if (!right) this.#violation('ptime');
  }
}
