import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { maskSip, openSipTrace } from '../../gateway/telemetry/index.js';
import type { SipTraceEvent } from '../../gateway/telemetry/index.js';

const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-trace-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const INVITE = [
  'INVITE sip:+15551234567@sip.example.com SIP/2.0',
  'Via: SIP/2.0/TLS [2803:6080::1]:5061;branch=z9hG4bKnonce',
  'Proxy-Authorization: Digest username="15551234567", realm="sip.example.com",',
  ' nonce="N0NCE", uri="sip:+1@sip.example.com", response="R3SPONSE", cnonce="CN0NCE", opaque="0PAQUE"',
  'authorization:Digest response="R3SPONSE"',
  'Content-Type: application/sdp',
  '',
  'v=0',
  'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SRTPKEY+/=|2^31|1:1;inline:SRTPKEY2',
  'a=fingerprint:sha-256 AA:BB',
  'a=key-mgmt:mikey SRTPKEY3',
  '',
].join('\r\n');

function event(raw: string): SipTraceEvent {
  const at = Date.UTC(2026, 10, 22);
  return {
    direction: 'in',
    transport: 'tls',
    local: { address: '::1', port: 5061 },
    remote: { address: '10.0.0.1', port: 4000 },
    at,
    raw,
  };
}

function linesOf(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('credentials, nonces and SRTP keys are masked, the rest stays', () => {
  const masked = maskSip(INVITE);
  assert.doesNotMatch(masked, /N0NCE|R3SPONSE|0PAQUE|SRTPKEY/);
  assert.match(masked, /Proxy-Authorization: Digest \[masked\]\r\nauthorization:Digest \[masked\]\r\nContent-Type/);
  assert.match(masked, /inline:\[masked\]\|2\^31\|1:1;inline:\[masked\]\r\n/);
  assert.match(masked, /branch=z9hG4bKnonce/);
  assert.match(masked, /fingerprint:sha-256 AA:BB/);
  const challenge =
    'SIP/2.0 407 X\r\nProxy-Authenticate: Digest realm="r",nonce="N0NCE, \\"x",opaque="0PAQUE",algorithm=MD5\r\nl: 0\r\n\r\n';
  assert.equal(
    maskSip(challenge),
    'SIP/2.0 407 X\r\nProxy-Authenticate: Digest realm="r",nonce=[masked],opaque=[masked],algorithm=MD5\r\nl: 0\r\n\r\n',
  );
});

test('messages become JSON lines in their order', async () => {
  const file = join(folder, 'order.jsonl');
  const trace = await openSipTrace(file);
  for (let i = 0; i < 50; i++) trace.write(event(`OPTIONS sip:${i} SIP/2.0\r\n\r\n`));
  await trace.close();
  trace.write(event('after the end'));
  await trace.close();
  const lines = linesOf(file);
  assert.deepEqual(lines[0], {
    time: '2026-11-22T00:00:00.000Z',
    direction: 'in',
    transport: 'tls',
    local: '[::1]:5061',
    remote: '10.0.0.1:4000',
    message: 'OPTIONS sip:0 SIP/2.0\r\n\r\n',
  });
  assert.deepEqual(
    lines.map(({ message }) => /sip:(\d+)/.exec(String(message))?.[1]),
    Array.from({ length: 50 }, (_, i) => String(i)),
  );
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('the file is rotated once at its size', async () => {
  const file = join(folder, 'rotated.jsonl');
  const trace = await openSipTrace(file, { maxBytes: 2000 });
  for (let i = 0; i < 40; i++) {
    trace.write(event(`OPTIONS sip:${i} SIP/2.0\r\n${'x'.repeat(300)}\r\n\r\n`));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await trace.close();
  const last = linesOf(file).at(-1);
  assert.match(String(last?.message), /sip:39 /);
  // One batch may be as large as what came in meanwhile, so the bound is the limit and one batch.
  assert.ok(statSync(file).size + statSync(`${file}.1`).size < 40 * 500);
});

test('what the disk cannot take in time is left out and counted', async () => {
  const file = join(folder, 'full.jsonl');
  const trace = await openSipTrace(file, { maxWaitingBytes: 1000 });
  for (let i = 0; i < 10; i++) trace.write(event('x'.repeat(400)));
  await trace.close();
  const lines = linesOf(file);
  assert.equal(lines.length, 3);
  assert.equal(lines[0]?.leftOut, 8);
});

test('a folder that is not there is told at once, a disk that fails is logged and disturbs nobody', async () => {
  await assert.rejects(openSipTrace(join(folder, 'none', 'x.jsonl')), { code: 'ENOENT' });
  const warnings: string[] = [];
  const trace = await openSipTrace('/dev/full', { log: { warn: (_, message) => void warnings.push(message) } });
  trace.write(event('one'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  trace.write(event('two'));
  await trace.close();
  assert.deepEqual(warnings, ['SIP trace cannot be written']);
});
