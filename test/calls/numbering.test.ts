import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialCountry, toE164 } from '../../gateway/calls/numbering.js';

type Case = readonly [dialled: string, country: string | undefined, number: string | undefined];

function check(cases: readonly Case[]): void {
  for (const [dialled, country, number] of cases) {
    assert.equal(toE164(dialled, country), number, `${dialled} in ${country ?? 'no country'}`);
  }
}

test('+E.164 is taken as it is, whatever the country', () => {
  check([
    ['+12145551869', undefined, '+12145551869'],
    ['+12145551869', 'DE', '+12145551869'],
    // Not in any numbering plan; Meta has the last word.
    ['+15551234567', 'US', '+15551234567'],
    ['+5215512345678', 'MX', '+5215512345678'],
  ]);
});

test('separators do not count, nor does a trunk prefix in brackets', () => {
  check([
    ['+1 (214) 555-1869', 'US', '+12145551869'],
    ['+49.30/901-820', undefined, '+4930901820'],
    ['+49 (0)30 901820', undefined, '+4930901820'],
    ['(030) 90 18 20', 'DE', '+4930901820'],
  ]);
});

test('00, and the international prefix of the country', () => {
  check([
    ['004930901820', undefined, '+4930901820'],
    ['0012145551869', 'DE', '+12145551869'],
    ['0012145551869', 'US', '+12145551869'],
    ['0114930901820', 'US', '+4930901820'],
    ['00114930901820', 'AU', '+4930901820'],
    ['004930901820', 'AU', '+4930901820'],
    ['8104930901820', 'RU', '+4930901820'],
    ['0015551234567', 'DE', '+15551234567'],
    // With the code of a carrier, as Brazil dials.
    ['00154930901820', 'BR', '+4930901820'],
    ['004930901820', 'BR', '+4930901820'],
  ]);
});

test('bare E.164', () => {
  check([
    ['12145551869', undefined, '+12145551869'],
    ['12145551869', 'US', '+12145551869'],
    ['12145551869', 'DE', '+12145551869'],
    ['5511987654321', 'DE', '+5511987654321'],
    ['5511987654321', 'BR', '+5511987654321'],
    ['4930901820', 'DE', '+4930901820'],
    ['15551234567', 'US', '+15551234567'],
    ['447400123456', 'GB', '+447400123456'],
    ['919876543210', 'IN', '+919876543210'],
  ]);
});

test('national, with the trunk prefix or as the country writes it without', () => {
  check([
    ['030901820', 'DE', '+4930901820'],
    ['07400123456', 'GB', '+447400123456'],
    ['2145551869', 'US', '+12145551869'],
    ['11987654321', 'BR', '+5511987654321'],
    ['01511987654321', 'BR', '+5511987654321'],
    ['9876543210', 'IN', '+919876543210'],
    ['09876543210', 'IN', '+919876543210'],
    ['0612345678', 'IT', '+390612345678'],
    ['612345678', 'ES', '+34612345678'],
    ['5512345678', 'MX', '+525512345678'],
    ['84951234567', 'RU', '+74951234567'],
  ]);
});

test('digits that are two numbers at once are national where they are written just so', () => {
  check([
    ['51987654321', 'BR', '+5551987654321'],
    ['51987654321', 'DE', '+51987654321'],
    ['6581234567', 'IN', '+916581234567'],
    ['6581234567', 'DE', '+6581234567'],
  ]);
});

test('a business-scoped user id stays as it is', () => {
  check([
    ['US.13491208655302741918', undefined, 'US.13491208655302741918'],
    ['US.13491208655302741918', 'DE', 'US.13491208655302741918'],
  ]);
});

test('what is no number is none', () => {
  check([
    ['', 'US', undefined],
    ['+', 'US', undefined],
    ['100', 'DE', undefined],
    ['s', 'US', undefined],
    ['*97', 'US', undefined],
    ['+49abc', 'DE', undefined],
    ['+0301234567', 'DE', undefined],
    ['+1234567890123456', 'US', undefined],
    ['0000', 'DE', undefined],
    ['5551869', 'US', undefined],
    ['030901820', undefined, undefined],
    ['12145551869', 'ZZ', '+12145551869'],
    ['030901820', 'ZZ', undefined],
    ['1'.repeat(300), 'US', undefined],
    ['us.13491208655302741918', 'US', undefined],
  ]);
});

test('the country is of the number, else of the trunk, else the one that the number is in', () => {
  assert.equal(dialCountry({ number: '+12145551869', country: 'DE' }, { country: 'BR' }), 'DE');
  assert.equal(dialCountry({ number: '+12145551869' }, { country: 'BR' }), 'BR');
  assert.equal(dialCountry({ number: '+12145551869' }, {}), 'US');
  assert.equal(dialCountry({ number: '+4930901820' }, {}), 'DE');
});
