import { type Cipher, createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { headerLength, sequenceOf, ssrcOf } from './rtp.js';

/** SRTP and SRTCP with AES-CM and HMAC-SHA1 (RFC 3711) for keys that come from SDES (RFC 4568). */

export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';

const MASTER_KEY_LENGTH = 16;
const MASTER_SALT_LENGTH = 14;
/** Master key and salt as they stand, base64, behind `inline:`. */
export const KEYING_LENGTH = MASTER_KEY_LENGTH + MASTER_SALT_LENGTH;
const SRTCP_TAG_LENGTH = 10;
const REPLAY_WINDOW = 64;

/** The highest index seen of one SSRC and which of the 64 below it came (RFC 3711, section 3.3.2). */
interface ReplayState {
  highest: number;
  seen: bigint;
}

/** One direction of an SRTP session. */
export class SrtpContext {
  readonly #tagLength: number;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #replay = new Map<number, ReplayState>();
  readonly #roc = Buffer.alloc(4);
  #srtcpIndex = 0;

  /** @param keying master key and salt, 30 bytes. */
  constructor(keying: Buffer, suite: SrtpSuite) {
    if (keying.length !== KEYING_LENGTH) {
      throw new Error(`SRTP keying material: found ${keying.length} bytes, allowed ${KEYING_LENGTH}`);
    }
    this.#tagLength = suite === 'AES_CM_128_HMAC_SHA1_80' ? 10 : 4;
    this.#rtp = new SessionKeys(keying, 0);
    this.#rtcp = new SessionKeys(keying, 3);
  }

  /** Protects a whole RTP packet; the sequence numbers of one SSRC must be given in order. */
  protect(packet: Buffer): Buffer {
    const state = this.#stateOf(ssrcOf(packet));
    const index = indexOf(sequenceOf(packet), state?.highest);
    this.#remember(ssrcOf(packet), state, index);
    const start = headerLength(packet) ?? packet.length;
    const out = Buffer.allocUnsafe(packet.length + this.#tagLength);
    packet.copy(out);
    this.#rtp.cipherInPlace(out.subarray(start, packet.length), ssrcOf(packet), index);
    this.#tag(out.subarray(0, packet.length), index).copy(out, packet.length, 0, this.#tagLength);
    return out;
  }

  /** The RTP packet within; undefined where it is replayed, malformed or does not authenticate. */
  unprotect(packet: Buffer): Buffer | undefined {
    const end = packet.length - this.#tagLength;
    const start = headerLength(packet);
    if (start === undefined || start > end) return undefined;
    const ssrc = ssrcOf(packet);
    const state = this.#stateOf(ssrc);
    const index = indexOf(sequenceOf(packet), state?.highest);
    if (index < 0 || isReplay(state, index)) return undefined;
    const expected = this.#tag(packet.subarray(0, end), index).subarray(0, this.#tagLength);
    if (!timingSafeEqual(expected, packet.subarray(end))) return undefined;
    this.#remember(ssrc, state, index);
    const out = Buffer.from(packet.subarray(0, end));
    this.#rtp.cipherInPlace(out.subarray(start), ssrc, index);
    return out;
  }

  /** Protects a compound RTCP packet (section 3.4), always encrypted. */
  protectRtcp(packet: Buffer): Buffer {
    const index = this.#srtcpIndex++;
    const out = Buffer.alloc(packet.length + 4 + SRTCP_TAG_LENGTH);
    packet.copy(out);
    this.#rtcp.cipherInPlace(out.subarray(8, packet.length), packet.readUInt32BE(4), index);
    out.writeUInt32BE((index | 0x80000000) >>> 0, packet.length);
    const tag = createHmac('sha1', this.#rtcp.authKey).update(out.subarray(0, packet.length + 4));
    tag.digest().copy(out, packet.length + 4, 0, SRTCP_TAG_LENGTH);
    return out;
  }

  /** The RTCP packet within; undefined where it does not authenticate. */
  unprotectRtcp(packet: Buffer): Buffer | undefined {
    const tagAt = packet.length - SRTCP_TAG_LENGTH;
    if (tagAt < 12) return undefined;
    const expected = createHmac('sha1', this.#rtcp.authKey).update(packet.subarray(0, tagAt)).digest();
    if (!timingSafeEqual(expected.subarray(0, SRTCP_TAG_LENGTH), packet.subarray(tagAt))) return undefined;
    const word = packet.readUInt32BE(tagAt - 4);
    const out = Buffer.from(packet.subarray(0, tagAt - 4));
    if (word >= 0x80000000) this.#rtcp.cipherInPlace(out.subarray(8), out.readUInt32BE(4), word & 0x7fffffff);
    return out;
  }

  #stateOf(ssrc: number): ReplayState | undefined {
    return this.#replay.get(ssrc);
  }

  #remember(ssrc: number, state: ReplayState | undefined, index: number): void {
    if (state === undefined) {
      this.#replay.set(ssrc, { highest: index, seen: 1n });
    } else if (index > state.highest) {
      const shift = index - state.highest;
      state.seen = shift >= REPLAY_WINDOW ? 1n : BigInt.asUintN(REPLAY_WINDOW, (state.seen << BigInt(shift)) | 1n);
      state.highest = index;
    } else {
      state.seen |= 1n << BigInt(state.highest - index);
    }
  }

  #tag(authenticated: Buffer, index: number): Buffer {
    this.#roc.writeUInt32BE(Math.floor(index / 0x10000) >>> 0);
    return createHmac('sha1', this.#rtp.authKey).update(authenticated).update(this.#roc).digest();
  }
}

function isReplay(state: ReplayState | undefined, index: number): boolean {
  if (state === undefined || index > state.highest) return false;
  const age = state.highest - index;
  return age >= REPLAY_WINDOW || ((state.seen >> BigInt(age)) & 1n) === 1n;
}

/** The 48-bit packet index nearest to the highest so far (RFC 3711, section 3.3.1 and appendix A). */
function indexOf(sequence: number, highest: number | undefined): number {
  if (highest === undefined) return sequence;
  const roc = Math.floor(highest / 0x10000);
  const delta = sequence - (highest % 0x10000);
  if (delta > 0x8000) return (roc - 1) * 0x10000 + sequence;
  if (delta < -0x8000) return (roc + 1) * 0x10000 + sequence;
  return roc * 0x10000 + sequence;
}

/** Session keys of RTP (first label 0) or RTCP (first label 3), RFC 3711, section 4.3. */
export class SessionKeys {
  readonly authKey: Buffer;
  readonly salt: Buffer;
  readonly key: Buffer;
  // One ECB cipher makes the keystream of every packet: cheaper than a new CTR cipher for each.
  readonly #ecb: Cipher;
  #counters = Buffer.alloc(0);

  constructor(keying: Buffer, firstLabel: 0 | 3) {
    this.key = derive(keying, firstLabel, 16);
    this.authKey = derive(keying, firstLabel + 1, 20);
    this.salt = derive(keying, firstLabel + 2, MASTER_SALT_LENGTH);
    this.#ecb = createCipheriv('aes-128-ecb', this.key, null).setAutoPadding(false);
  }

  /** AES counter mode with IV = salt·2^16 xor SSRC·2^64 xor index·2^16 (section 4.1.1). */
  cipherInPlace(data: Buffer, ssrc: number, index: number): void {
    const blocks = Math.ceil(data.length / 16);
    if (this.#counters.length < 16 * blocks) this.#counters = Buffer.alloc(16 * blocks);
    const counters = this.#counters.subarray(0, 16 * blocks);
    const salt = this.salt;
    const high = (salt.readUInt32BE(4) ^ ssrc) >>> 0;
    const middle = (salt.readUInt32BE(8) ^ (Math.floor(index / 0x10000) >>> 0)) >>> 0;
    const low = salt.readUInt16BE(12) ^ (index & 0xffff);
    for (let block = 0; block < blocks; block++) {
      const at = block * 16;
      counters.writeUInt32BE(salt.readUInt32BE(0), at);
      counters.writeUInt32BE(high, at + 4);
      counters.writeUInt32BE(middle, at + 8);
      counters.writeUInt16BE(low, at + 12);
      counters.writeUInt16BE(block, at + 14);
    }
    const stream = this.#ecb.update(counters);
    for (let i = 0; i < data.length; i++) data[i] = data[i]! ^ stream[i]!;
  }
}

/** Key derivation with rate 0: AES-CM keystream at x = (label || 0) xor master salt (section 4.3.1). */
function derive(keying: Buffer, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  keying.copy(counter, 0, MASTER_KEY_LENGTH, KEYING_LENGTH);
  counter[7] = counter[7]! ^ label;
  return createCipheriv('aes-128-ctr', keying.subarray(0, MASTER_KEY_LENGTH), counter).update(Buffer.alloc(length));
}
