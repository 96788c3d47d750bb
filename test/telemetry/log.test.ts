import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secret } from '../../gateway/config/index.js';
import { createSink, logOfCall } from '../../gateway/telemetry/index.js';

test('a line has time, level, message and the fields of its call', () => {
  const { log, lines } = createSink();
  logOfCall(log, { callId: 'c1', leg: 'pbx', trunk: 'office', number: '+15551234567' }).info(
    { status: 486 },
    'refused',
  );
  const [line] = lines;
  assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(
    { ...line, time: '' },
    {
      level: 'info',
      time: '',
      callId: 'c1',
      leg: 'pbx',
      trunk: 'office',
      number: '+15551234567',
      status: 486,
      message: 'refused',
    },
  );
});

test('the level is kept', () => {
  const { log, lines } = createSink('warn');
  log.info('not this');
  log.warn('this');
  assert.deepEqual(
    lines.map((line) => line.message),
    ['this'],
  );
});

test('an error shows its message, code and stack', () => {
  const { log, lines } = createSink();
  log.error({ err: Object.assign(new Error('no way'), { code: 'ECONNREFUSED' }) }, 'failed');
  const err = lines[0]?.err as Record<string, unknown>;
  assert.equal(err.message, 'no way');
  assert.equal(err.code, 'ECONNREFUSED');
  assert.match(String(err.stack), /log\.test/);
});

test('secrets are not in a line, wherever they stand', () => {
  const { log, lines } = createSink();
  const deep = { password: 'hunter2', number: { sipPassword: 'hunter2', own: secret('hunter2') } };
  const request = { headers: { 'Proxy-Authorization': 'Digest hunter2', authorization: 'hunter2' } };
  const err = Object.assign(new Error('no way'), { password: 'hunter2', request });
  const fields = { ...deep, request, list: [deep], err, kept: 'as it is', at: new Date(0) };
  log.info(fields, 'x');
  log.child(deep).child({ request }).warn({ again: deep }, 'y');
  logOfCall(log, { ...deep, trunk: 'office' }).info({ request }, 'z');
  assert.equal(lines.length, 3);
  assert.doesNotMatch(JSON.stringify(lines), /hunter2/);
  assert.equal(lines[0]?.kept, 'as it is');
  assert.equal(lines[0].at, new Date(0).toISOString());
  assert.deepEqual(lines[0].list, [
    { password: '[redacted]', number: { sipPassword: '[redacted]', own: '[redacted]' } },
  ]);
  assert.equal(lines[2]?.trunk, 'office');
  assert.equal(deep.password, 'hunter2', 'what was logged is not changed');
});

test('the log of a call writes no lines below the level', () => {
  const { log, lines } = createSink('info');
  const ofCall = logOfCall(log, { callId: 'c1' });
  ofCall.debug({}, 'not this');
  ofCall.warn({}, 'this');
  assert.deepEqual(
    lines.map((line) => [line.callId, line.message]),
    [['c1', 'this']],
  );
});
