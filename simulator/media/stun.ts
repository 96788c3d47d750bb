import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** STUN (RFC 8489) as far as an ICE-lite agent needs it: Binding requests in, Binding responses out. */

export const BINDING_REQUEST = 0x0001;
export const BINDING_SUCCESS = 0x0101;
export const BINDING_ERROR = 0x0111;

const MAGIC_COOKIE = 0x2112a442;
const HEADER_LENGTH = 20;
const FINGERPRINT_XOR = 0x5354554e;

const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const XOR_MAPPED_ADDRESS = 0x0020;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const ICE_CONTROLLED = 0x8029;
const ICE_CONTROLLING = 0x802a;

export interface StunMessage {
  readonly type: number;
  readonly transactionId: Buffer;
  readonly username: string | undefined;
  readonly priority: number | undefined;
  readonly useCandidate: boolean;
  readonly role: 'controlling' | 'controlled' | undefined;
  /** RFC 8489, section 14.5: true where MESSAGE-INTEGRITY is there and matches the password. */
  readonly hasIntegrity: (password: string) => boolean;
}

/** RFC 7983: the first byte of a datagram tells STUN (0 to 3) from DTLS and SRTP. */
export function looksLikeStun(datagram: Buffer): boolean {
  return datagram.length >= HEADER_LENGTH && datagram[0]! < 4 && datagram.readUInt32BE(4) === MAGIC_COOKIE;
}

/** Parses a STUN message; undefined where it is malformed or its FINGERPRINT, which ICE demands, is missing or wrong. */
export function parseStun(datagram: Buffer): StunMessage | undefined {
  if (!looksLikeStun(datagram) || datagram.readUInt16BE(2) + HEADER_LENGTH !== datagram.length) return undefined;
  let username: string | undefined;
  let priority: number | undefined;
  let useCandidate = false;
  let role: StunMessage['role'];
  let integrityAt: number | undefined;
  let fingerprinted = false;
  for (let at = HEADER_LENGTH; at + 4 <= datagram.length;) {
    const type = datagram.readUInt16BE(at);
    const length = datagram.readUInt16BE(at + 2);
    const value = datagram.subarray(at + 4, at + 4 + length);
    if (value.length < length) return undefined;
    if (type === FINGERPRINT) {
      if (length !== 4 || value.readUInt32BE(0) !== fingerprint(datagram.subarray(0, at))) return undefined;
      fingerprinted = true;
    } else if (integrityAt === undefined) {
      // Attributes after MESSAGE-INTEGRITY are ignored (section 14.5).
      if (type === USERNAME) username = value.toString('utf8');
      else if (type === PRIORITY && length === 4) priority = value.readUInt32BE(0);
      else if (type === USE_CANDIDATE) useCandidate = true;
      else if (type === ICE_CONTROLLING) role = 'controlling';
      else if (type === ICE_CONTROLLED) role = 'controlled';
      else if (type === MESSAGE_INTEGRITY && length === 20) integrityAt = at;
    }
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  if (!fingerprinted) return undefined;
  return {
    type: datagram.readUInt16BE(0),
    transactionId: datagram.subarray(8, HEADER_LENGTH),
    username,
    priority,
    useCandidate,
    role,
    hasIntegrity: (password) => integrityAt !== undefined && integrityMatches(datagram, integrityAt, password),
  };
}

/** Binding success response with the address the request came from (section 14.2), integrity and fingerprint. */
export function bindingSuccess(request: StunMessage, address: string, port: number, password: string): Buffer {
  const value = Buffer.alloc(8);
  value[1] = 0x01; // IPv4
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  value.writeUInt32BE((ipv4ToNumber(address) ^ MAGIC_COOKIE) >>> 0, 4);
  return seal(BINDING_SUCCESS, request.transactionId, [attribute(XOR_MAPPED_ADDRESS, value)], password);
}

/** Binding error response (section 14.8). Without a password it carries no integrity, as for 400 and 401. */
export function bindingError(request: StunMessage, code: number, reason: string, password?: string): Buffer {
  const value = Buffer.concat([Buffer.from([0, 0, Math.floor(code / 100), code % 100]), Buffer.from(reason)]);
  return seal(BINDING_ERROR, request.transactionId, [attribute(ERROR_CODE, value)], password);
}

/** Binding request as an ICE agent sends it (RFC 8445, section 7.1): for tests of the responder. */
export function bindingRequest(options: {
  readonly transactionId: Buffer;
  readonly username: string;
  readonly password: string;
  readonly role: 'controlling' | 'controlled';
  readonly useCandidate?: boolean;
}): Buffer {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(0x6e7f1eff);
  const attributes = [
    attribute(USERNAME, Buffer.from(options.username)),
    attribute(PRIORITY, priority),
    attribute(options.role === 'controlling' ? ICE_CONTROLLING : ICE_CONTROLLED, Buffer.alloc(8, 7)),
  ];
  if (options.useCandidate === true) attributes.push(attribute(USE_CANDIDATE, Buffer.alloc(0)));
  return seal(BINDING_REQUEST, options.transactionId, attributes, options.password);
}

function seal(type: number, transactionId: Buffer, attributes: readonly Buffer[], password?: string): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt16BE(type, 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(header, 8);
  let message = Buffer.concat([header, ...attributes]);
  if (password !== undefined) {
    // The length counts the attribute that is being computed (sections 14.5 and 14.7).
    message.writeUInt16BE(message.length - HEADER_LENGTH + 24, 2);
    const mac = createHmac('sha1', password).update(message).digest();
    message = Buffer.concat([message, attribute(MESSAGE_INTEGRITY, mac)]);
  }
  message.writeUInt16BE(message.length - HEADER_LENGTH + 8, 2);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(fingerprint(message));
  return Buffer.concat([message, attribute(FINGERPRINT, crc)]);
}

function attribute(type: number, value: Buffer): Buffer {
  const out = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(value.length, 2);
  value.copy(out, 4);
  return out;
}

function fingerprint(message: Buffer): number {
  return (crc32(message) ^ FINGERPRINT_XOR) >>> 0;
}

function integrityMatches(datagram: Buffer, at: number, password: string): boolean {
  const covered = Buffer.from(datagram.subarray(0, at));
  covered.writeUInt16BE(at - HEADER_LENGTH + 24, 2);
  const mac = createHmac('sha1', password).update(covered).digest();
  return timingSafeEqual(mac, datagram.subarray(at + 4, at + 24));
}

function ipv4ToNumber(address: string): number {
  return address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0);
}
