import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createFixture, MINIMAL } from '../config/fixture.js';
import type { Fixture } from '../config/fixture.js';
import { runHere } from './fake-io.js';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
});
after(() => fixture.close());

test('a good file is summed up, number by number', async () => {
  const file = fixture.write('good.yaml', MINIMAL);
  assert.deepEqual(await runHere(['check', '-c', file]), {
    code: 0,
    stdout: `${file}: ok\n  +15551234567 (dtls, opus) -> office: udp 10.0.0.10 (PCMA, PCMU)`,
    stderr: '',
  });
});

test('warnings are on stderr and do not change the exit code', async () => {
  const file = fixture.write('warned.yaml', MINIMAL.replace('whatsapp:\n', 'whatsapp:\n  trustedNetworks: ["::/0"]\n'));
  const { code, stdout, stderr } = await runHere(['check', '-c', file]);
  assert.equal(code, 0);
  assert.match(stdout, /: ok, with 1 warning\n/);
  assert.equal(
    stderr,
    `warning: ${file}: whatsapp.trustedNetworks[0]: found ::/0, which trusts everybody, allowed Meta's networks (line 5)`,
  );
});

test('each fault is one line on stderr, exit code 2', async () => {
  const file = fixture.write(
    'bad.yaml',
    MINIMAL.replace("'+15551234567'", "'15551234567'").replace('trunk: office', 'trunk: off'),
  );
  const { code, stdout, stderr } = await runHere(['check', '--config', file]);
  assert.deepEqual([code, stdout], [2, '']);
  const lines = stderr.split('\n');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(line.startsWith(`${file}: numbers[0].`), line);
});

test('the file may be named by the environment; one that is missing is a fault', async () => {
  const file = fixture.write('named.yaml', MINIMAL);
  assert.equal((await runHere(['check'], { WA_TRUNK_CONFIG: file })).code, 0);
  const missing = await runHere(['check', '-c', join(fixture.folder, 'none.yaml')]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /none\.yaml: found a file that cannot be read: no such file/);
});

test('--show prints what was loaded, without a secret', async () => {
  const file = fixture.write('shown.yaml', MINIMAL);
  const { code, stdout } = await runHere(['check', '--show', '-c', file], {
    WA_TRUNK_SIP_PASSWORD_15551234567: 'hunter2',
  });
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /hunter2|number-secret/);
  const shown = parse(stdout) as { gateway: { maxCalls: number }; numbers: { sipPassword: string }[] };
  assert.equal(shown.gateway.maxCalls, 200);
  assert.equal(shown.numbers[0]?.sipPassword, '[redacted]');
});
