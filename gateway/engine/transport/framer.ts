import { canonicalName } from '../sip/header-names.js';

export interface FramerEvents {
  /** One complete message. */
  message(text: string): void;
  /** A double CRLF: the other side's keep-alive (RFC 5626 section 3.5.1). */
  ping(): void;
  /** The head of a message that is too large; its body will be skipped. */
  oversize(head: string): void;
  /** Nothing more can be read from this stream. `head` is the message that shows it, where there is one. */
  garbage(reason: string, head?: string): void;
}

const MAX_START_LINE = 8192;
const PING = '\r\n\r\n';

/** Cuts a byte stream (latin1 text) into SIP messages by Content-Length: RFC 3261 section 18.3. */
export class Framer {
  readonly #limit: number;
  readonly #events: FramerEvents;
  #buffer = '';
  /** Bytes of an oversize body still to skip. */
  #skip = 0;
  /** Length of the message at the start of the buffer, 0 while its head is not complete. */
  #need = 0;
  #dead = false;

  constructor(messageBytes: number, events: FramerEvents) {
    this.#limit = messageBytes;
    this.#events = events;
  }

  /** Is part of a message waiting for its rest? */
  get partial(): boolean {
    return !PING.startsWith(this.#buffer) || this.#skip > 0;
  }

  push(chunk: string): void {
    this.#buffer = this.#buffer === '' ? chunk : this.#buffer + chunk;
    while (!this.#dead && this.#step());
  }

  /** @returns true when something was taken from the buffer and there may be more. */
  #step(): boolean {
    if (this.#skip > 0) return this.#skipBody();
    if (this.#need === 0 && !this.#readHead()) return false;
    if (this.#need === 0) return this.#buffer !== '';
    if (this.#buffer.length < this.#need) return false;
    const text = this.#take(this.#need);
    this.#need = 0;
    this.#events.message(text);
    return this.#buffer !== '';
  }

  #skipBody(): boolean {
    const skipped = Math.min(this.#skip, this.#buffer.length);
    this.#take(skipped);
    this.#skip -= skipped;
    return this.#buffer !== '';
  }

  #take(length: number): string {
    const text = this.#buffer.slice(0, length);
    this.#buffer = length === this.#buffer.length ? '' : this.#buffer.slice(length);
    return text;
  }

  /** @returns false when the head is not complete. Sets `#need`, or handles what is no acceptable head. */
  #readHead(): boolean {
    if (!this.#skipLineEnds()) return false;
    const lineEnd = this.#buffer.indexOf('\r\n');
    if (lineEnd === -1 ? this.#buffer.length > MAX_START_LINE : !looksLikeSip(this.#buffer.slice(0, lineEnd))) {
      return this.#fail('not a SIP message');
    }
    const headEnd = this.#buffer.indexOf('\r\n\r\n');
    if (headEnd === -1) return this.#buffer.length > this.#limit ? this.#fail('headers too large') : false;
    const length = contentLength(this.#buffer, headEnd);
    if (length === undefined)
      return this.#fail('missing or malformed Content-Length', this.#buffer.slice(0, headEnd + 4));
    this.#need = headEnd + 4 + length;
    if (this.#need <= this.#limit) return true;
    this.#need = 0;
    this.#skip = length;
    this.#events.oversize(this.#take(headEnd + 4));
    return true;
  }

  /** CRLFs between messages are no part of them (section 7.5). @returns false when nothing else is there yet. */
  #skipLineEnds(): boolean {
    while (this.#buffer.startsWith('\r\n')) {
      const ping = this.#buffer.startsWith(PING);
      // One CRLF may be the first half of a ping.
      if (!ping && PING.startsWith(this.#buffer)) return false;
      this.#take(ping ? 4 : 2);
      if (ping) this.#events.ping();
    }
    return !PING.startsWith(this.#buffer);
  }

  #fail(reason: string, head?: string): boolean {
    this.#dead = true;
    this.#buffer = '';
    this.#events.garbage(reason, head);
    return false;
  }
}

function looksLikeSip(startLine: string): boolean {
  return /^SIP\/\d|\sSIP\/\d+\.\d+\s*$/i.test(startLine);
}

/** Content-Length of the head ending at `headEnd`; `undefined` when missing, malformed or contradictory. */
function contentLength(text: string, headEnd: number): number | undefined {
  let found: number | undefined;
  for (let at = text.indexOf('\r\n') + 2; at > 1 && at < headEnd;) {
    const end = text.indexOf('\r\n', at);
    const c = text.charCodeAt(at) | 0x20;
    if (c === 0x63 || c === 0x6c) {
      const colon = text.indexOf(':', at);
      if (colon !== -1 && colon < end && canonicalName(text.slice(at, colon).trimEnd()) === 'content-length') {
        const value = text.slice(colon + 1, end).trim();
        if (!/^\d{1,9}$/.test(value) || (found !== undefined && found !== Number(value))) return undefined;
        found = Number(value);
      }
    }
    at = end + 2;
  }
  return found;
}
