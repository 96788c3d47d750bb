import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  APP,
  assertRefused,
  calling,
  HOSTNAME,
  NUMBER,
  OTHER_APP,
  OTHER_TOKEN,
  setCalling,
  withGraph,
  withServer,
  type Fixture,
} from './fixture.js';

const CREDENTIALS = '?include_sip_credentials=true';

interface ShownServer {
  readonly hostname: string;
  readonly app_id: string | number;
  readonly sip_user_password?: string;
}

async function servers(fixture: Fixture, query = CREDENTIALS, token?: string): Promise<readonly ShownServer[]> {
  const { sip } = await calling(fixture, query, token);
  return (sip as { readonly servers: readonly ShownServer[] }).servers;
}

const week = [{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1700' }];
const callHours = {
  status: 'ENABLED',
  timezone_id: 'Europe/Berlin',
  weekly_operating_hours: week,
  holiday_schedule: [{ date: '2026-12-25', start_time: '0000', end_time: '2359' }],
};

test('a number that was never set up has the defaults and nothing else', async () => {
  await withGraph(async (fixture) => {
    assert.deepEqual(await calling(fixture), {
      status: 'DISABLED',
      call_icon_visibility: 'DEFAULT',
      callback_permission_status: 'DISABLED',
    });
  });
});

test('everything that can be written is read back', async () => {
  await withGraph(async (fixture) => {
    const server = { hostname: HOSTNAME, port: 5062, request_uri_user_params: { tgrp: 'wacall' } };
    const written = {
      status: 'ENABLED',
      call_icon_visibility: 'DISABLE_ALL',
      call_icons: { restrict_to_user_countries: ['DE', 'BR'] },
      call_hours: { ...callHours, status: 'DISABLED' },
      callback_permission_status: 'ENABLED',
      sip: { status: 'ENABLED', webhook_delivery: 'ENABLED', servers: [server] },
      srtp_key_exchange_protocol: 'SDES',
      audio: { additional_codecs: ['PCMA', 'PCMU'] },
      voicemail: {
        status: 'ENABLED',
        triggers: ['REJECT', 'TIMEOUT'],
        audio: { default: { announcement_media_id: '1' } },
        timeout_seconds: 30,
      },
    };
    await setCalling(fixture, written);
    const shown = { ...written, sip: { ...written.sip, servers: [{ ...server, app_id: APP }] } };
    assert.deepEqual(await calling(fixture), shown);
    const held = fixture.sim.settingsOf('+442071838750');
    assert.equal(held.calling.sip?.servers[0]?.sip_user_password, fixture.sim.passwordOf(NUMBER));
  });
});

test('the limits themselves are allowed', async () => {
  await withGraph(async (fixture) => {
    const holiday_schedule = Array.from({ length: 20 }, () => callHours.holiday_schedule[0]);
    const touching = [...week, { day_of_week: 'MONDAY', open_time: '1700', close_time: '2359' }];
    await setCalling(fixture, { call_hours: { ...callHours, weekly_operating_hours: touching, holiday_schedule } });
    const params = { tgrp: 'a'.repeat(123) }; // tgrp= and 123 are 128
    await setCalling(fixture, { sip: { servers: [{ hostname: HOSTNAME, request_uri_user_params: params }] } });
    const zones = ['Asia/Kolkata', 'America/Argentina/Buenos_Aires', 'UTC', 'Etc/GMT+3'];
    for (const timezone_id of zones) await setCalling(fixture, { call_hours: { ...callHours, timezone_id } });
  });
});

test('fields that are not written stay, call_hours is replaced whole', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { status: 'ENABLED', sip: withServer, call_hours: callHours });
    await setCalling(fixture, { callback_permission_status: 'ENABLED' });
    const { holiday_schedule: _gone, ...without } = callHours;
    await setCalling(fixture, { call_hours: without });
    const after = await calling(fixture);
    assert.equal(after.status, 'ENABLED');
    assert.equal(after.callback_permission_status, 'ENABLED');
    assert.deepEqual(after.sip, { status: 'ENABLED', servers: [{ hostname: HOSTNAME, port: 5061, app_id: APP }] });
    assert.deepEqual(after.call_hours, without);
  });
});

test('voicemail is checked against the call hours that are there already', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { call_hours: callHours });
    const answer = await fixture.post(`${NUMBER}/settings`, { calling: { voicemail: { status: 'ENABLED' } } });
    assertRefused(answer, 400, 100, /voicemail cannot be ENABLED/);
    await setCalling(fixture, { call_hours: { ...callHours, status: 'DISABLED' }, voicemail: { status: 'ENABLED' } });
  });
});

test('the password is shown on demand alone, and stays until the server was cleared', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { sip: withServer });
    assert.deepEqual(await servers(fixture, ''), [{ hostname: HOSTNAME, port: 5061, app_id: APP }]);
    assert.equal((await servers(fixture, '?include_sip_credentials=false'))[0]?.sip_user_password, undefined);
    const first = (await servers(fixture))[0]?.sip_user_password;
    assert.match(first ?? '', /^[\w-]{20,}$/);
    assert.equal(fixture.sim.passwordOf(NUMBER), first);

    await setCalling(fixture, { sip: { servers: [{ hostname: 'other.example.com' }] } });
    assert.equal((await servers(fixture))[0]?.sip_user_password, first, 'another hostname, the same password');
    await setCalling(fixture, { sip: { status: 'DISABLED' } });
    assert.equal((await servers(fixture))[0]?.sip_user_password, first, 'DISABLED keeps the servers');
    await setCalling(fixture, { sip: { status: 'DISABLED', servers: [] } });
    assert.equal(fixture.sim.passwordOf(NUMBER), undefined);
    await setCalling(fixture, { sip: withServer });
    assert.notEqual((await servers(fixture))[0]?.sip_user_password, first, 'cleared and set again');
    assertRefused(await fixture.get(`${NUMBER}/settings?include_sip_credentials=1`), 400, 100, /true or false/);
  });
});

test('servers cannot be cleared while SIP is on', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { sip: withServer });
    const cleared = await fixture.post(`${NUMBER}/settings`, { calling: { sip: { servers: [] } } });
    assertRefused(cleared, 400, 100, /must have a server/);
    assert.equal((await servers(fixture)).length, 1);
  });
});

test('each app has its own server and its own password, and clears only that', async () => {
  await withGraph(async (fixture) => {
    await setCalling(fixture, { sip: withServer });
    await setCalling(fixture, { sip: { servers: [{ hostname: 'two.example.com' }] } }, OTHER_TOKEN);
    const seen = await servers(fixture);
    assert.deepEqual(
      seen.map(({ hostname, app_id }) => [hostname, app_id]),
      [
        [HOSTNAME, APP],
        ['two.example.com', OTHER_APP],
      ],
    );
    assert.deepEqual(
      seen.map(({ sip_user_password }) => sip_user_password),
      [fixture.sim.passwordOf(NUMBER), undefined],
    );
    assert.notEqual(fixture.sim.passwordOf(NUMBER, OTHER_APP), fixture.sim.passwordOf(NUMBER));

    await setCalling(fixture, { sip: { status: 'DISABLED', servers: [] } }, OTHER_TOKEN);
    assert.deepEqual(
      (await servers(fixture, '')).map(({ app_id }) => app_id),
      [APP],
    );
  });
});

test('keying is absent until it is set; a sip write resets it only where the switch says so', async () => {
  await withGraph(async (fixture) => {
    const keying = async () => (await calling(fixture)).srtp_key_exchange_protocol;
    await setCalling(fixture, { sip: withServer });
    assert.equal(await keying(), undefined);
    await setCalling(fixture, { srtp_key_exchange_protocol: 'SDES' });
    await setCalling(fixture, { sip: withServer });
    assert.equal(await keying(), 'SDES');

    fixture.sim.switches.sipWriteResetsKeying = true;
    await setCalling(fixture, { status: 'ENABLED' });
    assert.equal(await keying(), 'SDES', 'no sip in the write');
    await setCalling(fixture, { sip: withServer, srtp_key_exchange_protocol: 'SDES' });
    assert.equal(await keying(), 'DTLS', 'not even keying in the same request survives');
    await setCalling(fixture, { srtp_key_exchange_protocol: 'SDES' });
    assert.equal(await keying(), 'SDES');
  });
});

test('restrictions are shown until they end', async () => {
  await withGraph(async (fixture) => {
    const type = 'RESTRICTED_BUSINESS_INITIATED_CALLING';
    fixture.sim.restrict(NUMBER, { type, reason: 'Low pick-up rate', expiresAtMs: fixture.clock.nowMs + 60_000 });
    const expiration = fixture.clock.nowMs / 1000 + 60;
    assert.deepEqual((await calling(fixture)).restrictions, {
      restrictions_list: [{ type, reason: 'Low pick-up rate', expiration }],
    });
    fixture.clock.pass(60_000);
    assert.equal((await calling(fixture)).restrictions, undefined);
  });
});

test('listeners hear every change, a GET or a refused write is none', async () => {
  await withGraph(async (fixture) => {
    const heard: unknown[] = [];
    const remove = fixture.sim.onSettings(({ number, calling: { status } }) => heard.push([number, status]));
    await setCalling(fixture, { status: 'ENABLED' });
    await calling(fixture);
    await fixture.post(`${NUMBER}/settings`, { calling: { status: 1 } });
    fixture.sim.changeSettings(NUMBER, { status: 'DISABLED' });
    remove();
    await setCalling(fixture, { status: 'ENABLED' });
    assert.deepEqual(heard, [
      ['+442071838750', 'ENABLED'],
      ['+442071838750', 'DISABLED'],
    ]);
  });
});

test('settings can be there from the start, and app_id can be a number', async () => {
  const sip = { status: 'ENABLED', servers: [{ hostname: HOSTNAME }] } as const;
  await withGraph(
    async (fixture) => {
      fixture.sim.switches.appIdType = 'number';
      assert.equal((await servers(fixture))[0]?.app_id, Number(APP));
    },
    { numbers: [{ phoneNumberId: NUMBER, number: '+442071838750', calling: { status: 'ENABLED', sip } }] },
  );
});
