import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GraphError } from '../../../gateway/whatsapp/graph/index.js';
import { RotateError, rotatePassword } from '../../../gateway/whatsapp/settings/index.js';
import { openStore } from '../../../gateway/store/index.js';
import type { Store } from '../../../gateway/store/index.js';
import { createSink } from '../../../gateway/telemetry/log.js';
import { APP, NUMBER, OTHER_APP, OTHER_TOKEN, standIn, standInFor } from './stand-in.js';
import type { StandIn } from './stand-in.js';

const CALLING = {
  status: 'ENABLED',
  sip: {
    status: 'ENABLED',
    servers: [{ hostname: 'sip.example.com', port: 5062, request_uri_user_params: { tgrp: 'wacall' } }],
    webhook_delivery: 'ENABLED',
  },
  srtp_key_exchange_protocol: 'SDES',
} as const;
const OTHER_NUMBER = { phoneNumberId: '200', number: '+442071838751', calling: CALLING };

let store: Store;
before(async () => {
  store = await openStore({ engine: 'sqlite', file: ':memory:' }, { log: createSink('silent').log });
});
after(() => store.close());

async function rotate(meta: StandIn, steps: string[] = [], keep: (password: string) => void = () => undefined) {
  const graph = meta.client();
  try {
    await rotatePassword({
      graph,
      store,
      phoneNumberId: NUMBER,
      appId: APP,
      keep: (password) => Promise.resolve(keep(password.reveal())),
      progress: (step) => void steps.push(step),
      delay: () => Promise.resolve(),
    });
  } finally {
    await graph.close();
  }
}

test('a new password; everything else is as it was, other numbers untouched', async (t) => {
  const meta = await standInFor(t, {
    calling: CALLING,
    numbers: [OTHER_NUMBER],
    switches: { sipWriteResetsKeying: true },
  });
  const before = meta.calling();
  const [old, others] = [meta.sim.passwordOf(NUMBER), meta.sim.passwordOf('200')];
  const steps: string[] = [];
  const kept: string[] = [];
  await rotate(meta, steps, (password) => kept.push(password));
  assert.deepEqual(steps, ['disable', 'clear', 'restore', 'keying', 'fetch']);
  assert.deepEqual(kept, [meta.sim.passwordOf(NUMBER)]);
  assert.notEqual(kept[0], old);
  assert.deepEqual(meta.calling(), before);
  assert.equal(meta.sim.passwordOf('200'), others);
  assert.ok(meta.sim.requests.every(({ path }) => path === `${NUMBER}/settings`));
  assert.deepEqual(await store.list('password-rotation'), []);
});

for (const moment of ['before', 'after'] as const) {
  test(`broken off ${moment} the effect of each request, then run again: a new password, all else as before`, async () => {
    let interrupted = 0;
    for (let answered = 0; ; answered++) {
      const meta = await standIn({ calling: CALLING, switches: { sipWriteResetsKeying: true } });
      try {
        const expected = meta.calling();
        const old = meta.sim.passwordOf(NUMBER);
        meta.sim.faults.failAfter(answered, moment);
        const first = await rotate(meta).then(
          () => 'done',
          (error: unknown) => error,
        );
        meta.sim.faults.clear();
        const kept: string[] = [];
        await rotate(meta, [], (password) => kept.push(password));
        assert.deepEqual(meta.calling(), expected, `after ${answered} requests`);
        assert.notEqual(meta.sim.passwordOf(NUMBER), old, `after ${answered} requests`);
        assert.deepEqual(kept, [meta.sim.passwordOf(NUMBER)]);
        if (first === 'done') break;
        assert.ok(first instanceof GraphError);
        interrupted += 1;
      } finally {
        await meta.close();
      }
    }
    assert.ok(interrupted >= 10, `only ${interrupted} requests`);
  });
}

test('a password that cannot be kept is fetched again by the next run, not rotated again', async (t) => {
  const meta = await standInFor(t, { calling: CALLING });
  await assert.rejects(
    rotate(meta, [], () => {
      throw new Error('disk full');
    }),
    /disk full/,
  );
  const once = meta.sim.passwordOf(NUMBER);
  const steps: string[] = [];
  await rotate(meta, steps);
  assert.deepEqual(steps, ['resume', 'fetch']);
  assert.equal(meta.sim.passwordOf(NUMBER), once);
});

test("SIP that was off stays off, another app's server and password stay", async (t) => {
  const meta = await standInFor(t, { calling: { ...CALLING, sip: { ...CALLING.sip, status: 'DISABLED' } } });
  const servers = [{ hostname: 'other.example.com' }];
  await meta.client(OTHER_TOKEN).post(`${NUMBER}/settings`, { calling: { sip: { servers } } });
  const [old, others] = [meta.sim.passwordOf(NUMBER), meta.sim.passwordOf(NUMBER, OTHER_APP)];
  await rotate(meta);
  assert.notEqual(meta.sim.passwordOf(NUMBER), old);
  assert.equal(meta.sim.passwordOf(NUMBER, OTHER_APP), others);
  assert.equal((meta.calling().sip as { status: string }).status, 'DISABLED');
});

test('no server, no password: nothing is written', async (t) => {
  const meta = await standInFor(t);
  await assert.rejects(
    rotate(meta),
    (error) => error instanceof RotateError && error.message.includes('run wa-trunk apply first'),
  );
  assert.deepEqual(meta.writes(), []);
  assert.deepEqual(await store.list('password-rotation'), []);
});

test('of two at once one rotates, the other one is told', async (t) => {
  const meta = await standInFor(t, { calling: CALLING });
  const results = await Promise.allSettled([rotate(meta), rotate(meta)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const failed = results.find((result) => result.status === 'rejected');
  assert.match(String(failed?.reason), /being rotated elsewhere/);
  await rotate(meta);
});

test('writes that Meta takes and does not carry out are found out', async (t) => {
  const meta = await standInFor(t, { calling: CALLING });
  const graph = meta.client();
  const stubborn = {
    ...graph,
    get: graph.get.bind(graph),
    close: () => Promise.resolve(),
    // Takes every write for done.
    post: () => Promise.resolve({ success: true }),
  };
  const deps = { graph: stubborn, store, phoneNumberId: NUMBER, appId: APP, keep: () => Promise.resolve() };
  await assert.rejects(
    rotatePassword({ ...deps, delay: () => Promise.resolve() }),
    /Meta does not show that SIP is disabled/,
  );
  await store.delete('password-rotation', NUMBER);
});
