import { BlockList, isIP } from 'node:net';

/** `10.0.0.0/8` or `2001:db8::/32`; a single address becomes /32 or /128. Undefined when it is neither, or has host bits set. */
export function readPrefix(text: string): string | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return undefined;
  const width = family === 4 ? 32 : 128;
  if (length === undefined) return `${address}/${width}`;
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > width) return undefined;
  const hostBits = BigInt(width - Number(length));
  return (addressBits(address) >> hostBits) << hostBits === addressBits(address) ? text : undefined;
}

/** Whether one of the prefixes covers the address. */
export function covers(prefixes: readonly string[], address: string): boolean {
  const list = new BlockList();
  for (const prefix of prefixes) {
    const [network = '', length] = prefix.split('/');
    list.addSubnet(network, Number(length), isIP(network) === 6 ? 'ipv6' : 'ipv4');
  }
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

export function isWildcardAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function addressBits(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  // A URL writes IPv6 in its canonical form: hexadecimal groups only, an embedded IPv4 address resolved.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => '0'), ...groups(tail ?? '')];
  return all.reduce((bits, part) => (bits << 16n) | BigInt(`0x${part}`), 0n);
}
