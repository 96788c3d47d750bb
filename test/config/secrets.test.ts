import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chmodSync } from 'node:fs';
import { inspect } from 'node:util';
import { redacted, secret } from '../../gateway/config/index.js';
import { createFixture, MINIMAL } from './fixture.js';
import type { Fixture } from './fixture.js';

const VARIABLE = 'WA_TRUNK_SIP_PASSWORD_15551234567';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
});
after(() => fixture.close());

function withPasswordFile(content: string): ReturnType<Fixture['load']> {
  fixture.write('secrets/other', content);
  return fixture.load(MINIMAL.replace('secrets/15551234567', 'secrets/other'));
}

test('the environment wins over the password file', () => {
  const { config } = fixture.load(MINIMAL, { [VARIABLE]: 'from-environment' });
  assert.equal(config?.numbers[0]?.sipPassword?.reveal(), 'from-environment');
  const alone = fixture.load(MINIMAL.replace('    sipPasswordFile: secrets/15551234567\n', ''), {
    [VARIABLE]: 'alone',
  });
  assert.equal(alone.config?.numbers[0]?.sipPassword?.reveal(), 'alone');
});

test('one newline at the end of the file is not part of the password, anything else is', () => {
  assert.equal(withPasswordFile(' a b \n').config?.numbers[0]?.sipPassword?.reveal(), ' a b ');
  assert.equal(withPasswordFile('dos\r\n').config?.numbers[0]?.sipPassword?.reveal(), 'dos');
  assert.match(withPasswordFile('').faults[0] ?? '', /numbers\[0\]\.sipPasswordFile: found an empty file/);
  assert.match(withPasswordFile('one\ntwo\n').faults[0] ?? '', /sipPasswordFile: found several lines/);
});

test('a password file that cannot be read is a fault; what is no path is not repeated', () => {
  const missing = fixture.load(MINIMAL.replace('secrets/15551234567', 'secrets/none'));
  assert.match(missing.faults[0] ?? '', /numbers\[0\]\.sipPasswordFile: found "secrets\/none" \(no such file\)/);
  const pasted = fixture.load(MINIMAL.replace('secrets/15551234567', 'hunter2hunter2'));
  assert.match(pasted.faults[0] ?? '', /numbers\[0\]\.sipPasswordFile: found a value \(no such file\)/);
  assert.doesNotMatch(pasted.faults.join(), /hunter2/);
});

test('a password is needed as long as calls are challenged', () => {
  const bare = MINIMAL.replace('    sipPasswordFile: secrets/15551234567\n', '');
  assert.deepEqual(fixture.load(bare).faults, [
    `wa-trunk.yaml: numbers[0].sipPasswordFile: found nothing, allowed a file that holds the secret, or the environment variable ${VARIABLE} (line 12)`,
  ]);
  const open = fixture.load(bare.replace('whatsapp:\n', 'whatsapp:\n  challenge: false\n'));
  assert.deepEqual(open.faults, []);
  assert.equal(open.config?.numbers[0]?.sipPassword, undefined);
});

test('the secret of drachtio-server comes from its file or the environment', () => {
  const yaml = `${MINIMAL}sip:\n  engine: drachtio\n`;
  assert.match(
    fixture.load(yaml).faults[0] ?? '',
    /sip\.drachtio\.secretFile: found nothing.*WA_TRUNK_DRACHTIO_SECRET/,
  );
  const { config } = fixture.load(yaml, { WA_TRUNK_DRACHTIO_SECRET: 'admin-secret' });
  assert.ok(config?.sip.engine === 'drachtio');
  assert.equal(config.sip.secret.reveal(), 'admin-secret');
  assert.equal(config.sip.port, 9022);
});

test('files with secrets that everybody can read are warnings', () => {
  const password = fixture.write('secrets/public', 'x\n');
  chmodSync(password, 0o644);
  const { config, warnings } = fixture.load(MINIMAL.replace('secrets/15551234567', 'secrets/public'));
  assert.ok(config);
  assert.deepEqual(warnings, [
    'wa-trunk.yaml: numbers[0].sipPasswordFile: found "secrets/public", which every user of this machine can read, allowed a file of mode 0600 or 0640 (line 13)',
  ]);
});

test('no way of printing shows a secret', () => {
  const { config } = fixture.load(`${MINIMAL}sip:\n  engine: drachtio\n`, {
    [VARIABLE]: 'number-hunter2',
    WA_TRUNK_DRACHTIO_SECRET: 'drachtio-hunter2',
  });
  assert.ok(config);
  const printed = [
    JSON.stringify(redacted(config)),
    JSON.stringify(config),
    inspect(config, { depth: 10, showHidden: true }),
    `${secret('hunter2').toString()}`,
  ];
  for (const text of printed) {
    assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(text, /hunter2/);
  }
  assert.deepEqual((redacted(config) as { sip: unknown }).sip, {
    engine: 'drachtio',
    host: '127.0.0.1',
    port: 9022,
    secret: '[redacted]',
  });
});
