import type { NodeRoute, PbxRoute } from './messages.js';
import { EVENT_SCALE, scaleEventDuration } from './event.js';
import { Reframer } from './reframe.js';
import {
  RTP_HEADER,
  payloadOf,
  payloadTypeOf,
  sequenceOf,
  setPayloadType,
  ssrcOf,
  timestampDistance,
  timestampOf,
  writeHeader,
} from './rtp.js';

/** What rtpengine sends, as the PBX agreed to have it. */
export class Egress {
  readonly #node: NodeRoute;
  #pbx: PbxRoute;
  /** Where the PBX has another codec than rtpengine's plain side. */
  #reframer: Reframer | undefined;
  /** Timestamp steps of the PBX's codec to one of rtpengine's. */
  #scale = 1;
  /** A stream of another clock has another SSRC (RFC 7160, 4.1). */
  #generation = 0;
  #lastIn: number | undefined;
  #lastOut: number | undefined;

  constructor(node: NodeRoute, pbx: PbxRoute) {
    this.#node = node;
    this.#pbx = pbx;
    this.#convert();
  }

  change(pbx: PbxRoute): void {
    const same = pbx.audio.codec === this.#pbx.audio.codec;
    this.#pbx = pbx;
    if (!same) this.#convert();
  }

  /** The packet to send; undefined for one that the PBX has no use for. */
  take(packet: Buffer): Buffer | undefined {
    const payloadType = payloadTypeOf(packet);
    if (payloadType === this.#node.event) return this.#event(packet);
    if (payloadType !== this.#node.audio.payloadType) return undefined;
    this.#clock(packet);
    setPayloadType(packet, this.#pbx.audio.payloadType);
    return this.#reframer === undefined ? packet : this.#converted(packet, this.#reframer);
  }

  close(): void {
    this.#reframer?.close();
    this.#reframer = undefined;
  }

  #convert(): void {
    this.#reframer?.close();
    const [from, to] = [this.#node.audio.codec, this.#pbx.audio.codec];
    this.#reframer = from === to ? undefined : new Reframer(from, to);
    const scale = clock(to) / clock(from);
    if (scale !== this.#scale) this.#generation += 1;
    this.#scale = scale;
  }

  #event(packet: Buffer): Buffer | undefined {
    const { event } = this.#pbx;
    if (event === undefined) return undefined;
    this.#clock(packet);
    setPayloadType(packet, event.payloadType);
    if (event.khz === 48) scaleEventDuration(packet, EVENT_SCALE);
    return packet;
  }

  #converted(packet: Buffer, reframer: Reframer): Buffer | undefined {
    const payloads = reframer.take(payloadOf(packet));
    if (payloads.length === 0) return undefined;
    const payload = Buffer.concat(payloads);
    const built = Buffer.alloc(RTP_HEADER + payload.length);
    packet.copy(built, 0, 0, RTP_HEADER);
    built.writeUInt8(0x80, 0);
    payload.copy(built, RTP_HEADER);
    return built;
  }

  /** Timestamps on the clock of the PBX's codec, without a break when it changes. */
  #clock(packet: Buffer): void {
    if (this.#generation === 0) return;
    const timestamp = timestampOf(packet);
    const step = this.#lastIn === undefined ? 0 : timestampDistance(timestamp, this.#lastIn);
    this.#lastOut = ((this.#lastOut ?? timestamp) + Math.round(step * this.#scale)) >>> 0;
    this.#lastIn = timestamp;
    writeHeader(packet, sequenceOf(packet), this.#lastOut, (ssrcOf(packet) + this.#generation) >>> 0);
  }
}

const clock = (codec: string): number => (codec === 'opus' ? 48 : 8);
