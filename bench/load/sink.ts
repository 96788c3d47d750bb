import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/**
 * A UDP port on loopback that swallows media. Nobody reads it: once its buffer is full the kernel drops what comes,
 * which costs the load generator nothing, and the sender gets no ICMP error as it would from a closed port.
 */
export interface Sink {
  readonly port: number;
  close(): Promise<void>;
}

/** Binds and falls asleep: a socket of the main thread would be read. Text, because a thread does not run TypeScript. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads');
const socket = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 4096 });
socket.bind(0, '127.0.0.1', () => {
  parentPort.postMessage(socket.address().port);
  Atomics.wait(new Int32Array(workerData), 0, 0);
  socket.close();
});`;

export async function openSink(): Promise<Sink> {
  const awake = new SharedArrayBuffer(4);
  const worker = new Worker(THREAD, { eval: true, workerData: awake });
  const [port] = (await once(worker, 'message')) as [number];
  return {
    port,
    close: async () => {
      const cell = new Int32Array(awake);
      Atomics.store(cell, 0, 1);
      Atomics.notify(cell, 0);
      await worker.terminate();
    },
  };
}
