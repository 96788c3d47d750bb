import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerIdentity } from '../../gateway/calls/identity.js';
import { begin, FakeInvite, settled } from './fakes.js';

test('the user who calls is known by number or business-scoped id, and by nothing else', () => {
  const cases: [string, string | undefined][] = [
    ['"12195550714" <sip:+12195550714@wa.meta.vc>;tag=1', '+12195550714'],
    ['<sip:US.13491208655302741918@wa.meta.vc>;tag=1', 'US.13491208655302741918'],
    ['<sip:anonymous@anonymous.invalid>;tag=1', undefined],
  ];
  for (const [from, user] of cases) {
    const header = (name: string): string | undefined => (name === 'from' ? from : undefined);
    assert.equal(callerIdentity({ header }, 'whatsapp', 'sip.example.com').user, user);
  }
});

for (const [where, answer, bye] of [
  ['answer', 'wacid.A', 'wacid.A'],
  ['BYE', undefined, 'wacid.B'],
] as const) {
  test(`Meta's id of a call that a PBX placed is recorded from the ${where}`, async () => {
    const stage = begin(new FakeInvite());
    await settled();
    const header = (value: string | undefined) => (name: string) => (name === 'x-wa-meta-wacid' ? value : undefined);
    const { observer, dialog } = stage.sip.last;
    observer.answered(dialog, "Meta's answer", header(answer));
    await settled();
    observer.dialog.ended({ by: 'peer', reason: undefined, header: header(bye) });
    await stage.session.done;
    assert.equal(stage.records[0]?.wacid, bye);
  });
}
