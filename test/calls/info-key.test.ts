import assert from 'node:assert/strict';
import { test } from 'node:test';
import { infoKey } from '../../gateway/calls/info-key.js';

const cases: readonly (readonly [string, string | undefined, string, ReturnType<typeof infoKey>])[] = [
  ['dtmf-relay', 'application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n', { key: '5', durationMs: 160 }],
  [
    'spaces and a parameter',
    'Application/DTMF-Relay;x=y',
    'Signal= * \r\nDuration= 250',
    { key: '*', durationMs: 250 },
  ],
  ['no duration', 'application/dtmf-relay', 'Signal=#', { key: '#', durationMs: 160 }],
  ['a number for a sign', 'application/dtmf-relay', 'Signal=11', { key: '#', durationMs: 160 }],
  ['the key alone', 'application/dtmf', 'd\r\n', { key: 'D', durationMs: 160 }],
  ['too short', 'application/dtmf-relay', 'Signal=1\nDuration=1', { key: '1', durationMs: 40 }],
  ['too long', 'application/dtmf-relay', 'Signal=1\nDuration=99999', { key: '1', durationMs: 8000 }],
  ['no key', 'application/dtmf-relay', 'Signal=flash', undefined],
  ['something else', 'application/media_control+xml', 'Signal=1', undefined],
  ['no type', undefined, '5', undefined],
];

for (const [name, type, body, expected] of cases) {
  test(`INFO: ${name}`, () => assert.deepEqual(infoKey(type, body), expected));
}
