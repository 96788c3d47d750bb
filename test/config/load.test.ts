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
        hosts: [{ host: '10.0.0.10', transport: 'udp', weight: 1 }],
        order: 'sequential',
        qualify: { intervalMs: 30_000, timeoutMs: 2000 },
        networks: ['10.0.0.10/32'],
        register: false,
        codecs: ['PCMA', 'PCMU'],
        connectTimeoutMs: 5000,
        answerTimeoutMs: 60_000,
        callerAlias: 'whatsapp',
        callerId: '+15551234567',
        ringback: 'pbx',
      },
    ],
    routes: [],
    sip: { engine: 'embedded' },
    store: { engine: 'memory' },
    permissions: {
      check: true,
      timeoutMs: 300,
      cacheMs: 30_000,
      rules: { preset: 'production' },
      requestText: 'May we call you on WhatsApp?',
    },
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
      maxCalls: 1000,
      uriTransportParameter: false,
      requestPermission: false,
      answerTimeoutMs: 60_000,
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

const SECOND_NUMBER = `  - { number: '+5511987654321', trunk: office }
`;

test('what a number and a trunk can set for calls out arrives', () => {
  const yaml = MINIMAL.replace(
    '    trunk: office\n',
    `    trunk: office
    country: BR
    maxCalls: 5
    uriTransportParameter: true
    dailyMinutes: 600
    answerTimeout: 45s
    maxDuration: 2h
`,
  ).replace(
    '  - name: office\n',
    `  - name: office
    order: weighted
    qualify: { interval: 10s }
    callerIdHeader: X-Business-Number
    country: DE
    ringback: rtpengine
    maxCalls: 30
    fallback: { trunk: branch, status: 486 }
  - name: branch
`,
  );
  const { config, faults } = fixture.load(
    yaml
      .replace('- name: branch\n', '- name: branch\n    qualify: { timeout: 1s }\n')
      .replace('status: 486 }\n', 'status: 486 }\n    hosts: [{ host: 10.0.0.9, weight: 3 }, { host: 10.0.0.8 }]\n'),
  );
  assert.deepEqual(faults, []);
  const number = config?.numbers[0];
  assert.deepEqual(
    [number?.country, number?.maxCalls, number?.uriTransportParameter, number?.dailyMinutes],
    ['BR', 5, true, 600],
  );
  assert.deepEqual([number?.answerTimeoutMs, number?.maxDurationMs], [45_000, 7_200_000]);
  const [office, branch] = config?.trunks ?? [];
  assert.deepEqual(office, {
    ...branch,
    name: 'office',
    hosts: [
      { host: '10.0.0.9', transport: 'udp', weight: 3 },
      { host: '10.0.0.8', transport: 'udp', weight: 1 },
    ],
    networks: ['10.0.0.9/32', '10.0.0.8/32'],
    order: 'weighted',
    qualify: { intervalMs: 10_000, timeoutMs: 2000 },
    callerId: '+15551234567',
    callerIdHeader: 'X-Business-Number',
    country: 'DE',
    ringback: 'rtpengine',
    maxCalls: 30,
    fallback: { trunk: 'branch', status: 486 },
  });
  assert.deepEqual(branch?.qualify, { intervalMs: 30_000, timeoutMs: 1000 });
  assert.equal(branch.callerId, undefined);
});

test('a trunk with several numbers has no caller id unless it names one', () => {
  const yaml = MINIMAL.replace('trunks:\n', `${SECOND_NUMBER}trunks:\n`).replace(
    'whatsapp:\n',
    'whatsapp:\n  challenge: false\n',
  );
  assert.equal(fixture.load(yaml).config?.trunks[0]?.callerId, undefined);
  const named = fixture.load(yaml.replace('- name: office\n', "- name: office\n    callerId: '+5511987654321'\n"));
  assert.equal(named.config?.trunks[0]?.callerId, '+5511987654321');
});

test('a PBX that registers needs no hosts, and is known by its password from anywhere or from its networks', () => {
  const registering = MINIMAL.replace(
    '    hosts:\n      - host: 10.0.0.10\n',
    '    register: true\n    auth: { username: office }\n',
  );
  const { config, faults } = fixture.load(registering, { WA_TRUNK_PBX_PASSWORD_OFFICE: 'pbx-secret' });
  assert.deepEqual(faults, []);
  const trunk = config?.trunks[0];
  assert.deepEqual([trunk?.register, trunk?.hosts, trunk?.networks, trunk?.auth?.username], [true, [], [], 'office']);
  assert.equal(trunk?.auth?.password.reveal(), 'pbx-secret');
  const within = fixture.load(registering.replace('register: true', 'register: true\n    networks: [10.2.0.0/16]'), {
    WA_TRUNK_PBX_PASSWORD_OFFICE: 'pbx-secret',
  });
  assert.deepEqual(within.config?.trunks[0]?.networks, ['10.2.0.0/16']);
});

test('hours and fallback of a route', () => {
  const { config, faults } = fixture.load(
    MINIMAL.replace(
      'numbers:\n',
      `routes:
  - match:
      hours:
        timezone: America/Sao_Paulo
        weekly:
          - Mo-We,Fr 09:00-12:30,14:00-24:00
          - sa-mo 22:00-06:00
    extension: 1001
    fallback: { extension: 1099, status: 486 }
numbers:
`,
    ),
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(config?.routes[0], {
    match: {
      hours: {
        timezone: 'America/Sao_Paulo',
        weekly: [
          {
            days: [0, 1, 2, 4],
            times: [
              { from: 540, to: 750 },
              { from: 840, to: 1440 },
            ],
          },
          { days: [0, 5, 6], times: [{ from: 1320, to: 360 }] },
        ],
      },
    },
    extension: '1001',
    fallback: { extension: '1099', status: 486 },
  });
});
