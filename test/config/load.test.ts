import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { META_NETWORKS } from '../../gateway/config/meta-networks.js';
import { createFixture, MINIMAL } from './fixture.js';
import type { Fixture } from './fixture.js';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
});
after(() => fixture.close());

test('a minimal file is filled up with the defaults', () => {
  const { config, faults, warnings } = fixture.load(MINIMAL);
  assert.deepEqual(faults, []);
  assert.deepEqual(warnings, []);
  assert.ok(config);
  const { numbers, ...rest } = config;
  assert.deepEqual(rest, {
    gateway: { hostname: 'sip.example.com', maxCalls: 200, drainTimeoutMs: 300_000 },
    whatsapp: {
      listen: [{ transport: 'tls', host: '0.0.0.0', port: 5061 }],
      certificate: join(fixture.folder, 'certs/fullchain.pem'),
      privateKey: join(fixture.folder, 'certs/privkey.pem'),
      ca: join(fixture.folder, 'certs/ca.pem'),
      edge: { host: 'wa.meta.vc', port: 5061 },
      trustedNetworks: META_NETWORKS,
      challenge: true,
    },
    pbx: { listen: [{ transport: 'udp', host: '10.0.0.5', port: 5060 }] },
    media: {
      rtpengine: [{ host: '127.0.0.1', port: 2223, ipv6: false, relayAddress: '10.0.0.5' }],
      commandTimeoutMs: 1000,
    },
    trunks: [
      {
        name: 'office',
        hosts: [{ host: '10.0.0.10', transport: 'udp' }],
        networks: ['10.0.0.10/32'],
        codecs: ['PCMA', 'PCMU'],
        connectTimeoutMs: 5000,
        answerTimeoutMs: 60_000,
        callerAlias: 'whatsapp',
      },
    ],
    routes: [],
    sip: { engine: 'embedded' },
    http: {},
    logging: { level: 'info' },
  });
  const number = numbers[0];
  assert.equal(number?.sipPassword?.reveal(), 'number-secret');
  assert.deepEqual(
    { ...number, sipPassword: undefined },
    {
      number: '+15551234567',
      sipPassword: undefined,
      keying: 'dtls',
      codecs: ['opus'],
      trunk: 'office',
    },
  );
});

test('the environment wins over the file, the file over the defaults', () => {
  const yaml = MINIMAL.replace('gateway:\n', 'gateway:\n  maxCalls: 50\n  drainTimeout: 90s\n');
  const { config } = fixture.load(yaml, {
    WA_TRUNK_GATEWAY_MAX_CALLS: '70',
    WA_TRUNK_LOGGING_LEVEL: 'debug',
    WA_TRUNK_WHATSAPP_CHALLENGE: 'false',
    WA_TRUNK_HTTP_LISTEN: '',
  });
  assert.equal(config?.gateway.maxCalls, 70);
  assert.equal(config?.gateway.drainTimeoutMs, 90_000);
  assert.equal(config?.logging.level, 'debug');
  assert.equal(config?.whatsapp.challenge, false);
});

test('a wrong variable is a fault that names it, an unknown one a warning', () => {
  const { faults } = fixture.load(MINIMAL, { WA_TRUNK_WHATSAPP_LISTEN_PORT: '5061x' });
  assert.deepEqual(faults, [
    'environment: WA_TRUNK_WHATSAPP_LISTEN_PORT: found "5061x", allowed an integer from 0 to 65535',
  ]);
  const { warnings } = fixture.load(MINIMAL, { WA_TRUNK_LOGING_LEVEL: 'debug' });
  assert.deepEqual(warnings, [
    'environment: WA_TRUNK_LOGING_LEVEL: found a variable that means nothing here, ' +
      'allowed those in docs/reference/configuration.md (did you mean WA_TRUNK_LOGGING_LEVEL?)',
  ]);
});

test('everything that can be set arrives', () => {
  const { config, faults } = fixture.load(
    MINIMAL.replace(
      'pbx:\n  listen:\n    - host: 10.0.0.5\n',
      `pbx:
  listen:
    - { transport: tcp, host: 10.0.0.5, port: 5070, advertised: { host: 203.0.113.5, port: 5071 } }
    - { transport: tls, host: '::1', port: 5071, advertised: { host: sip.example.com } }
media:
  commandTimeout: 250ms
  rtpengine:
    - host: 10.0.0.6
      port: 22222
      interfaces: { whatsapp: public, pbx: private }
      advertised: { whatsapp: 203.0.113.6 }
      ipv6: true
      relayAddress: 10.0.0.7
routes:
  - match: { payload: sales, country: BR, userParams: { tgrp: 12 } }
    extension: 1001
  - match: {}
    trunk: office
http:
  listen: { port: 9090 }
`,
    ),
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(config?.pbx.listen, [
    { transport: 'tcp', host: '10.0.0.5', port: 5070, advertised: { host: '203.0.113.5', port: 5071 } },
    { transport: 'tls', host: '::1', port: 5071, advertised: { host: 'sip.example.com' } },
  ]);
  assert.deepEqual(config.media, {
    commandTimeoutMs: 250,
    rtpengine: [
      {
        host: '10.0.0.6',
        port: 22222,
        interfaces: { whatsapp: 'public', pbx: 'private' },
        advertised: { whatsapp: '203.0.113.6' },
        ipv6: true,
        relayAddress: '10.0.0.7',
      },
    ],
  });
  assert.deepEqual(config.routes, [
    { match: { payload: 'sales', country: 'BR', userParams: { tgrp: '12' } }, extension: '1001' },
    { match: {}, trunk: 'office' },
  ]);
  assert.deepEqual(config.http, { listen: { host: '127.0.0.1', port: 9090 } });
});

test('an unquoted number keeps its plus and its digits', () => {
  const { config } = fixture.load(
    MINIMAL.replace("'+15551234567'", '+15551234567\n    phoneNumberId: 12345678901234567890'),
  );
  assert.equal(config?.numbers[0]?.number, '+15551234567');
  assert.equal(config.numbers[0].phoneNumberId, '12345678901234567890');
});
