import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A value of rtpengine's ng protocol. */
export type NgValue = string | number | readonly NgValue[] | { readonly [key: string]: NgValue };
export type NgDictionary = Readonly<Record<string, NgValue>>;

/**
 * Sends one ng request over UDP and returns the answer, whatever its `result` says.
 * @param timeoutMs asked again after a quarter of it; rtpengine answers a repeated cookie from its memory
 * @throws Error when no answer came in time
 */
export async function ngRequest(port: number, request: NgDictionary, timeoutMs = 2000): Promise<NgDictionary> {
  const socket = createSocket('udp4');
  const cookie = randomBytes(6).toString('hex');
  const datagram = Buffer.from(`${cookie} ${bencode(request)}`);
  const send = (): void => socket.send(datagram, port, '127.0.0.1', () => undefined);
  const repeat = setInterval(send, timeoutMs / 4);
  socket.on('error', () => undefined); // port unreachable: not there yet
  send();
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const [message] = (await once(socket, 'message', { signal })) as [Buffer];
      const text = message.toString('latin1');
      if (text.startsWith(`${cookie} `)) return bdecode(Buffer.from(text.slice(cookie.length + 1), 'latin1'));
    }
  } catch (cause) {
    throw new Error(
      `rtpengine at 127.0.0.1:${port} did not answer ${JSON.stringify(request.command)} in ${timeoutMs} ms`,
      {
        cause,
      },
    );
  } finally {
    clearInterval(repeat);
    socket.close();
  }
}

/** Bencoding: `3:abc`, `i5e`, `l…e`, `d…e`. Lengths are in bytes. */
export function bencode(value: NgValue): string {
  if (typeof value === 'string') return `${Buffer.byteLength(value)}:${value}`;
  if (typeof value === 'number') return `i${Math.trunc(value)}e`;
  if (isList(value)) return `l${value.map(bencode).join('')}e`;
  return `d${Object.entries(value)
    .map(([key, item]) => bencode(key) + bencode(item))
    .join('')}e`;
}

const isList = (value: NgValue): value is readonly NgValue[] => Array.isArray(value);

/** @throws Error when the bytes are not one bencoded dictionary */
export function bdecode(bytes: Buffer): NgDictionary {
  const { value, end } = decodeAt(bytes, 0);
  if (end !== bytes.length || typeof value !== 'object' || isList(value)) throw new Error('not a bencoded dictionary');
  return value;
}

function decodeAt(bytes: Buffer, at: number): { value: NgValue; end: number } {
  const kind = String.fromCharCode(bytes[at] ?? 0);
  if (kind === 'i') {
    const end = bytes.indexOf('e', at);
    return { value: Number(bytes.toString('latin1', at + 1, end)), end: end + 1 };
  }
  if (kind === 'l' || kind === 'd') {
    const { items, end } = decodeItems(bytes, at + 1);
    return { value: kind === 'l' ? items : dictionary(items), end };
  }
  const colon = bytes.indexOf(':', at);
  const length = Number(bytes.toString('latin1', at, colon));
  const end = colon + 1 + length;
  if (colon === -1 || !Number.isInteger(length) || end > bytes.length) throw new Error(`bad bencoding at byte ${at}`);
  return { value: bytes.toString('utf8', colon + 1, end), end };
}

function decodeItems(bytes: Buffer, start: number): { items: NgValue[]; end: number } {
  const items: NgValue[] = [];
  let at = start;
  while (bytes[at] !== 'e'.charCodeAt(0)) {
    const { value, end } = decodeAt(bytes, at);
    items.push(value);
    at = end;
  }
  return { items, end: at + 1 };
}

function dictionary(items: readonly NgValue[]): NgDictionary {
  const entries: [string, NgValue][] = [];
  for (let i = 0; i + 1 < items.length; i += 2) {
    const key = items[i];
    if (typeof key !== 'string') throw new Error('a bencoded dictionary has a key that is no string');
    entries.push([key, items[i + 1] ?? '']);
  }
  return Object.fromEntries(entries);
}
