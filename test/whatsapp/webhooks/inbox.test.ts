import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError, type Store } from '../../../gateway/store/port.js';
import type { WebhookEvent } from '../../../gateway/whatsapp/webhooks/events.js';
import type { WebhookHandlers } from '../../../gateway/whatsapp/webhooks/handlers.js';
import { Inbox, type InboxDeps, type InboxLimits } from '../../../gateway/whatsapp/webhooks/inbox.js';
import { emptyStore } from '../../store/engines.js';
import { account, AT, callCreated, message, payload, reply, settings, terminate, voicemail } from './payloads.js';

const NOW = (AT + 100) * 1000;
const DAY_MS = 86_400_000;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function storeOf(now: () => number = () => NOW): Promise<Store> {
  const empty = await emptyStore('sqlite', now);
  closers.push(() => empty.close());
  return empty.store;
}

interface Setup {
  readonly inbox: Inbox;
  /** What handlers were told, and what was counted. */
  readonly told: string[];
  readonly seen: string[];
  readonly log: string[];
}

interface Options {
  readonly store?: Store;
  readonly now?: () => number;
  readonly limits?: Partial<InboxLimits>;
  readonly handle?: (event: WebhookEvent, told: string[]) => Promise<void>;
}

async function start({ store, now = () => NOW, limits = {}, handle }: Options = {}): Promise<Setup> {
  const [told, seen, log]: [string[], string[], string[]] = [[], [], []];
  const tell = async (event: WebhookEvent): Promise<void> => {
    told.push(nameOf(event));
    await handle?.(event, told);
  };
  const handlers: WebhookHandlers = {
    ...{ permissionReply: tell, callCreated: tell, callTerminated: tell },
    ...{ voicemail: tell, settingsChanged: tell, accountChanged: tell },
  };
  const count = (what: string) => (kind: string) => void seen.push(`${what} ${kind}`);
  const observe: InboxDeps['observe'] = {
    ...{ accepted: count('accepted'), duplicate: count('duplicate'), ignored: count('ignored') },
    ...{ handled: count('handled'), outdated: count('outdated'), failed: count('failed'), dropped: count('dropped') },
    queue: () => undefined,
  };
  const line = (fields: object, text: string): void => void log.push(text);
  const inbox = new Inbox({
    ...{ store: store ?? (await storeOf(now)), handlers, observe, now },
    ...{ log: { warn: line, error: line }, limits: { sweepMs: 10, backoffMs: 0, ...limits } },
  });
  closers.push(() => inbox.close());
  return { inbox, told, seen, log };
}

function nameOf(event: WebhookEvent): string {
  if (event.kind === 'permission-reply') return `${event.response} ${event.messageId}`;
  return 'wacid' in event ? `${event.kind} ${event.wacid}` : event.kind;
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await delay(5);
}

/** Nothing more comes of it for a few sweeps. */
async function settled(what: readonly unknown[]): Promise<void> {
  for (let length = -1; length !== what.length; await delay(100)) length = what.length;
}

test('every kind reaches its handler; what is none of ours is counted and not kept', async () => {
  const store = await storeOf();
  const { inbox, told, seen } = await start({ store });
  const text = message({ id: 'wamid.1', from: '44', type: 'text', text: { body: 'private' } });
  const all = [callCreated('a'), terminate('a'), reply('m'), voicemail('wacid.v'), settings({}), account({}), text];
  assert.equal(await inbox.accept([payload(...all)]), 'accepted');
  assert.deepEqual(
    seen.filter((line) => !line.startsWith('handled')),
    [
      ...['accepted call-created', 'accepted call-terminated', 'accepted permission-reply', 'accepted voicemail'],
      ...['accepted settings-changed', 'accepted account-changed', 'ignored messages'],
    ],
  );
  await until(() => told.length === 6);
  const names = ['accept m', 'account-changed', 'call-created a', 'call-terminated a', 'settings-changed'];
  assert.deepEqual(told.toSorted(), [...names, 'voicemail wacid.v']);
  await until(() => seen.filter((line) => line.startsWith('handled')).length === 6);
  await inbox.close();
  assert.deepEqual(await store.list('webhooks'), [], 'nothing waits any more');
});

test('an event that comes again is not told again: at once, later, after a restart, or at another gateway', async () => {
  const store = await storeOf();
  const first = await start({ store });
  const other = await start({ store });
  const once = payload(reply('m'));
  await Promise.all([first.inbox.accept([once, once]), other.inbox.accept([once]), first.inbox.accept([once])]);
  await until(() => [...first.seen, ...other.seen].includes('handled permission-reply'));
  assert.equal(await first.inbox.accept([once]), 'accepted');
  await first.inbox.close();
  const again = await start({ store });
  await again.inbox.start();
  assert.equal(await again.inbox.accept([once]), 'accepted');
  await settled(again.seen);
  const all = [...first.seen, ...other.seen, ...again.seen];
  assert.equal(all.filter((line) => line.startsWith('accepted')).length, 1);
  assert.equal(all.filter((line) => line.startsWith('duplicate')).length, 5);
  assert.deepEqual([...first.told, ...other.told, ...again.told], ['accept m']);
});

test('a later state is never followed by an earlier one; others are no affair of it', async () => {
  const { inbox, told, seen } = await start();
  const at = (seconds: number) => ({ timestamp: String(AT + seconds) });
  await inbox.accept([payload(terminate('a'), reply('late', { response: 'reject' }, at(50)))]);
  await until(() => told.length === 2);
  await inbox.accept([
    payload(callCreated('a'), reply('early', {}, at(20)), reply('last', {}, at(60)), callCreated('b')),
  ]);
  await until(() => seen.filter((line) => /^(handled|outdated)/.test(line)).length === 6);
  assert.deepEqual(told, ['call-terminated a', 'reject late', ...told.slice(2)]);
  assert.deepEqual(told.slice(2).toSorted(), ['accept last', 'call-created b']);
  assert.deepEqual(seen.filter((line) => line.startsWith('outdated')).toSorted(), [
    'outdated call-created',
    'outdated permission-reply',
  ]);
});

test('an earlier event that comes while a later one is failing is told before it, and the later one has the last word', async () => {
  let failing = true;
  const { inbox, told } = await start({
    limits: { sweepMs: 1_000_000 },
    handle: (event) => (failing && event.atMs > AT * 1000 ? Promise.reject(new Error('later')) : Promise.resolve()),
  });
  await inbox.accept([payload(reply('second', {}, { timestamp: AT + 1 }))]);
  await until(() => told.length === 1);
  await inbox.accept([payload(reply('first'))]);
  await until(() => told.length === 2);
  failing = false;
  await inbox.start();
  await until(() => told.length === 3);
  assert.deepEqual(told, ['accept second', 'accept first', 'accept second']);
});

test('a handler that fails is told again with back-off, and given up after so many times', async () => {
  let clock = NOW;
  const times: number[] = [];
  const { inbox, told, seen, log } = await start({
    now: () => clock,
    limits: { attempts: 4, backoffMs: 1000 },
    handle: () => {
      times.push(clock - NOW);
      return Promise.reject(new Error('no'));
    },
  });
  await inbox.start();
  await inbox.accept([payload(reply('m'))]);
  const tick = setInterval(() => (clock += 500), 5);
  await until(() => seen.includes('dropped permission-reply'));
  clearInterval(tick);
  assert.equal(told.length, 4);
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  for (const [index, least] of [1000, 5000, 25_000].entries()) assert.ok((waits[index] ?? 0) >= least, waits.join());
  assert.equal(seen.filter((line) => line.startsWith('failed')).length, 3);
  assert.match(log.at(-1) ?? '', /given up/);
  await settled(told);
  assert.equal(told.length, 4);
  assert.equal(await inbox.accept([payload(reply('m'))]), 'accepted');
  assert.equal(seen.at(-1), 'duplicate permission-reply');
});

test('a handler that hangs is a failure, and holds up only its own lane', async () => {
  const { inbox, told, seen } = await start({
    limits: { handlerMs: 100 },
    handle: (event, before) =>
      'wacid' in event && event.wacid === 'hangs' && before.filter((name) => name.endsWith('hangs')).length < 2
        ? new Promise(() => undefined)
        : Promise.resolve(),
  });
  await inbox.start();
  await inbox.accept([payload(callCreated('hangs'), ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => callCreated(`c${n}`)))]);
  await until(() => seen.filter((line) => line === 'handled call-created').length === 9);
  assert.equal(told.filter((name) => name.endsWith('hangs')).length, 2);
  assert.ok(seen.includes('failed call-created'));
});

test('what was accepted survives the end of the process, and is told once by the next', async () => {
  const store = await storeOf();
  const first = await start({ store, handle: () => new Promise(() => undefined), limits: { handlerMs: 200 } });
  const changes = Array.from({ length: 20 }, (_, n) => callCreated(`c${n}`));
  assert.equal(await first.inbox.accept([payload(...changes)]), 'accepted');
  await first.inbox.close();
  assert.ok(first.told.length <= 4);
  const [second, third] = [await start({ store }), await start({ store })];
  await Promise.all([second.inbox.start(), third.inbox.start()]);
  const told = (): string[] => [...second.told, ...third.told];
  await until(() => told().length >= 20);
  await settled(second.seen);
  assert.deepEqual(told().toSorted(), changes.map((_, n) => `call-created c${n}`).toSorted());
});

test('a full queue takes nothing more, and does again when there is room', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const { inbox, told } = await start({ limits: { capacity: 3 }, handle: () => gate });
  const changes = [1, 2, 3, 4, 5].map((n) => callCreated(`c${n}`));
  assert.equal(await inbox.accept([payload(...changes)]), 'full');
  assert.equal(await inbox.accept([payload(callCreated('c1'))]), 'accepted', 'known already');
  release();
  while ((await inbox.accept([payload(...changes)])) === 'full') await delay(5);
  await until(() => told.length === 5);
});

test('a store that fails: the sender is told, and handling goes on when it works again', async () => {
  const store = await storeOf();
  let broken = true;
  const failing = new Proxy(store, {
    get: (target, name: keyof Store) => {
      if (broken) return () => Promise.reject(new StoreError('down'));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  const { inbox, told, log } = await start({ store: failing });
  await inbox.start();
  assert.equal(log.length, 1);
  await assert.rejects(inbox.accept([payload(reply('m'))]), StoreError);
  broken = false;
  assert.equal(await inbox.accept([payload(reply('m'))]), 'accepted');
  await until(() => told.length === 1);
  assert.deepEqual(told, ['accept m']);
});

test('a captured webhook that is older than Meta sends is no event any more', async () => {
  const { inbox, told, seen } = await start({ now: () => NOW + 9 * DAY_MS });
  assert.equal(await inbox.accept([payload(reply('m'))]), 'accepted');
  assert.deepEqual([told, seen], [[], ['ignored permission-reply']]);
});

test('a large batch lets the event loop turn', async () => {
  const { inbox } = await start({ limits: { capacity: 10_000 } });
  const changes = Array.from({ length: 300 }, (_, n) => callCreated(`c${n}`));
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  const began = performance.now();
  await inbox.accept(changes.map((change) => payload(change)));
  const tookMs = performance.now() - began;
  going = false;
  // Steps of 2 ms; a busy machine may take the processor away in between, and a step then seems long.
  assert.ok(turns >= 5, `${turns} turns in ${tookMs} ms`);
});
