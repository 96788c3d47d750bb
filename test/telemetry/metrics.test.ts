import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NORMAL } from '../../gateway/calls/failures.js';
import { callObserver, createSink, Metrics } from '../../gateway/telemetry/index.js';
import type { Figures } from '../../gateway/telemetry/index.js';

const CALL = { direction: 'user-initiated', number: '+15551234567', trunk: 'office' } as const;

const NOTHING = {
  hosts: () => [],
  mediaNodes: () => [],
  limits: () => ({ calls: [], minutes: [] }),
} satisfies Partial<Figures>;

function metrics(): Metrics {
  return new Metrics({ numbers: ['+15551234567'], trunks: ['office'], version: '1.2.3' });
}

async function line(of: Metrics, start: string): Promise<string | undefined> {
  return (await of.text()).split('\n').find((text) => text.startsWith(start));
}

test('calls are counted by number, trunk and result, with their times', async () => {
  const m = metrics();
  m.callStarted(CALL);
  m.callEnded(CALL, 'normal', { dialled: 0.003, answered: 2, ended: 32 });
  m.callStarted(CALL);
  m.callEnded(CALL, 'cancelled', { ended: 1 });
  const labels = 'direction="user-initiated",number="+15551234567",trunk="office"';
  assert.equal(await line(m, 'wa_trunk_calls_started_total{'), `wa_trunk_calls_started_total{${labels}} 2`);
  assert.equal(
    await line(m, `wa_trunk_calls_total{${labels},result="normal"`),
    `wa_trunk_calls_total{${labels},result="normal"} 1`,
  );
  assert.ok(await line(m, `wa_trunk_calls_total{${labels},result="cancelled"} 1`));
  const direction = '{direction="user-initiated"}';
  assert.equal(await line(m, 'wa_trunk_call_setup_seconds_sum'), `wa_trunk_call_setup_seconds_sum${direction} 0.003`);
  assert.equal(await line(m, 'wa_trunk_call_setup_seconds_count'), `wa_trunk_call_setup_seconds_count${direction} 1`);
  assert.equal(await line(m, 'wa_trunk_call_answer_seconds_sum'), `wa_trunk_call_answer_seconds_sum${direction} 2`);
  assert.equal(
    await line(m, 'wa_trunk_call_duration_seconds_sum'),
    `wa_trunk_call_duration_seconds_sum${direction} 30`,
  );
});

test('no caller can make a label', async () => {
  const m = metrics();
  m.callStarted({ ...CALL, number: '+4915112345678', trunk: 'x' });
  m.callRefused('Bad "reason"\nwith lines');
  for (let i = 0; i < 200; i++) m.callRefused(`reason-${i}`);
  const text = await m.text();
  assert.doesNotMatch(text, /4915112345678|Bad/);
  assert.match(text, /number="other",trunk="other"/);
  assert.ok(text.split('\n').filter((one) => one.startsWith('wa_trunk_calls_refused_total{')).length <= 65);
});

test('figures of other parts are asked at each scrape', async () => {
  const m = metrics();
  let dropped = 3;
  const engine = {
    transactions: { client: 1, server: 2 },
    dialogs: 4,
    connections: 5,
    retransmissions: { requests: 6, responses: 7 },
    drops: { untrusted: dropped },
  };
  const figures: Figures = {
    calls: () => 8,
    mediaSessions: () => 9,
    sip: () => ({ invites: 1, dialogs: 2 }),
    engine: () => ({ ...engine, drops: { untrusted: dropped } }),
    ...NOTHING,
  };
  m.observe(figures);
  assert.equal(await line(m, 'wa_trunk_engine_dropped_total'), 'wa_trunk_engine_dropped_total{reason="untrusted"} 3');
  dropped = 5;
  assert.equal(await line(m, 'wa_trunk_engine_dropped_total'), 'wa_trunk_engine_dropped_total{reason="untrusted"} 5');
  assert.equal(await line(m, 'wa_trunk_calls_active'), 'wa_trunk_calls_active 8');
  assert.equal(await line(m, 'wa_trunk_media_sessions'), 'wa_trunk_media_sessions 9');
  assert.ok(await line(m, 'wa_trunk_engine_open{kind="transactions"} 3'));
  assert.ok(await line(m, 'wa_trunk_engine_retransmissions_total{kind="responses"} 7'));
  assert.ok(await line(m, 'wa_trunk_info{version="1.2.3"} 1'));
  assert.ok(await line(m, 'process_cpu_seconds_total'));
});

test('without an embedded SIP server its figures are left out', async () => {
  const m = metrics();
  m.observe({
    calls: () => 0,
    mediaSessions: () => 0,
    sip: () => ({ invites: 0, dialogs: 0 }),
    engine: () => undefined,
    ...NOTHING,
  });
  assert.equal(await line(m, 'wa_trunk_engine_open{'), undefined);
});

test('what the calls tell is logged and counted', async () => {
  const m = metrics();
  const { log, lines } = createSink();
  const observer = callObserver(log, m);
  observer.refused({ code: 'unknown-number', detail: 'no such number', source: '10.0.0.1:5061', sipCallId: 'x' });
  const call = { ...CALL, id: 'c1', wacid: 'wacid.1' } as const;
  observer.started(call);
  observer.ended(call, {
    outcome: { by: 'callee', failure: NORMAL },
    dialledMs: 2.4,
    answeredMs: 1000,
    endedMs: 5000,
    media: undefined,
  });
  const [refused, started, ended] = lines;
  assert.equal(lines.length, 3);
  assert.equal(refused?.message, 'call refused');
  assert.equal(refused.reason, 'unknown-number');
  assert.equal(refused.detail, 'no such number');
  assert.equal(started?.message, 'call started');
  assert.equal(started.callId, 'c1');
  assert.equal(ended?.message, 'call ended');
  assert.equal(ended.result, 'normal');
  assert.equal(ended.q850, 16);
  assert.equal(ended.answeredMs, 1000);
  assert.ok(await line(m, 'wa_trunk_calls_refused_total{reason="unknown-number"} 1'));
  assert.equal(
    await line(m, 'wa_trunk_call_duration_seconds_sum'),
    'wa_trunk_call_duration_seconds_sum{direction="user-initiated"} 4',
  );
});

test('hosts, registrations, rtpengine nodes and limits, as they are at each scrape', async () => {
  const m = metrics();
  let hosts = [
    { trunk: 'office', host: 'udp:10.0.0.10:5060', up: true, registered: false },
    { trunk: 'office', host: 'udp:10.0.0.11:5060', up: false, registered: false },
    { trunk: 'office', host: 'sip:a@192.0.2.1', up: true, registered: true },
    { trunk: 'office', host: 'sip:b@192.0.2.1', up: false, registered: true },
  ];
  m.observe({
    ...{ calls: () => 0, mediaSessions: () => 0, sip: () => ({ invites: 0, dialogs: 0 }), engine: () => undefined },
    hosts: () => hosts,
    mediaNodes: () => [{ name: '127.0.0.1:2223', up: false }],
    limits: () => ({
      calls: [
        { limit: 'gateway', name: '', calls: 7, max: 200, hits: 0 },
        { limit: 'trunk', name: 'office', calls: 7, hits: 3 },
      ],
      minutes: [{ number: '+15551234567', used: 12.5, max: 60, hits: 2 }],
    }),
  });
  const text = await m.text();
  for (const expected of [
    'wa_trunk_pbx_host_up{trunk="office",host="udp:10.0.0.10:5060"} 1',
    'wa_trunk_pbx_host_up{trunk="office",host="udp:10.0.0.11:5060"} 0',
    'wa_trunk_pbx_registrations{trunk="office",state="up"} 1',
    'wa_trunk_pbx_registrations{trunk="office",state="down"} 1',
    'wa_trunk_rtpengine_up{node="127.0.0.1:2223"} 0',
    'wa_trunk_limit_calls{limit="gateway",name=""} 7',
    'wa_trunk_limit_calls_max{limit="gateway",name=""} 200',
    'wa_trunk_limit_calls{limit="trunk",name="office"} 7',
    'wa_trunk_limit_hits_total{limit="trunk",name="office"} 3',
    'wa_trunk_limit_hits_total{limit="daily-minutes",name="+15551234567"} 2',
    'wa_trunk_daily_minutes{number="+15551234567"} 12.5',
    'wa_trunk_daily_minutes_max{number="+15551234567"} 60',
  ]) {
    assert.ok(text.split('\n').includes(expected), `${expected}\n${text}`);
  }
  assert.doesNotMatch(text, /192\.0\.2\.1/, 'what a PBX registers is no label');
  assert.doesNotMatch(text, /limit_calls_max\{limit="trunk"/, 'no limit of its own');
  hosts = hosts.slice(0, 1);
  assert.equal(
    await line(m, 'wa_trunk_pbx_registrations{trunk="office",state="up"'),
    'wa_trunk_pbx_registrations{trunk="office",state="up"} 0',
  );
});

test('wrong passwords are counted by side', async () => {
  const m = metrics();
  m.digestFailed('pbx', 'wrong');
  m.digestFailed('pbx', 'braked');
  m.digestBrake('pbx');
  assert.ok(await line(m, 'wa_trunk_digest_failures_total{side="pbx",result="wrong"} 1'));
  assert.ok(await line(m, 'wa_trunk_digest_failures_total{side="pbx",result="braked"} 1'));
  assert.ok(await line(m, 'wa_trunk_digest_brakes_total{side="pbx"} 1'));
});
