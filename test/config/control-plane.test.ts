/** The keys of the control plane: what they become, and what they need of each other. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFixture, MINIMAL, type Fixture } from './fixture.js';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
  for (const name of ['token', 'key', 'verify', 'app-1', 'app-2'])
    fixture.write(`secrets/${name}`, `${name}-0123456789abcdef\n`);
});
after(() => fixture.close());

const GRAPH = 'graph:\n  tokenFile: secrets/token\n';
const withNumber = (lines: string): string => MINIMAL.replace('    trunk: office\n', `    trunk: office\n${lines}`);

test('without a token nothing is asked of the Graph API, and nothing is stored', () => {
  const { config } = fixture.load(MINIMAL);
  assert.equal(config?.graph, undefined);
  assert.deepEqual(config?.store, { engine: 'memory' });
});

test('a token file is named, not read, since it is read again when it changes; one of the environment wins', () => {
  const fromFile = fixture.load(MINIMAL + GRAPH).config?.graph;
  assert.deepEqual(fromFile?.token, { kind: 'file', file: `${fixture.folder}/secrets/token` });
  const fixed = fixture.load(MINIMAL + GRAPH, { WA_TRUNK_GRAPH_TOKEN: 'from-the-environment' }).config?.graph?.token;
  assert.equal(fixed?.kind === 'fixed' && fixed.secret.reveal(), 'from-the-environment');
});

test('a number whose password the Graph API has needs none in the configuration', () => {
  const yaml = withNumber("    phoneNumberId: '1'\n").replace(/ +sipPasswordFile: .*\n/, '');
  assert.deepEqual(fixture.load(yaml + GRAPH).faults, []);
  assert.match(fixture.load(yaml).faults.join(), /numbers\[0\]\.sipPasswordFile: found nothing/);
});

test('call settings take host and port from the rest of the file; codecs only where they are set', () => {
  const calling = "    phoneNumberId: '1'\n    keying: sdes\n    calling: { sip: {} }\n";
  const plain = fixture.load(withNumber(calling) + GRAPH);
  assert.deepEqual(plain.faults, []);
  const sip = { status: 'enabled', hostname: 'sip.example.com', port: 5061 };
  assert.deepEqual(plain.config?.numbers[0]?.calling, { sip, keying: 'sdes' });
  const codecs = fixture.load(withNumber(`${calling}    codecs: [opus, PCMA]\n`) + GRAPH);
  assert.deepEqual(codecs.config?.numbers[0]?.calling?.additionalCodecs, ['PCMA']);
});

test('store: a file, or Redis in its place; a key', () => {
  const file = fixture.load(`${MINIMAL}store: { file: wa-trunk.db, keyFile: secrets/key }\n`).config?.store;
  assert.equal(file?.engine === 'sqlite' && file.file, `${fixture.folder}/wa-trunk.db`);
  assert.equal(file?.key?.reveal(), 'key-0123456789abcdef');
  const redis = fixture.load(`${MINIMAL}store: { redis: { url: 'redis://127.0.0.1:6379' } }\n`).config?.store;
  assert.deepEqual(redis, { engine: 'redis', url: 'redis://127.0.0.1:6379' });
});

test('webhooks: every secret that may have signed', () => {
  const lines =
    'webhooks: { listen: { port: 9443 }, verifyTokenFile: secrets/verify, appSecretFiles: [secrets/app-1, secrets/app-2] }\n';
  const { config, faults } = fixture.load(MINIMAL + lines);
  assert.deepEqual(faults, []);
  assert.equal(config?.webhooks?.verifyToken.reveal(), 'verify-0123456789abcdef');
  assert.deepEqual(
    config?.webhooks?.appSecrets.map((secret) => secret.reveal()),
    ['app-1-0123456789abcdef', 'app-2-0123456789abcdef'],
  );
});

const FAULTS: readonly (readonly [name: string, yaml: () => string, fault: RegExp])[] = [
  [
    'call settings without the id of the number',
    () => withNumber('    calling: {}\n') + GRAPH,
    /numbers\[0\]\.phoneNumberId: found nothing, allowed Meta's id/,
  ],
  [
    'call settings without a token',
    () => withNumber("    phoneNumberId: '1'\n    calling: {}\n"),
    /numbers\[0\]\.calling: found calling without a token/,
  ],
  [
    'a token file that is not there',
    () => `${MINIMAL}graph: { tokenFile: secrets/nowhere }\n`,
    /graph\.tokenFile: .*no such file/,
  ],
  ['a short key', () => `${MINIMAL}store: { keyFile: secrets/short }\n`, /store\.keyFile: found a short key/],
  [
    'a store in a folder that is not there',
    () => `${MINIMAL}store: { file: nowhere/x.db }\n`,
    /store\.file: found "nowhere\/x\.db"/,
  ],
  [
    'a password in the URL of Redis',
    () => `${MINIMAL}store: { redis: { url: 'redis://:secret@host' } }\n`,
    /store\.redis\.url: found an unusable value/,
  ],
  [
    'webhooks without a verify token',
    () => `${MINIMAL}webhooks: { listen: { port: 9443 }, appSecretFiles: [secrets/app-1] }\n`,
    /webhooks\.verifyTokenFile: found nothing/,
  ],
  [
    'two servers on one port',
    () =>
      `${MINIMAL}http: { listen: { port: 9443 } }\nwebhooks: { listen: { port: 9443 }, verifyTokenFile: secrets/verify, appSecretFiles: [secrets/app-1] }\n`,
    /webhooks\.listen/,
  ],
  [
    'a date that is none',
    () =>
      withNumber(
        "    phoneNumberId: '1'\n    calling: { callHours: { timezone: UTC, weekly: [Mo 09:00-10:00], holidays: [{ date: 2026-02-30, from: '00:00', to: '00:00' }] } }\n",
      ) + GRAPH,
    /holidays\[0\]\.date: found "2026-02-30"/,
  ],
];

for (const [name, yaml, fault] of FAULTS) {
  test(`fault: ${name}`, () => {
    fixture.write('secrets/short', 'short\n');
    assert.match(fixture.load(yaml()).faults.join('\n'), fault);
  });
}
