/** The thread that relays: apart from the calls, so that neither a burst of SIP nor a collection delays a packet. */
import { parentPort } from 'node:worker_threads';
import { loadOpus } from './codec.js';
import type { FromWorker, RelayOptions, ToWorker } from './messages.js';
import { Relay } from './relay.js';

/** Silence leaves at most this late; with the stream's own patience that keeps gaps under 40 ms. */
const TICK_MS = 3;
/** A silent side is reported at most this late. */
const CHECK_MS = 250;

const owner = parentPort;
if (owner === null) throw new Error('conditioner/worker: to be started as a worker thread');

const relays = new Map<number, Relay>();
/** Closed while it was being opened. */
const unwanted = new Set<number>();
const opening = new Set<number>();
let ticker: NodeJS.Timeout | undefined;
let checker: NodeJS.Timeout | undefined;

function say(message: FromWorker): void {
  owner?.postMessage(message);
}

async function open(id: number, options: RelayOptions): Promise<void> {
  opening.add(id);
  try {
    const relay = await Relay.open(options, (trouble) => say({ type: 'trouble', id, trouble }));
    if (unwanted.delete(id)) return relay.close();
    relays.set(id, relay);
    ticker ??= setInterval(tick, TICK_MS);
    checker ??= setInterval(check, CHECK_MS);
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
    clearInterval(checker);
    checker = undefined;
  }
}

function tick(): void {
  const now = performance.now();
  for (const relay of relays.values()) relay.tick(now);
}

function check(): void {
  const now = performance.now();
  for (const relay of relays.values()) relay.check(now);
}

loadOpus();
owner.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'open':
      void open(message.id, message.options);
      return;
    case 'pbx':
      relays.get(message.id)?.pbx(message.route);
      return;
    case 'ring':
      relays.get(message.id)?.ring();
      return;
    case 'key':
      relays.get(message.id)?.key(message.code, message.durationMs);
      return;
    case 'start':
      relays.get(message.id)?.start(message.route);
      return;
    case 'close':
      close(message.id);
      return;
  }
});
