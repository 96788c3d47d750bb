import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SessionTimer, tooShortInterval } from '../../gateway/calls/session-timer.js';

const request = (headers: Record<string, string>) => ({ header: (name: string) => headers[name] });

function timed(t: TestContext): { timer: SessionTimer; events: string[] } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const events: string[] = [];
  const timer = new SessionTimer({ expired: () => events.push('expired'), refresh: () => events.push('refresh') });
  return { timer, events };
}

test('the PBX refreshes where it leaves the choice, and is gone when it does not', (t) => {
  const { timer, events } = timed(t);
  assert.deepEqual(timer.requested(request({ 'session-expires': '1800', supported: '100rel, timer' })), {
    'Session-Expires': '1800;refresher=uac',
    Require: 'timer',
  });
  t.mock.timers.tick(1767_000);
  assert.deepEqual(events, []);
  t.mock.timers.tick(1_000);
  assert.deepEqual(events, ['expired']);
});

test('a refresh starts the time anew', (t) => {
  const { timer, events } = timed(t);
  const refresh = request({ 'session-expires': '90;refresher=uac' });
  timer.requested(refresh);
  t.mock.timers.tick(50_000);
  assert.deepEqual(timer.requested(refresh), { 'Session-Expires': '90;refresher=uac' });
  t.mock.timers.tick(50_000);
  assert.deepEqual(events, []);
  t.mock.timers.tick(10_000);
  assert.deepEqual(events, ['expired']);
});

test('where the PBX wants it, the gateway refreshes at half the interval', (t) => {
  const { timer, events } = timed(t);
  timer.requested(request({ 'session-expires': '1800;refresher=uas' }));
  t.mock.timers.tick(900_000);
  assert.deepEqual(events, ['refresh']);
  assert.deepEqual(timer.refreshing, { 'Session-Expires': '1800;refresher=uac', Supported: 'timer' });
});

test('the refresher of an answer is told from its own side', (t) => {
  const { timer, events } = timed(t);
  timer.responded((name) => (name === 'session-expires' ? '200;refresher=uas' : undefined));
  t.mock.timers.tick(168_000);
  assert.deepEqual(events, ['expired']);
});

test('an answer without the header ends the timer, and so does close()', (t) => {
  const { timer, events } = timed(t);
  timer.requested(request({ 'session-expires': '90' }));
  timer.responded(() => undefined);
  timer.requested(request({ 'session-expires': '90' }));
  timer.close();
  t.mock.timers.tick(200_000);
  assert.deepEqual(events, []);
});

test('an interval below the minimum is refused, in the compact form, too', () => {
  assert.equal(tooShortInterval(request({ 'session-expires': '60' })), 90);
  assert.equal(tooShortInterval(request({ x: '89;refresher=uac' })), 90);
  assert.equal(tooShortInterval(request({ 'session-expires': '90' })), undefined);
  assert.equal(tooShortInterval(request({ 'session-expires': 'soon' })), undefined);
  assert.equal(tooShortInterval(request({})), undefined);
});
