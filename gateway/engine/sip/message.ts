import { parseAddress, tagOf, type Address } from './address.js';
import { canonicalName } from './header-names.js';
import { splitList } from './params.js';
import { parseVia, type Via } from './via.js';

interface Line {
  readonly name: string;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
  readonly folded: boolean;
}

/**
 * A SIP message: the text as it came, with the places of its headers. Values are cut out when asked for.
 *
 * All text in the engine is latin1, one character a byte: UTF-8 and binary bodies pass through unchanged, and
 * lengths in characters are lengths in bytes.
 */
export class SipMessage {
  readonly raw: string;
  /** Empty for a response. */
  readonly method: string;
  readonly uri: string;
  /** Such as `2.0`. */
  readonly version: string;
  /** 0 for a request. */
  readonly status: number;
  readonly reason: string;
  /** What is wrong with the structure of the text, `undefined` when nothing is. */
  readonly fault: string | undefined;
  readonly #lines: readonly Line[];
  readonly #bodyStart: number;
  #bodyLength: number;
  #from: Address | null | undefined;
  #to: Address | null | undefined;
  #via: Via | null | undefined;

  constructor(raw: string, start: StartLine, head: Head) {
    this.raw = raw;
    this.method = start.method;
    this.uri = start.uri;
    this.version = start.version;
    this.status = start.status;
    this.reason = start.reason;
    this.fault = start.fault ?? head.fault;
    this.#lines = head.lines;
    this.#bodyStart = head.bodyStart;
    this.#bodyLength = raw.length - head.bodyStart;
  }

  get isRequest(): boolean {
    return this.status === 0;
  }

  get body(): string {
    return this.raw.slice(this.#bodyStart, this.#bodyStart + this.#bodyLength);
  }

  get bodyLength(): number {
    return this.#bodyLength;
  }

  /** Leaves out what follows the body in a datagram (RFC 3261 section 18.3). */
  limitBody(length: number): void {
    this.#bodyLength = Math.min(this.#bodyLength, length);
  }

  /** Text up to the end of the body. */
  get text(): string {
    const end = this.#bodyStart + this.#bodyLength;
    return end === this.raw.length ? this.raw : this.raw.slice(0, end);
  }

  /** Value of the first header line of that (lower-case, long) name, folding undone. */
  first(name: string): string | undefined {
    for (const line of this.#lines) if (line.name === name) return this.#value(line);
    return undefined;
  }

  has(name: string): boolean {
    return this.#lines.some((line) => line.name === name);
  }

  /** Values of all header lines of that name, in order, not split at commas. */
  all(name: string): string[] {
    const values: string[] = [];
    for (const line of this.#lines) if (line.name === name) values.push(this.#value(line));
    return values;
  }

  /** Values of all header lines of that name, split at commas. */
  list(name: string): string[] {
    return this.all(name).flatMap(splitList);
  }

  /** Every header line in order: canonical name, name as written, value. */
  *headers(): Generator<readonly [canonical: string, written: string, value: string]> {
    for (const line of this.#lines) {
      const colon = this.raw.indexOf(':', line.start);
      yield [line.name, this.raw.slice(line.start, colon).trimEnd(), this.#value(line)];
    }
  }

  /** From; `undefined` when missing or malformed. */
  get from(): Address | undefined {
    if (this.#from === undefined) this.#from = parseAddress(this.first('from') ?? '') ?? null;
    return this.#from ?? undefined;
  }

  get to(): Address | undefined {
    if (this.#to === undefined) this.#to = parseAddress(this.first('to') ?? '') ?? null;
    return this.#to ?? undefined;
  }

  get fromTag(): string | undefined {
    return this.from && tagOf(this.from);
  }

  get toTag(): string | undefined {
    return this.to && tagOf(this.to);
  }

  get callId(): string {
    return this.first('call-id') ?? '';
  }

  /** CSeq; `undefined` when missing or malformed (the number must be below 2^31, section 8.1.1.5). */
  get cseq(): { readonly seq: number; readonly method: string } | undefined {
    const match = /^(\d{1,20})\s+([^\s]+)$/.exec(this.first('cseq') ?? '');
    const seq = Number(match?.[1]);
    if (match?.[2] === undefined || seq >= 2 ** 31) return undefined;
    return { seq, method: match[2] };
  }

  /** The topmost Via; `undefined` when missing or malformed. */
  get via(): Via | undefined {
    if (this.#via === undefined) {
      const top = splitList(this.first('via') ?? '')[0];
      this.#via = (top === undefined ? undefined : parseVia(top)) ?? null;
    }
    return this.#via ?? undefined;
  }

  #value(line: Line): string {
    const value = this.raw.slice(line.valueStart, line.end).trimEnd();
    return line.folded ? value.replace(/\s*\r\n[ \t]+/g, ' ').trim() : value;
  }
}

interface StartLine {
  method: string;
  uri: string;
  version: string;
  status: number;
  reason: string;
  fault?: string;
}

interface Head {
  lines: Line[];
  bodyStart: number;
  fault?: string;
}

/**
 * Reads the places of start line and headers of a complete message.
 * @returns `undefined` when the text does not begin with anything like a SIP start line. Lesser faults are in `fault`.
 */
export function parseMessage(raw: string): SipMessage | undefined {
  const lineEnd = raw.indexOf('\r\n');
  const start = parseStartLine(lineEnd === -1 ? raw : raw.slice(0, lineEnd));
  if (start === undefined) return undefined;
  return new SipMessage(raw, start, parseHead(raw, lineEnd === -1 ? raw.length : lineEnd + 2));
}

function parseStartLine(line: string): StartLine | undefined {
  if (/^SIP\/\d/i.test(line)) {
    const match = /^SIP\/(\d+\.\d+) (\d{3})(?: (.*))?$/i.exec(line);
    if (match === null) return undefined;
    const status = Number(match[2]);
    if (status < 100 || status > 699) return undefined;
    return { method: '', uri: '', version: match[1] ?? '', status, reason: match[3] ?? '' };
  }
  const methodEnd = line.indexOf(' ');
  const versionAt = line.toUpperCase().lastIndexOf(' SIP/');
  if (methodEnd <= 0 || versionAt < methodEnd) return undefined;
  const method = line.slice(0, methodEnd);
  const uri = line.slice(methodEnd + 1, Math.max(versionAt, methodEnd + 1));
  const version = line.slice(versionAt + 5).trimEnd();
  if (!isToken(method) || !/^\d+\.\d+$/.test(version)) return undefined;
  const start: StartLine = { method, uri, version, status: 0, reason: '' };
  if (uri === '' || /[\s<>"]/.test(uri)) start.fault = 'Malformed Request-URI';
  else if (line.length !== versionAt + 5 + version.length) start.fault = 'Malformed Request-Line';
  return start;
}

function parseHead(raw: string, from: number): Head {
  const head: Head = { lines: [], bodyStart: raw.length };
  let at = from;
  while (at < raw.length) {
    let end = raw.indexOf('\r\n', at);
    if (end === at) {
      head.bodyStart = at + 2;
      return head;
    }
    if (end === -1) end = raw.length;
    let folded = false;
    for (let next = raw.charCodeAt(end + 2); next === 0x20 || next === 0x09; next = raw.charCodeAt(end + 2)) {
      folded = true;
      end = raw.indexOf('\r\n', end + 2);
      if (end === -1) end = raw.length;
    }
    const line = parseLine(raw, at, end, folded);
    if (line === undefined) head.fault ??= 'Malformed header line';
    else head.lines.push(line);
    at = end + 2;
  }
  return head;
}

function parseLine(raw: string, start: number, end: number, folded: boolean): Line | undefined {
  const colon = raw.indexOf(':', start);
  if (colon === -1 || colon > end) return undefined;
  let nameEnd = colon;
  while (nameEnd > start && isSpace(raw.charCodeAt(nameEnd - 1))) nameEnd--;
  const written = raw.slice(start, nameEnd);
  if (!isToken(written)) return undefined;
  let valueStart = colon + 1;
  while (valueStart < end && isSpace(raw.charCodeAt(valueStart))) valueStart++;
  return { name: canonicalName(written), start, valueStart, end, folded };
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** token of RFC 3261 section 25.1. */
export function isToken(text: string): boolean {
  return /^[A-Za-z0-9!%'*+\-._`~]+$/.test(text);
}
