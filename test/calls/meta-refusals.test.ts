import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { causeOfStatus } from '../../gateway/calls/failures.js';
import { META_CODES, failureOfMeta, metaFailure } from '../../gateway/calls/meta-refusals.js';

/** Meta's texts as its troubleshooting page and reports from live numbers give them. */
const TEXTS: readonly (readonly [number, string, string])[] = [
  [403, 'No Approved Call Permission Found: No approved call permission from the recipient', 'no-permission'],
  [403, 'Business Initiated Connected Call Per Day Limit Hit', 'daily-limit'],
  [403, 'SIP server foo.com from INVITE does not match any SIP server configured for phone number id 1', 'hostname'],
  [403, 'The app 12 configured for SIP server `a.b` is not authorized for phone number id 1', 'app'],
  [403, 'Business eligibility payment issue', 'payment'],
  [403, 'Duplicate call', 'duplicate'],
  [403, 'Calling is not available in this country', 'country'],
  [403, 'Rate limit hit', 'rate-limit'],
  [408, 'RTP Timeout', 'rtp-timeout'],
  [480, 'NORMAL_TEMPORARY_FAILURE', 'no-answer'],
  [486, 'Busy Here', 'declined'],
  [503, 'Service Unavailable', 'unavailable'],
  [403, 'Invalid digest response', 'unknown'],
  [404, 'SIP INVITEs using IP in request URI are not allowed', 'unknown'],
];

for (const [status, text, code] of TEXTS) {
  test(`${status} ${text} is ${code}`, () => {
    assert.equal(failureOfMeta(status, text, undefined).code, code);
  });
}

test('the text counts in the Warning header, too', () => {
  assert.equal(failureOfMeta(403, 'Forbidden', '399 wa.meta.vc "Duplicate call"').code, 'duplicate');
});

test('an unknown text passes as it is', () => {
  assert.deepEqual(failureOfMeta(488, 'Something new', undefined), {
    code: 'unknown',
    status: 488,
    reason: 'Something new',
    q850: 58,
  });
});

test('the reference has every code, and each cause is what a PBX makes of the status', () => {
  const reference = readFileSync('docs/reference/errors.md', 'utf8');
  const known = META_CODES.filter((code) => code !== 'unknown');
  for (const code of known) assert.equal(metaFailure(code).q850, causeOfStatus(metaFailure(code).status), code);
  for (const code of known) {
    const { status, reason, q850 } = metaFailure(code);
    assert.match(reference, new RegExp(`^\\| \`${code}\` \\| ${status} \\| ${q850} \\| ${reason} \\|`, 'm'), code);
  }
});
