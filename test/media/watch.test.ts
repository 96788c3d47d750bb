import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watch } from '../../gateway/media/conditioner/watch.js';
import type { MediaTrouble } from '../../gateway/media/port.js';

function watch(): { readonly watch: Watch; readonly said: string[] } {
  const said: string[] = [];
  const say = (t: MediaTrouble): number =>
    said.push(`${t.from} ${t.present ? 'silent' : 'heard'} ${t.silentMs}${t.oneWay ? ' one-way' : ''}`);
  return { watch: new Watch(5000, 0, say), said };
}

test('each silence is reported once, with the other side, and its end once', () => {
  const { watch: w, said } = watch();
  for (let now = 0; now <= 8000; now += 250) {
    w.heard('whatsapp', now);
    w.check(now);
  }
  w.heard('pbx', 9000);
  w.heard('pbx', 9020);
  w.check(15_000);
  w.check(15_250);
  assert.deepEqual(said, [
    'pbx silent 5000 one-way',
    'pbx heard 9000 one-way',
    'whatsapp silent 7000',
    'pbx silent 5980',
  ]);
});

test('on hold the PBX may be silent; its time begins anew afterwards', () => {
  const { watch: w, said } = watch();
  w.check(5000);
  w.expectPbx(false, 6000);
  for (let now = 6000; now <= 60_000; now += 250) w.check(now);
  w.expectPbx(true, 60_000);
  w.check(64_900);
  assert.deepEqual(said, ['whatsapp silent 5000', 'pbx silent 5000', 'pbx heard 6000']);
  w.check(65_000);
  assert.equal(said.at(-1), 'pbx silent 5000');
});
