/** The thread that relays: apart from the calls, so that neither a burst of SIP nor a collection delays a packet. */
import { parentPort } from 'node:worker_threads';
import type { FromWorker, ToWorker } from './messages.js';
import { Relay } from './relay.js';

/** Silence leaves at most this late; with the stream's own patience that keeps gaps under 40 ms. */
const TICK_MS = 3;

const owner = parentPort;
if (owner === null) throw new Error('conditioner/worker: to be started as a worker thread');

const relays = new Map<number, Relay>();
/** Closed while it was being opened. */
const unwanted = new Set<number>();
const opening = new Set<number>();
let ticker: NodeJS.Timeout | undefined;

function say(message: FromWorker): void {
  owner?.postMessage(message);
}

async function open(id: number, address: string): Promise<void> {
  opening.add(id);
  try {
    const relay = await Relay.open(address);
    if (unwanted.delete(id)) return relay.close();
    relays.set(id, relay);
    ticker ??= setInterval(tick, TICK_MS);
    say({ type: 'opened', id, port: relay.port });
  } catch (error) {
    unwanted.delete(id);
    say({ type: 'failed', id, reason: error instanceof Error ? error.message : String(error) });
  } finally {
    opening.delete(id);
  }
}

function close(id: number): void {
  const relay = relays.get(id);
  if (relay === undefined) {
    if (opening.has(id)) unwanted.add(id);
    return;
  }
  relays.delete(id);
  relay.close();
  say({ type: 'closed', id, counters: relay.counters });
  if (relays.size === 0) {
    clearInterval(ticker);
    ticker = undefined;
  }
}

function tick(): void {
  const now = performance.now();
  for (const relay of relays.values()) relay.tick(now);
}

owner.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'open':
      void open(message.id, message.address);
      return;
    case 'start':
      relays.get(message.id)?.start(message.route);
      return;
    case 'close':
      close(message.id);
      return;
  }
});
