import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headersForPbx, safeValue } from '../../gateway/calls/headers.js';

function invite(
  headers: Record<string, string>,
  callId = 'outgoing:wacid.HBgL==',
): Parameters<typeof headersForPbx>[0] {
  const lower = new Map(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
  return { callId, header: (name) => lower.get(name.toLowerCase()) };
}

test('every documented spelling crosses under one name', () => {
  for (const name of ['x-wa-meta-user-name', 'x-wa-meta-username']) {
    assert.equal(headersForPbx(invite({ [name]: 'ann' }))['X-WA-User-Name'], 'ann');
  }
  for (const name of ['x-wa-meta-country-code', 'X-WA-Meta-User-Country-Code']) {
    assert.equal(headersForPbx(invite({ [name]: 'IL' }))['X-WA-Country'], 'IL');
  }
});

test('the wacid comes from the Call-ID when Meta sends no header for it', () => {
  assert.equal(headersForPbx(invite({}))['X-WA-Wacid'], 'wacid.HBgL==');
});

test('nothing else crosses, forged headers least of all', () => {
  const headers = headersForPbx(
    invite({ 'X-WA-User-Id': 'forged', 'P-Asserted-Identity': 'sip:0@x', 'X-WA-Trunk': 'other' }),
  );
  assert.deepEqual(Object.keys(headers), ['X-WA-Wacid']);
});

test('a payload cannot inject a header nor a dial-plan variable', () => {
  const value = headersForPbx(invite({ 'x-wa-meta-cta-payload': 'a\r\nX-Evil: 1 ${SHELL(rm)} "é' }))[
    'X-WA-Cta-Payload'
  ];
  assert.equal(value, 'a%0D%0AX-Evil: 1 %24%7BSHELL(rm)%7D %22%C3%A9');
  assert.equal(decodeURIComponent(value), 'a\r\nX-Evil: 1 ${SHELL(rm)} "é');
});

test('a value is cut at its limit without breaking an encoded byte', () => {
  const cut = safeValue('"'.repeat(1000));
  assert.ok(cut.length <= 1536);
  assert.doesNotThrow(() => decodeURIComponent(cut));
});
