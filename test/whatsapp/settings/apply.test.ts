import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applySettings, wantedCalling } from '../../../gateway/whatsapp/settings/index.js';
import type { Applied, MetaCalling } from '../../../gateway/whatsapp/settings/index.js';
import type { CallingWrite } from '../../../simulator/graph/index.js';
import { APP, NUMBER, OTHER_TOKEN, standIn, standInFor } from './stand-in.js';
import type { StandIn } from './stand-in.js';
import { FULL } from './wanted-full.js';

const WANTED = wantedCalling(FULL);

/** As a process that starts, applies and ends. */
async function apply(meta: StandIn, wanted: MetaCalling = WANTED, steps: string[] = []): Promise<Applied> {
  const graph = meta.client();
  try {
    return await applySettings(
      { graph, phoneNumberId: NUMBER, appId: APP, wanted },
      { delay: () => Promise.resolve(), progress: (what, { step }) => steps.push(`${what} ${step}`) },
    );
  } finally {
    await graph.close();
  }
}

/** What Meta must hold when FULL is applied to an empty number. */
const STATE = {
  ...WANTED,
  sip: { ...WANTED.sip, servers: (WANTED.sip?.servers ?? []).map((server) => ({ ...server, app_id: APP })) },
};
/** A voicemail that is off and was never set is left out. */
const { voicemail: _, ...EMPTY_TO_STATE } = STATE;

const OTHER: CallingWrite = {
  status: 'ENABLED',
  call_icon_visibility: 'DEFAULT',
  call_icons: { restrict_to_user_countries: ['DE'] },
  callback_permission_status: 'DISABLED',
  sip: {
    status: 'ENABLED',
    servers: [{ hostname: 'old.example.com', port: 5071, request_uri_user_params: { old: '1' } }],
    webhook_delivery: 'DISABLED',
  },
  srtp_key_exchange_protocol: 'SDES',
  audio: { additional_codecs: ['PCMU'] },
  voicemail: { status: 'ENABLED', triggers: ['TIMEOUT'], timeout_seconds: 5 },
};

test('an empty number ends in the state of the configuration, and a second apply writes nothing', async (t) => {
  const meta = await standInFor(t);
  const steps: string[] = [];
  const result = await apply(meta, WANTED, steps);
  assert.equal(result.kind, 'done');
  assert.deepEqual(meta.calling(), EMPTY_TO_STATE);
  assert.deepEqual(
    steps,
    ['sip', 'enable', 'settings', 'keying'].flatMap((step) => [`write ${step}`, `verified ${step}`]),
  );
  const writes = meta.writes();
  assert.equal(writes.length, 4);
  assert.equal(writes[3], '{"srtp_key_exchange_protocol":"SDES"}');
  assert.deepEqual(await apply(meta), { kind: 'done', done: [] });
  assert.equal(meta.writes().length, 4);
});

test('every write is followed by a look', async (t) => {
  const meta = await standInFor(t);
  await apply(meta);
  const methods = meta.sim.requests.map(({ method }) => method).join(' ');
  assert.equal(methods, 'GET POST GET POST GET POST GET POST GET');
});

test('a write of sip that resets keying: keying is planned again, although it was right', async (t) => {
  const meta = await standInFor(t, { calling: OTHER, switches: { sipWriteResetsKeying: true } });
  const wanted = { sip: WANTED.sip ?? {}, srtp_key_exchange_protocol: 'SDES' };
  const steps: string[] = [];
  const result = await apply(meta, wanted, steps);
  assert.equal(result.kind, 'done');
  assert.equal(meta.calling().srtp_key_exchange_protocol, 'SDES');
  assert.deepEqual(steps, ['write sip', 'verified sip', 'write keying', 'verified keying']);
});

test('what the configuration does not mention is left alone', async (t) => {
  const meta = await standInFor(t, { calling: { ...OTHER, sip: { ...OTHER.sip, webhook_delivery: 'ENABLED' } } });
  const before = meta.calling();
  const servers = [{ hostname: 'sip.example.com', port: 5061 }];
  await apply(meta, { sip: { status: 'ENABLED', servers }, srtp_key_exchange_protocol: 'SDES' });
  const sip = { status: 'ENABLED', webhook_delivery: 'ENABLED', servers: [{ ...servers[0], app_id: APP }] };
  assert.deepEqual(meta.calling(), { ...before, sip });
});

test("another app's server is neither compared nor touched", async (t) => {
  const meta = await standInFor(t);
  const other = meta.client(OTHER_TOKEN);
  const servers = [{ hostname: 'other.example.com' }];
  await other.post(`${NUMBER}/settings`, { calling: { sip: { status: 'ENABLED', servers } } });
  await apply(meta);
  const sip = meta.calling().sip as { readonly servers: readonly { readonly hostname: string }[] };
  assert.deepEqual(
    sip.servers.map(({ hostname }) => hostname),
    ['other.example.com', 'sip.example.com'],
  );
  assert.deepEqual(await apply(meta), { kind: 'done', done: [] });
});

test('switching off: calling before SIP; the server stays', async (t) => {
  const meta = await standInFor(t, { calling: OTHER });
  const wanted = { status: 'DISABLED', sip: { status: 'DISABLED', servers: WANTED.sip?.servers ?? [] } };
  assert.equal((await apply(meta, wanted)).kind, 'done');
  assert.deepEqual(meta.writes(), [
    '{"status":"DISABLED"}',
    '{"sip":{"status":"DISABLED","webhook_delivery":"DISABLED"}}',
  ]);
  const sip = meta.calling().sip as { readonly servers: readonly unknown[] };
  assert.equal(sip.servers.length, 1);
});

test('what Meta refuses stops it, with what is done, what is not, and why', async (t) => {
  const meta = await standInFor(t);
  meta.sim.faults.answer(
    { code: 100, message: 'no' },
    { when: ({ method, body }) => method === 'POST' && JSON.stringify(body).includes('call_hours') },
  );
  const result = await apply(meta);
  assert.equal(result.kind, 'stopped');
  if (result.kind !== 'stopped') return;
  assert.deepEqual(
    result.done.map(({ path }) => path),
    [
      'sip.status',
      'sip.webhook_delivery',
      'sip.servers[0].hostname',
      'sip.servers[0].port',
      'sip.servers[0].request_uri_user_params.tgrp',
      'status',
    ],
  );
  assert.equal(result.failed.step, 'settings');
  assert.equal(result.failed.inEffect, 'no');
  assert.equal(result.failed.fault?.code, 100);
  assert.ok(result.left.some(({ path }) => path === 'srtp_key_exchange_protocol'));
  assert.equal((await apply(meta)).kind, 'done');
});

test('a write that was lost but took effect counts when it is seen', async (t) => {
  const meta = await standInFor(t);
  meta.sim.faults.drop('after', { when: ({ method }) => method === 'POST', times: 4 });
  const result = await apply(meta);
  assert.equal(result.kind, 'done');
  assert.deepEqual(meta.calling(), EMPTY_TO_STATE);
});

test('a write that is lost again and again is unknown or not in effect, and says so', async (t) => {
  const meta = await standInFor(t);
  meta.sim.faults.drop('before', { when: ({ method }) => method === 'POST', times: Infinity });
  const result = await apply(meta);
  assert.equal(result.kind === 'stopped' && result.failed.inEffect, 'no');
  meta.sim.faults.clear();
  meta.sim.faults.failAfter(1, 'after');
  const dead = await apply(meta);
  assert.equal(dead.kind === 'stopped' && dead.failed.inEffect, 'unknown');
});

test('Meta cannot be read: nothing is written', async (t) => {
  const meta = await standInFor(t);
  meta.sim.faults.answer({ code: 190 });
  const result = await apply(meta);
  assert.equal(result.kind === 'stopped' && result.failed.step, 'read');
  assert.deepEqual(meta.writes(), []);
});

test('Meta says success and shows otherwise: it is looked at again, and then told', async (t) => {
  const meta = await standInFor(t);
  // Somebody else undoes each write of calling.status.
  const off = meta.sim.onSettings(({ calling }) => {
    if (calling.status === 'ENABLED') meta.sim.changeSettings(NUMBER, { status: 'DISABLED' });
  });
  const result = await apply(meta);
  assert.equal(result.kind === 'stopped' && result.failed.step, 'enable');
  assert.match(result.kind === 'stopped' ? result.failed.message : '', /Meta said success, .* otherwise: status;/);
  off();
  assert.equal((await apply(meta)).kind, 'done');
});

test('two that undo each other do not go on for ever', async (t) => {
  const meta = await standInFor(t);
  // Keying never stays: whatever is written later resets it.
  meta.sim.onSettings(({ calling }) => {
    if (calling.srtp_key_exchange_protocol === 'SDES' && calling.status === 'ENABLED') {
      setImmediate(() => meta.sim.changeSettings(NUMBER, { status: 'DISABLED' }));
    } else if (calling.status === 'ENABLED') {
      setImmediate(() => meta.sim.changeSettings(NUMBER, { srtp_key_exchange_protocol: 'DTLS' }));
    }
  });
  const result = await apply(meta, { status: 'ENABLED', srtp_key_exchange_protocol: 'SDES' });
  assert.equal(result.kind, 'stopped');
  assert.ok(meta.writes().length <= 6, String(meta.writes().length));
});

interface Beginning {
  readonly name: string;
  readonly calling?: CallingWrite;
  readonly wanted: MetaCalling;
  readonly state: object;
}

const off = {
  ...FULL,
  status: 'disabled' as const,
  sip: { ...FULL.sip, status: 'disabled' as const, hostname: 'sip.example.com', port: 5061 },
};
const BEGINNINGS: readonly Beginning[] = [
  { name: 'an empty number', wanted: WANTED, state: EMPTY_TO_STATE },
  {
    name: 'another set-up',
    calling: OTHER,
    wanted: WANTED,
    // A voicemail that is off keeps what it has been told.
    state: STATE,
  },
  {
    name: 'switching off',
    calling: OTHER,
    wanted: wantedCalling({ status: off.status, sip: off.sip, keying: 'dtls' }),
    state: {
      ...OTHER,
      status: 'DISABLED',
      sip: {
        ...OTHER.sip,
        status: 'DISABLED',
        webhook_delivery: 'ENABLED',
        servers: [{ ...OTHER.sip?.servers?.[0], app_id: APP }],
      },
      srtp_key_exchange_protocol: 'DTLS',
    },
  },
];

for (const { name, calling, wanted, state } of BEGINNINGS) {
  for (const sipWriteResetsKeying of [false, true]) {
    for (const moment of ['before', 'after'] as const) {
      const how = `${name}, ended ${moment} the effect of each request, keying ${sipWriteResetsKeying ? 'reset' : 'kept'}`;
      test(`apply broken off everywhere: ${how}`, async () => {
        let interrupted = 0;
        for (let answered = 0; ; answered++) {
          const meta = await standIn({ ...(calling && { calling }), switches: { sipWriteResetsKeying } });
          try {
            meta.sim.faults.failAfter(answered, moment);
            const first = await apply(meta, wanted);
            meta.sim.faults.clear();
            const again = await apply(meta, wanted);
            assert.equal(again.kind, 'done', JSON.stringify(again));
            assert.deepEqual(meta.calling(), state, `after ${answered} requests`);
            if (first.kind === 'done') break;
            interrupted += 1;
          } finally {
            await meta.close();
          }
        }
        assert.ok(interrupted >= 5, `only ${interrupted} requests`);
      });
    }
  }
}
