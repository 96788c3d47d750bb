import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NORMAL } from '../../gateway/calls/failures.js';
import { callObserver, createSink, Metrics } from '../../gateway/telemetry/index.js';
import type { Figures } from '../../gateway/telemetry/index.js';

const CALL = { direction: 'user-initiated', number: '+15551234567', trunk: 'office' } as const;

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
