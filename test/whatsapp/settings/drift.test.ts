import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { NumberConfig } from '../../../gateway/config/types.js';
import { DriftWatch, wantedCalling } from '../../../gateway/whatsapp/settings/index.js';
import type { DriftDeps } from '../../../gateway/whatsapp/settings/index.js';
import type { CallingWrite } from '../../../simulator/graph/index.js';
import { APP, NUMBER, standInFor } from './stand-in.js';
import type { StandIn } from './stand-in.js';
import { FULL } from './wanted-full.js';

const numberOf = (more: Partial<NumberConfig>): NumberConfig => ({
  number: '+442071838750',
  keying: 'sdes',
  codecs: ['opus'],
  trunk: 'office',
  maxCalls: 10,
  uriTransportParameter: false,
  answerTimeoutMs: 60_000,
  requestPermission: false,
  ...more,
});

function watch(t: TestContext, meta: StandIn, more: Partial<DriftDeps> = {}) {
  const seen: string[] = [];
  const numbers = [numberOf({ phoneNumberId: NUMBER, calling: FULL }), numberOf({ number: '+15550000000' })];
  const drift = new DriftWatch({
    graph: meta.client(),
    numbers,
    appId: () => Promise.resolve(APP),
    intervalMs: 0,
    reconcile: false,
    random: () => 0.5,
    ...more,
    report: {
      drift: ({ number }, changes) => seen.push(`drift ${number} ${changes.map(({ path }) => path).join(',')}`),
      clean: ({ number }) => seen.push(`clean ${number}`),
      failed: ({ number }, { fault }) => seen.push(`failed ${number} ${fault.kind}`),
      reconciled: ({ number }, { kind }) => seen.push(`reconciled ${number} ${kind}`),
    },
  });
  t.after(() => drift.close());
  return { drift, seen };
}

const AS_WANTED = wantedCalling(FULL) as CallingWrite;

test('drift is told with its paths, and nothing is written', async (t) => {
  const meta = await standInFor(t, { calling: AS_WANTED });
  const { drift, seen } = watch(t, meta);
  await drift.check();
  meta.sim.changeSettings(NUMBER, { srtp_key_exchange_protocol: 'DTLS' });
  await drift.check();
  meta.sim.faults.answer({ code: 190 });
  await drift.check();
  assert.deepEqual(seen, [
    'clean +442071838750',
    'drift +442071838750 srtp_key_exchange_protocol',
    'failed +442071838750 unauthorized',
  ]);
  assert.deepEqual(meta.writes(), []);
});

test('with reconcile it is brought back', async (t) => {
  const meta = await standInFor(t, { calling: AS_WANTED });
  const { drift, seen } = watch(t, meta, { reconcile: true });
  meta.sim.changeSettings(NUMBER, { status: 'DISABLED' });
  await drift.check();
  await drift.check();
  assert.deepEqual(seen, ['drift +442071838750 status', 'reconciled +442071838750 done', 'clean +442071838750']);
});

test('a check while one is under way is the same one', async (t) => {
  const meta = await standInFor(t, { calling: AS_WANTED });
  const { drift, seen } = watch(t, meta);
  await Promise.all([drift.check(), drift.check()]);
  assert.equal(seen.length, 1);
  assert.equal(meta.sim.requests.length, 1);
});

test('rounds come at the interval, give or take a fifth, until it is closed', async (t) => {
  const meta = await standInFor(t, { calling: AS_WANTED });
  const timers: { readonly run: () => void; readonly ms: number }[] = [];
  let cancelled = 0;
  const randoms = [0.5, 0, 0.75];
  const { drift, seen } = watch(t, meta, {
    intervalMs: 1_000_000,
    random: () => randoms.shift() ?? 0.5,
    schedule: (run, ms) => {
      timers.push({ run, ms });
      return () => (cancelled += 1);
    },
  });
  drift.start();
  for (const round of [1, 2]) {
    timers.at(-1)?.run();
    await drift.check();
    while (timers.length === round) await new Promise(setImmediate);
  }
  assert.deepEqual(
    timers.map(({ ms }) => ms),
    [500_000, 800_000, 1_100_000],
  );
  assert.equal(seen.length, 2);
  drift.close();
  assert.equal(cancelled, 1);
  timers.at(-1)?.run();
  await drift.check();
  assert.equal(seen.length, 2);
});
