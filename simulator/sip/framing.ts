const HEADER_END = Buffer.from('\r\n\r\n');
const MAX_MESSAGE = 1 << 20;

/** What a piece of the stream holds besides keep-alives. */
export interface FrameSink {
  /** One whole SIP message. */
  message(raw: string): void;
  /** A keep-alive ping (two CRLF, RFC 5626 section 4.4.1). */
  ping(): void;
  /** The stream cannot be SIP; nothing more will be framed. */
  broken(why: string): void;
}

/** Cuts a TLS byte stream into SIP messages by Content-Length (RFC 3261 section 18.3). */
export class Framer {
  #pending: Buffer = Buffer.alloc(0);
  #broken = false;

  constructor(private readonly sink: FrameSink) {}

  push(chunk: Buffer): void {
    if (this.#broken) return;
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk;
    while (!this.#broken && this.#takeOne());
  }

  #takeOne(): boolean {
    this.#skipKeepAlive();
    const end = this.#pending.indexOf(HEADER_END);
    if (end < 0) {
      if (this.#pending.length > MAX_MESSAGE) this.#break('header longer than 1 MiB');
      return false;
    }
    const length = /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)/i.exec(this.#pending.toString('latin1', 0, end))?.[1];
    if (length === undefined) {
      this.#break('message without Content-Length on a stream');
      return false;
    }
    const total = end + HEADER_END.length + Number(length);
    if (total > MAX_MESSAGE) this.#break('message longer than 1 MiB');
    if (this.#broken || this.#pending.length < total) return false;
    const raw = this.#pending.toString('utf8', 0, total);
    this.#pending = this.#pending.subarray(total);
    this.sink.message(raw);
    return true;
  }

  #skipKeepAlive(): void {
    let at = 0;
    while (this.#pending[at] === 13 && this.#pending[at + 1] === 10) at += 2;
    if (at >= 4) this.sink.ping();
    if (at > 0) this.#pending = this.#pending.subarray(at);
  }

  #break(why: string): void {
    this.#broken = true;
    this.sink.broken(why);
  }
}
