import { open, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { maskSip } from './mask.js';

/** One SIP message on the wire; the embedded SIP server's trace events fit. */
export interface SipTraceEvent {
  readonly direction: 'in' | 'out';
  readonly transport: string;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly raw: string;
}

export interface SipTrace {
  /** Takes a message. Never waits and never throws: what the disk cannot take in time is counted and left out. */
  write(event: SipTraceEvent): void;
  /** Writes what is waiting and closes the file. Idempotent. */
  close(): Promise<void>;
}

export interface SipTraceOptions {
  /** At this size the file is renamed to `<file>.1`, in place of an older one, and begun anew. */
  readonly maxBytes?: number;
  /** What may wait for the disk; more is left out. */
  readonly maxWaitingBytes?: number;
  /** Told once when the disk fails, and again when it works. */
  readonly log?: { warn(fields: object, message: string): void };
}

const MAX_BYTES = 100_000_000;
const MAX_WAITING_BYTES = 8_000_000;

/** Opens the trace for appending, mode 0600. Rejects when the file cannot be opened. */
export async function openSipTrace(file: string, options: SipTraceOptions = {}): Promise<SipTrace> {
  const handle = await open(file, 'a', 0o600);
  const { size } = await handle.stat();
  return new FileTrace(file, handle, size, options);
}

class FileTrace implements SipTrace {
  readonly #file: string;
  readonly #options: Required<Pick<SipTraceOptions, 'maxBytes' | 'maxWaitingBytes'>> & SipTraceOptions;
  #handle: FileHandle;
  #size: number;
  #waiting: SipTraceEvent[] = [];
  #waitingBytes = 0;
  #leftOut = 0;
  #failing = false;
  #writing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(file: string, handle: FileHandle, size: number, options: SipTraceOptions) {
    this.#file = file;
    this.#handle = handle;
    this.#size = size;
    this.#options = { maxBytes: MAX_BYTES, maxWaitingBytes: MAX_WAITING_BYTES, ...options };
  }

  write(event: SipTraceEvent): void {
    if (this.#closed !== undefined) return;
    if (this.#waitingBytes + event.raw.length > this.#options.maxWaitingBytes) {
      this.#leftOut++;
      return;
    }
    this.#waiting.push(event);
    this.#waitingBytes += event.raw.length;
    this.#writing ??= this.#drain();
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#writing;
      await this.#handle.close();
    })();
    return this.#closed;
  }

  async #drain(): Promise<void> {
    // Messages of one turn of the event loop go to the disk together; masking waits for it too.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      await this.#append(this.#takeLeftOut() + batch.map(line).join(''));
    }
    this.#writing = undefined;
  }

  #takeLeftOut(): string {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut === 0 ? '' : `${JSON.stringify({ time: new Date().toISOString(), leftOut })}\n`;
  }

  async #append(text: string): Promise<void> {
    try {
      const bytes = Buffer.from(text);
      if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) await this.#rotate();
      await this.#handle.appendFile(bytes);
      this.#size += bytes.length;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.log?.warn({ err: error, file: this.#file }, 'SIP trace cannot be written');
      this.#failing = true;
    }
  }

  async #rotate(): Promise<void> {
    await rename(this.#file, `${this.#file}.1`);
    const handle = await open(this.#file, 'a', 0o600);
    await this.#handle.close();
    this.#handle = handle;
    this.#size = (await stat(this.#file)).size;
  }
}

function line(event: SipTraceEvent): string {
  const { direction, transport, local, remote, at, raw } = event;
  const fields = {
    time: new Date(at).toISOString(),
    direction,
    transport,
    local: hostPort(local),
    remote: hostPort(remote),
    message: maskSip(raw),
  };
  return `${JSON.stringify(fields)}\n`;
}

function hostPort({ address, port }: SipTraceEvent['local']): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
