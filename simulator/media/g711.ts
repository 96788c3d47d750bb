/** G.711 (ITU-T) to and from 16-bit linear samples. */

export function decodeAlaw(code: number): number {
  const byte = code ^ 0x55;
  const exponent = (byte >> 4) & 7;
  const mantissa = byte & 0x0f;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return (byte & 0x80) !== 0 ? magnitude : -magnitude;
}

export function encodeAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(sample >= 0 ? sample : -sample - 1, 32767);
  let exponent = 7;
  for (let mask = 0x4000; exponent > 0 && (magnitude & mask) === 0; mask >>= 1) exponent--;
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

export function decodeUlaw(code: number): number {
  const byte = ~code & 0xff;
  const magnitude = ((((byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 7)) - 0x84;
  return (byte & 0x80) !== 0 ? -magnitude : magnitude;
}

export function encodeUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 0x84;
  let exponent = 7;
  for (let mask = 0x4000; exponent > 0 && (magnitude & mask) === 0; mask >>= 1) exponent--;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}
