/** The thread that takes large payloads apart: 3 MB of JSON take 50 ms, and calls do not wait for that. */
import { parentPort } from 'node:worker_threads';
import { split, type Split } from './payload-split.js';

export interface ToWorker {
  readonly id: number;
  readonly bytes: Uint8Array;
}

export interface FromWorker {
  readonly id: number;
  /** undefined: not JSON. */
  readonly found: Split | undefined;
}

const owner = parentPort;
if (owner === null) throw new Error('http/payload-worker: to be started as a worker thread');

owner.on('message', ({ id, bytes }: ToWorker) => {
  owner.postMessage({ id, found: split(Buffer.from(bytes).toString('utf8')) } satisfies FromWorker);
});
