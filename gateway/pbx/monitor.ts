/** Whether one host is there: by what calls tell, and by OPTIONS. */
import type { ProbeResult } from '../sip/port.js';

export interface MonitorDeps {
  /** Never rejects. */
  readonly probe: () => Promise<ProbeResult>;
  /** Between two probes, ms; 0: no probes, and who was not reached is tried again after a while. */
  readonly intervalMs: number;
  readonly changed: (up: boolean, detail: string) => void;
}

/** Without OPTIONS nobody tells that a host is back. */
const RETRY_AFTER_MS = 30_000;

export class Monitor {
  readonly #deps: MonitorDeps;
  #timer: NodeJS.Timeout | undefined;
  #up = true;
  #closed = false;

  /** A host counts as alive until it is found dead. */
  constructor(deps: MonitorDeps) {
    this.#deps = deps;
  }

  /** Probes at once, and then again and again. */
  start(): void {
    if (this.#deps.intervalMs > 0) void this.#qualify();
  }

  get up(): boolean {
    return this.#up;
  }

  /** What a call or a registration has found out. */
  report(how: 'answered' | 'unreachable'): void {
    this.#set(how === 'answered', how);
    if (this.#deps.intervalMs > 0) return;
    clearTimeout(this.#timer);
    if (how === 'unreachable') this.#after(RETRY_AFTER_MS, () => this.#set(true, 'to be tried again'));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #qualify(): Promise<void> {
    const result = await this.#deps.probe();
    if (this.#closed) return;
    // Any final response shows that somebody is there (404, 405 and 403 too).
    if (result.kind === 'answered') this.#set(true, `OPTIONS answered ${result.status}`);
    else this.#set(false, result.detail);
    this.#after(this.#deps.intervalMs, () => void this.#qualify());
  }

  #set(up: boolean, detail: string): void {
    if (this.#closed || this.#up === up) return;
    this.#up = up;
    this.#deps.changed(up, detail);
  }

  #after(ms: number, run: () => void): void {
    if (!this.#closed) this.#timer = setTimeout(run, ms);
  }
}
