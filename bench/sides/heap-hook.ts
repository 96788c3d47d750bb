/**
 * Preloaded into the gateway (`node --expose-gc --import heap-hook.js`): whoever connects to the socket gets the heap
 * as it is after a forced collection. The product itself knows nothing of it, and nothing runs until somebody asks.
 */
import { createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const path = process.env.WA_TRUNK_HEAP_SOCKET;
if (isMainThread && path !== undefined) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // The second one takes what the finalizers of the first let go.
    globalThis.gc?.();
    setImmediate(() => {
      globalThis.gc?.();
      socket.end(JSON.stringify(process.memoryUsage()));
    });
  });
  server.listen(path);
  server.unref();
}
