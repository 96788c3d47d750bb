import { Worker } from 'node:worker_threads';
import type { FromWorker, RelayCounters, RelayRoute, ToWorker } from './messages.js';

/** One relay as its call sees it. Calls after {@link RelayHandle.close} do nothing. */
export interface RelayHandle {
  /** UDP port on the address asked for: what the PBX and rtpengine are told. */
  readonly port: number;
  /** Packets flow from now on, silence first; called again, they flow elsewhere. */
  start(route: RelayRoute): void;
  /** Resolves with the counters, or undefined when the worker is gone. Idempotent. */
  close(): Promise<RelayCounters | undefined>;
}

interface Entry {
  readonly onLost: (reason: string) => void;
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
   * Opens a relay on a free port of `address`.
   * @throws Error when no port can be bound there, or the conditioner is closed
   */
  async open(address: string, onLost: (reason: string) => void): Promise<RelayHandle> {
    if (this.#closed) throw new Error('the media conditioner is closed');
    const id = this.#nextId++;
    const entry: Entry = { onLost };
    this.#entries.set(id, entry);
    try {
      const port = await new Promise<number>((resolve, reject) => {
        entry.opened = resolve;
        entry.failed = (reason) => reject(new Error(`no RTP port on ${address}: ${reason}`));
        this.#say({ type: 'open', id, address });
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
    return {
      port,
      start: (route) => this.#entries.has(id) && this.#say({ type: 'start', id, route }),
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
