/** Frames of drachtio's app protocol: `<length in bytes>#<payload>`, any number of them glued or split. Text is latin1. */
export class FrameReader {
  readonly #limit: number;
  #buffer = '';

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns the payloads that are complete now. Throws when the stream is not of this protocol. */
  push(chunk: string): string[] {
    this.#buffer = this.#buffer === '' ? chunk : this.#buffer + chunk;
    const payloads: string[] = [];
    let at = 0;
    for (;;) {
      const hash = this.#buffer.indexOf('#', at);
      const digits = this.#buffer.slice(at, hash === -1 ? Math.min(this.#buffer.length, at + 8) : hash);
      if (!/^\d{0,7}$/.test(digits) || (hash !== -1 && digits === '')) throw new Error('frame without a length');
      const length = Number(digits);
      if (length > this.#limit) throw new Error(`frame of ${length} bytes, ${this.#limit} allowed`);
      const start = hash + 1;
      if (hash === -1 || this.#buffer.length < start + length) break;
      payloads.push(this.#buffer.slice(start, start + length));
      at = start + length;
    }
    if (at > 0) this.#buffer = this.#buffer.slice(at);
    return payloads;
  }
}

/** @param payload latin1 text: its length in characters is that in bytes. */
export function frame(payload: string): string {
  return `${payload.length}#${payload}`;
}
