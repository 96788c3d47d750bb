import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/** Something held until it is closed. `close()` may be called more than once. */
export interface Held {
  close(): Promise<void>;
}

/**
 * Takes a machine-wide lock if it is free. It is an abstract Unix socket: the kernel drops it when its holder ends,
 * however it ends, so a stale lock cannot exist.
 */
export async function tryLock(name: string): Promise<Held | undefined> {
  const server = createServer();
  server.unref();
  try {
    server.listen({ path: addressOf(name) });
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  const waiting = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    waiting.add(socket.unref());
    socket.on('error', () => undefined).once('close', () => waiting.delete(socket));
  });
  return { close: () => closed(server, waiting) };
}

/** Takes a lock; while another process has it, waits until that lets go. `onWait` is called once if it must wait. */
export async function lock(name: string, signal?: AbortSignal, onWait?: () => void): Promise<Held> {
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    const held = await tryLock(name);
    if (held !== undefined) return held;
    if (!told) onWait?.();
    told = true;
    await released(name, signal);
  }
}

/** The holder's server ends our connection when it lets go or dies; refused or reset means free again, too. */
async function released(name: string, signal: AbortSignal | undefined): Promise<void> {
  const socket = connect({ path: addressOf(name) }).resume();
  socket.on('error', () => undefined);
  const giveUp = (): void => void socket.destroy();
  signal?.addEventListener('abort', giveUp);
  await new Promise((resolve) => socket.once('close', resolve));
  signal?.removeEventListener('abort', giveUp);
}

function addressOf(name: string): string {
  return `\0wa-trunk-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

async function closed(server: Server, waiting: Iterable<{ destroy(): void }>): Promise<void> {
  if (!server.listening) return;
  const done = once(server, 'close');
  server.close();
  for (const socket of waiting) socket.destroy();
  await done;
}
