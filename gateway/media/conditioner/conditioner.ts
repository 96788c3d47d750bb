import { Worker } from 'node:worker_threads';
import type { MediaTrouble } from '../port.js';
import type { FromWorker, NodeRoute, PbxRoute, RelayCounters, RelayOptions, ToWorker } from './messages.js';

/** One relay as its call sees it. Calls after {@link RelayHandle.close} do nothing. */
export interface RelayHandle {
  /** UDP port on the address asked for: what the PBX and rtpengine are told. */
  readonly port: number;
  /** rtpengine sends, or was only now asked to; false before {@link RelayHandle.start}, and after `silenceMs` without a packet. */
  readonly hearsNode: boolean;
  /** The PBX's side from now on; to be told before anything flows, and again whenever it changes. */
  pbx(route: PbxRoute): void;
  /** A ringing tone to the PBX until {@link RelayHandle.start}. */
  ring(): void;
  /** Packets flow from now on, silence first. */
  start(route: NodeRoute): void;
  /** A key for WhatsApp. @param code as in RFC 4733 */
  key(code: number, durationMs: number): void;
  /** Resolves with the counters, or undefined when the worker is gone. Idempotent. */
  close(): Promise<RelayCounters | undefined>;
}

export interface RelayEvents {
  readonly onLost: (reason: string) => void;
  readonly onTrouble?: ((trouble: MediaTrouble) => void) | undefined;
}

interface Entry extends RelayEvents {
  hearsNode: boolean;
  opened?: (port: number) => void;
  failed?: (reason: string) => void;
  closed?: (counters: RelayCounters | undefined) => void;
}

/** node runs the compiled file; where tsx runs the source, it has to be told again for a thread. */
function startThread(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url));
  const [tsx, source] = [import.meta.resolve('tsx/esm/api'), new URL('./worker.ts', import.meta.url).href];
  return new Worker(`import('${tsx}').then((api) => (api.register(), import('${source}')))`, { eval: true });
}

/**
 * Owns the worker thread that relays plain RTP. A crashed worker ends its calls through `onLost`; the next call
 * starts a new one.
 */
export class Conditioner {
  readonly #entries = new Map<number, Entry>();
  readonly #onCrash: (error: Error) => void;
  #worker: Worker | undefined;
  #nextId = 1;
  #closed = false;

  constructor(onCrash: (error: Error) => void) {
    this.#onCrash = onCrash;
    this.#worker = this.#start(); // takes 50 ms, which the first call should not wait for
  }

  /**
   * Opens a relay on a free port of `options.address`.
   * @throws Error when no port can be bound there, or the conditioner is closed
   */
  async open(options: RelayOptions, events: RelayEvents): Promise<RelayHandle> {
    if (this.#closed) throw new Error('the media conditioner is closed');
    const id = this.#nextId++;
    const entry: Entry = { ...events, hearsNode: false };
    this.#entries.set(id, entry);
    try {
      const port = await new Promise<number>((resolve, reject) => {
        entry.opened = resolve;
        entry.failed = (reason) => reject(new Error(`no RTP port on ${options.address}: ${reason}`));
        this.#say({ type: 'open', id, options });
      });
      return this.#handle(id, entry, port);
    } catch (error) {
      this.#entries.delete(id);
      throw error;
    } finally {
      delete entry.opened;
      delete entry.failed;
    }
  }

  /** Ends the worker; open relays end with it, quietly. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = undefined;
    for (const entry of this.#take()) {
      entry.failed?.('the media conditioner is closed');
      entry.closed?.(undefined);
    }
    worker?.removeAllListeners();
    await worker?.terminate();
  }

  #handle(id: number, entry: Entry, port: number): RelayHandle {
    let closing: Promise<RelayCounters | undefined> | undefined;
    const sayOpen = (message: ToWorker): void => {
      if (this.#entries.has(id)) this.#say(message);
    };
    return {
      port,
      get hearsNode() {
        return entry.hearsNode;
      },
      pbx: (route) => sayOpen({ type: 'pbx', id, route }),
      ring: () => sayOpen({ type: 'ring', id }),
      start: (route) => {
        entry.hearsNode = true;
        sayOpen({ type: 'start', id, route });
      },
      key: (code, durationMs) => sayOpen({ type: 'key', id, code, durationMs }),
      close: () => {
        closing ??= new Promise((resolve) => {
          if (!this.#entries.has(id)) return resolve(undefined);
          entry.closed = resolve;
          this.#say({ type: 'close', id });
        });
        return closing;
      },
    };
  }

  #say(message: ToWorker): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = startThread();
    worker.unref();
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error: Error) => this.#crashed(worker, error));
    worker.on('exit', (code) => this.#crashed(worker, new Error(`the media conditioner ended with code ${code}`)));
    return worker;
  }

  #hear(message: FromWorker): void {
    const entry = this.#entries.get(message.id);
    switch (message.type) {
      case 'opened':
        return entry?.opened?.(message.port);
      case 'failed':
        return entry?.failed?.(message.reason);
      case 'trouble':
        if (entry !== undefined && message.trouble.from === 'whatsapp') entry.hearsNode = !message.trouble.present;
        return entry?.onTrouble?.(message.trouble);
      case 'closed':
        this.#entries.delete(message.id);
        return entry?.closed?.(message.counters);
    }
  }

  #crashed(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#onCrash(error);
    for (const entry of this.#take()) {
      if (entry.failed !== undefined) entry.failed(error.message);
      else if (entry.closed !== undefined) entry.closed(undefined);
      else entry.onLost(`the media conditioner crashed: ${error.message}`);
    }
  }

  #take(): Entry[] {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return entries;
  }
}
