import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { secret } from '../../../gateway/config/secret.js';
import { startWebhooks } from '../../../gateway/http/webhooks.js';
import type { WebhookEvent } from '../../../gateway/whatsapp/webhooks/events.js';
import { dispatch, type WebhookHandlers } from '../../../gateway/whatsapp/webhooks/handlers.js';
import { Inbox } from '../../../gateway/whatsapp/webhooks/inbox.js';
import { readWebhook } from '../../../gateway/whatsapp/webhooks/read.js';
import { APP_SECRET, Meta, PATH, signature, VERIFY_TOKEN } from '../../http/meta.js';
import { emptyStore } from '../../store/engines.js';
import { callCreated, payload, reply, settings, terminate, type Change } from './payloads.js';

const [CALLS, USERS, REPLIES_EACH, SETTINGS] = [1000, 200, 8, 400];
const [TOTAL, FALSE_ONES] = [10_000, 1000];
const SENDERS = 4;

/** The same every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}
const random = generator(4);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

const START = Math.floor(Date.now() / 1000) - 86_400;
const at = (second: number): object => ({ timestamp: String(START + second) });

/** Each true one once, as it happened. */
function truth(): readonly Change[] {
  const calls = Array.from({ length: CALLS }, (_, n) => [
    callCreated(`wacid.${n}`, at(n)),
    terminate(`wacid.${n}`, { ...at(n + (n % 5)), status: n % 7 === 0 ? 'FAILED' : 'COMPLETED' }),
  ]);
  const replies = Array.from({ length: USERS * REPLIES_EACH }, (_, n) => {
    const from = String(447_700_900_000 + (n % USERS));
    const response = random() < 0.5 ? 'accept' : 'reject';
    return reply(`wamid.${n}`, { response }, { from, ...at(n) });
  });
  const changes = Array.from({ length: SETTINGS }, (_, n) => settings({ call_icon_visibility: `v${n}` }, at(n)));
  return [...calls.flat(), ...replies, ...changes];
}

/** What handlers make of events: the state that the flood must end in. */
class State {
  readonly calls = new Map<string, string>();
  readonly permissions = new Map<string, string>();
  settings: unknown;
  readonly told = new Map<string, number>();
  readonly handlers: WebhookHandlers = {
    callCreated: (event) => this.#set(event, () => this.calls.set(event.wacid, 'created')),
    callTerminated: (event) => this.#set(event, () => this.calls.set(event.wacid, event.status)),
    permissionReply: (event) => this.#set(event, () => this.permissions.set(event.user, event.response)),
    settingsChanged: (event) => this.#set(event, () => (this.settings = event.calling)),
    voicemail: () => Promise.reject(new Error('nobody sent that')),
    accountChanged: () => Promise.reject(new Error('nobody sent that')),
  };

  snapshot(): object {
    const sorted = (map: Map<string, string>): object => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return { calls: sorted(this.calls), permissions: sorted(this.permissions), settings: this.settings };
  }

  #set(event: WebhookEvent, set: () => unknown): Promise<void> {
    const key = JSON.stringify(event.raw);
    this.told.set(key, (this.told.get(key) ?? 0) + 1);
    set();
    return Promise.resolve();
  }
}

/** What the true ones make of it, each once and in order. */
async function expected(changes: readonly Change[], handlers: WebhookHandlers): Promise<void> {
  for (const event of readWebhook(payload(...changes), Date.now()))
    if (event.kind !== 'unknown') await dispatch(event, handlers);
}

interface Sending {
  readonly body: Buffer;
  readonly signature: string;
  /** What must be answered; a true one may get 503 first, and is sent again. */
  readonly status: 200 | 400 | 401;
}

/** How long this process wanted the processor, or waited for nothing, and the machine gave it to others. */
class Starved {
  ms = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(intervalMs = 10) {
    let [last, used] = [performance.now(), process.cpuUsage()];
    this.#timer = setInterval(() => {
      const { user, system } = process.cpuUsage(used);
      const now = performance.now();
      this.ms += Math.max(0, now - last - intervalMs - (user + system) / 1000);
      [last, used] = [now, process.cpuUsage()];
    }, intervalMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

const body = (change: Change): Buffer => Buffer.from(JSON.stringify(payload(change)));

/** Says something else than any true one, so that it would be seen. */
function falseOne(n: number): Sending {
  const lie = body(pick([callCreated(`wacid.false${n}`), settings({ call_icon_visibility: 'false' }, at(1e5))]));
  const right = signature(lie);
  switch (n % 5) {
    case 0:
      return { body: lie, signature: signature(lie, 'of a stranger'), status: 401 };
    case 1:
      return {
        body: Buffer.from(lie.toString().replace('WABA', 'waba').replace('"id"', '"Id"')),
        signature: right,
        status: 401,
      };
    case 2:
      return { body: lie, signature: '', status: 401 };
    case 3:
      return { body: lie, signature: right.slice(0, -1) + (right.endsWith('0') ? '1' : '0'), status: 401 };
    default: {
      const cut = lie.subarray(0, lie.length - 1 - Math.floor(random() * 100));
      return { body: cut, signature: signature(cut), status: 400 };
    }
  }
}

test(`${TOTAL} webhooks, shuffled, doubled and forged: each true one counts once, in order, and no false one`, async (t) => {
  const empty = await emptyStore('sqlite');
  const [wanted, state] = [new State(), new State()];
  const changes = truth();
  await expected(changes, wanted.handlers);
  const counted: Record<string, number> = {};
  const count = (name: string): void => void (counted[name] = (counted[name] ?? 0) + 1);
  const log = { warn: () => undefined, error: () => undefined };
  const inbox = new Inbox({
    ...{ store: empty.store, handlers: state.handlers, log, now: Date.now },
    observe: {
      ...{ accepted: () => count('accepted'), duplicate: () => count('duplicate'), ignored: () => count('ignored') },
      ...{ handled: () => count('handled'), outdated: () => count('outdated') },
      ...{ failed: () => count('failed'), dropped: () => count('dropped'), queue: () => undefined },
    },
  });
  const server = await startWebhooks({
    config: {
      ...{ listen: { host: '127.0.0.1', port: 0 }, path: PATH, tls: false },
      ...{ verifyToken: secret(VERIFY_TOKEN), appSecrets: [secret('the-other'), secret(APP_SECRET)] },
    },
    certificate: { certificate: '', privateKey: '' },
    receiver: inbox,
    observe: { verified: () => undefined, accepted: () => undefined, refused: (reason) => count(reason) },
  });
  const meta = new Meta(`http://127.0.0.1:${server.address.port}`, { sockets: SENDERS });
  t.after(async () => {
    meta.close();
    await server.close();
    await inbox.close();
    await empty.close();
  });

  const copies = TOTAL - FALSE_ONES - changes.length;
  const all = [...changes, ...Array.from({ length: copies }, () => pick(changes))].map((change): Sending => {
    const bytes = body(change);
    return { body: bytes, signature: signature(bytes), status: 200 };
  });
  const sendings = [...all, ...Array.from({ length: FALSE_ONES }, (_, n) => falseOne(n))]
    .map((sending) => ({ sending, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ sending }) => sending);
  assert.equal(sendings.length, TOTAL);

  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const starved = new Starved();
  t.after(() => starved.end());
  let slowest = 0;
  const slow: number[] = [];
  const wrong: string[] = [];
  const queue = sendings.values();
  const send = async (): Promise<void> => {
    for (const one of queue) {
      for (;;) {
        const before = starved.ms;
        const answer = await meta.post(one.body, { 'x-hub-signature-256': one.signature });
        slowest = Math.max(slowest, answer.ms);
        if (answer.ms - (starved.ms - before) > 1000) slow.push(answer.ms);
        if (answer.status === one.status) break;
        if (answer.status !== 503 || one.status !== 200) return void wrong.push(`${answer.status} for ${one.status}`);
        count('sent again');
        await delay(100);
      }
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: SENDERS }, send));
  const done = (): number => (counted.handled ?? 0) + (counted.outdated ?? 0);
  while (done() < changes.length) await delay(20);
  histogram.disable();
  const ms = (value: number): string => (value / 1e6).toFixed(1);
  t.diagnostic(`${TOTAL} in ${((performance.now() - began) / 1000).toFixed(1)} s: ${JSON.stringify(counted)}`);
  t.diagnostic(
    `slowest answer ${slowest.toFixed(0)} ms; without the processor for ${(starved.ms / 1000).toFixed(1)} s in all`,
  );
  t.diagnostic(
    `event loop delay: p99 ${ms(histogram.percentile(99))} ms, max ${ms(histogram.max)} ms, senders included`,
  );

  assert.deepEqual(wrong, []);
  assert.deepEqual(slow, [], 'answers that took more than a second');
  assert.deepEqual(state.snapshot(), wanted.snapshot());
  assert.ok(
    [...state.told.values()].every((times) => times === 1),
    'none is told twice',
  );
  assert.equal(counted.accepted, changes.length);
  assert.equal((counted.unsigned ?? 0) + (counted.forged ?? 0), (FALSE_ONES * 4) / 5);
  assert.equal(counted['not-json'], FALSE_ONES / 5);
  assert.equal((counted.failed ?? 0) + (counted.dropped ?? 0), 0);
});
