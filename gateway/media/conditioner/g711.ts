/** G.711 (ITU-T) to and from 16-bit linear samples, by table. */
import type { PbxCodec } from '../../config/types.js';

export type Law = Exclude<PbxCodec, 'opus'>;

export const isLaw = (codec: PbxCodec): codec is Law => codec !== 'opus';

const LINEAR: Readonly<Record<Law, Int16Array>> = {
  PCMA: Int16Array.from({ length: 256 }, (_, code) => alawToLinear(code)),
  PCMU: Int16Array.from({ length: 256 }, (_, code) => ulawToLinear(code)),
};
const ENCODE: Readonly<Record<Law, (sample: number) => number>> = { PCMA: linearToAlaw, PCMU: linearToUlaw };
const ACROSS: Readonly<Record<Law, Uint8Array>> = {
  PCMA: Uint8Array.from(LINEAR.PCMU, linearToAlaw),
  PCMU: Uint8Array.from(LINEAR.PCMA, linearToUlaw),
};

export function decodeLaw(payload: Buffer, law: Law): Int16Array {
  return Int16Array.from(payload, (code) => LINEAR[law][code] ?? 0);
}

export function encodeLaw(samples: Int16Array, law: Law): Buffer {
  return Buffer.from(Uint8Array.from(samples, ENCODE[law]));
}

/** From the other law to `law`. */
export function toLaw(payload: Buffer, law: Law): Buffer {
  return Buffer.from(payload.map((code) => ACROSS[law][code] ?? 0));
}

function alawToLinear(code: number): number {
  const byte = code ^ 0x55;
  const exponent = (byte >> 4) & 7;
  const mantissa = byte & 0x0f;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return (byte & 0x80) !== 0 ? magnitude : -magnitude;
}

function linearToAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = sample >= 0 ? sample : -sample - 1;
  let exponent = 7;
  for (let mask = 0x4000; exponent > 0 && (magnitude & mask) === 0; mask >>= 1) exponent -= 1;
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

function ulawToLinear(code: number): number {
  const byte = ~code & 0xff;
  const magnitude = ((((byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 7)) - 0x84;
  return (byte & 0x80) !== 0 ? -magnitude : magnitude;
}

function linearToUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 0x84;
  let exponent = 7;
  for (let mask = 0x4000; exponent > 0 && (magnitude & mask) === 0; mask >>= 1) exponent -= 1;
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}
