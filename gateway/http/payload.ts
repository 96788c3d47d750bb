/** From the bytes of a webhook to payloads that are parsed in short steps. */
import { Worker } from 'node:worker_threads';
import { objectOf, type Split } from './payload-split.js';
import type { FromWorker, ToWorker } from './payload-worker.js';

/** About a millisecond of parsing. */
const AT_ONCE_BYTES = 65_536;
/** Of the thread, at most; then the payload counts as not read, and Meta sends it again. */
const LIMIT_MS = 5000;

export interface Payload {
  readonly object: unknown;
  /** Payloads that together say what the whole says; each is parsed when it is taken. */
  readonly parts: Iterable<unknown>;
}

interface Waiting {
  readonly resolve: (found: Split | undefined) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Owns the thread for large payloads, which starts with the first of them. */
export class PayloadReader {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;

  /** @returns undefined: not JSON */
  async read(bytes: Buffer): Promise<Payload | undefined> {
    if (bytes.length <= AT_ONCE_BYTES) return parse(bytes.toString('utf8'));
    const found = await this.#split(bytes);
    return found === undefined ? undefined : { object: found.object, parts: parsed(found.pieces) };
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#fail(new Error('the webhooks are closed'));
    await worker?.terminate();
  }

  #split(bytes: Buffer): Promise<Split | undefined> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`a payload was not taken apart within ${LIMIT_MS} ms`));
      }, LIMIT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      worker.postMessage({ id, bytes } satisfies ToWorker);
    });
  }

  #start(): Worker {
    const worker = startThread();
    worker.unref();
    worker.on('message', ({ id, found }: FromWorker) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      clearTimeout(waiting?.timer);
      waiting?.resolve(found);
    });
    const lost = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail(error);
    };
    worker.on('error', lost);
    worker.on('exit', (code) => lost(new Error(`the thread for large payloads ended with code ${code}`)));
    return worker;
  }

  #fail(error: Error): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}

function parse(text: string): Payload | undefined {
  try {
    const payload = JSON.parse(text) as unknown;
    return { object: objectOf(payload), parts: [payload] };
  } catch {
    return undefined;
  }
}

function* parsed(pieces: readonly string[]): Generator<unknown> {
  for (const piece of pieces) yield JSON.parse(piece) as unknown;
}

/** node runs the compiled file; where tsx runs the source, it has to be told again for a thread. */
function startThread(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./payload-worker.js', import.meta.url));
  const [tsx, source] = [import.meta.resolve('tsx/esm/api'), new URL('./payload-worker.ts', import.meta.url).href];
  return new Worker(`import('${tsx}').then((api) => (api.register(), import('${source}')))`, { eval: true });
}
