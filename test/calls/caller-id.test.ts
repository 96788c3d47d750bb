import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCallerOf } from '../../gateway/calls/caller-id.js';
import type { TrunkConfig } from '../../gateway/config/types.js';
import { numberConfig, trunkConfig } from './configs.js';

const TEXAS = numberConfig({ number: '+12145551869' });
const BERLIN = numberConfig({ number: '+4930901820' });
const OTHERS = numberConfig({ number: '+442071838750', trunk: 'other' });
const callerOf = createCallerOf([TEXAS, BERLIN, OTHERS]);

function caller(headers: Record<string, string>, trunk: Partial<TrunkConfig> = {}): string {
  const found = callerOf({ header: (name) => headers[name.toLowerCase()] }, [trunkConfig('main', trunk)]);
  return typeof found === 'string' ? found : found.number.number;
}

test('From names the business number, in any form', () => {
  for (const user of ['+12145551869', '12145551869', '2145551869', '+1(214)555-1869', '0012145551869']) {
    assert.equal(caller({ from: `"Agent" <sip:${user}@10.0.0.10>;tag=1` }), TEXAS.number, user);
  }
  assert.equal(caller({ from: '<sip:030901820@pbx>;tag=1' }), BERLIN.number);
  assert.equal(caller({ from: '<tel:+4930901820>;tag=1' }), BERLIN.number);
});

test('without it P-Asserted-Identity, then P-Preferred-Identity', () => {
  const from = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1';
  const asserted = '"A, b" <sip:100@pbx>, <tel:+4930901820>';
  const preferred = '<sip:+12145551869@pbx>';
  assert.equal(caller({ from, 'p-asserted-identity': asserted, 'p-preferred-identity': preferred }), BERLIN.number);
  assert.equal(caller({ from, 'p-preferred-identity': preferred }), TEXAS.number);
});

test("the trunk's header wins over all, and must name a number of the trunk", () => {
  const trunk = { callerIdHeader: 'X-Business-Number', callerId: TEXAS.number };
  const from = '<sip:+12145551869@pbx>';
  assert.equal(caller({ from, 'x-business-number': '+49 30 901820' }, trunk), BERLIN.number);
  assert.equal(caller({ from, 'x-business-number': '<sip:+4930901820@pbx>' }, trunk), BERLIN.number);
  assert.equal(
    caller({ from, 'x-business-number': OTHERS.number }, trunk),
    'X-Business-Number names +442071838750, which is no number of trunk main',
  );
  assert.equal(caller({ from, 'x-business-number': ' ' }, trunk), TEXAS.number);
  assert.equal(caller({ from: '<sip:100@pbx>' }, trunk), TEXAS.number);
});

test("else the trunk's default, else a reason", () => {
  assert.equal(caller({ from: '<sip:100@pbx>' }, { callerId: BERLIN.number }), BERLIN.number);
  assert.equal(caller({ from: '<sip:100@pbx>' }), '100 is no number of trunk main, which has no callerId');
  assert.equal(caller({}), 'nobody is no number of trunk main, which has no callerId');
});

test('a number of another trunk is not lent', () => {
  assert.match(caller({ from: `<sip:${OTHERS.number}@pbx>` }), /is no number of trunk main/);
});

test('of several trunks of one PBX, the one whose number is named; defaults come last', () => {
  const trunks = [trunkConfig('main', { callerId: TEXAS.number }), trunkConfig('other')];
  const called = (from: string) => callerOf({ header: (name) => (name === 'from' ? from : undefined) }, trunks);
  assert.deepEqual(called(`<sip:${OTHERS.number}@pbx>`), { trunk: trunks[1], number: OTHERS });
  assert.deepEqual(called('<sip:100@pbx>'), { trunk: trunks[0], number: TEXAS });
});
