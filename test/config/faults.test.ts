import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '../../gateway/config/index.js';
import { createFixture, MINIMAL } from './fixture.js';
import type { Fixture } from './fixture.js';

let fixture: Fixture;
before(() => {
  fixture = createFixture();
});
after(() => fixture.close());

const NUMBER = "number: '+15551234567'";
const TRUNK_HOST = '- host: 10.0.0.10';

/** A change of the minimal file, and the one line that it must give. */
const CASES: readonly [what: string, from: string, to: string, fault: string][] = [
  [
    'a word that is not a choice',
    NUMBER,
    `${NUMBER}\n    keying: dtsl`,
    'wa-trunk.yaml: numbers[0].keying: found "dtsl", allowed dtls, sdes (line 13; did you mean dtls?)',
  ],
  [
    'a port with a letter',
    'whatsapp:\n',
    'whatsapp:\n  listen:\n    port: "5061x"\n',
    'wa-trunk.yaml: whatsapp.listen.port: found "5061x", allowed an integer from 0 to 65535 (line 6)',
  ],
  [
    'a port as text',
    TRUNK_HOST,
    `${TRUNK_HOST}\n        port: "5060"`,
    'wa-trunk.yaml: trunks[0].hosts[0].port: found "5060", allowed an integer from 1 to 65535 (line 19)',
  ],
  [
    'a number without its plus',
    NUMBER,
    "number: '15551234567'",
    'wa-trunk.yaml: numbers[0].number: found "15551234567", allowed an E.164 number with its + such as "+15551234567" (line 12)',
  ],
  [
    'an unquoted number without its plus',
    NUMBER,
    'number: 15551234567',
    'wa-trunk.yaml: numbers[0].number: found "15551234567", allowed an E.164 number with its + such as "+15551234567" (line 12)',
  ],
  [
    'a trunk that does not exist',
    'trunk: office',
    'trunk: ofice',
    'wa-trunk.yaml: numbers[0].trunk: found "ofice", allowed office (line 14; did you mean office?)',
  ],
  [
    'an unknown key at the top',
    'gateway:',
    'gatewy: {}\ngateway:',
    'wa-trunk.yaml: gatewy: found an unknown key, allowed gateway, whatsapp, pbx, media, numbers, trunks, routes, sip, graph, store, permissions, webhooks, http, logging (line 2; did you mean gateway?)',
  ],
  [
    'an unknown key in a list',
    TRUNK_HOST,
    `${TRUNK_HOST}\n        prot: 5060`,
    'wa-trunk.yaml: trunks[0].hosts[0].prot: found an unknown key, allowed host, port, transport, weight (line 19; did you mean port?)',
  ],
  [
    'a prototype key',
    'gateway:\n',
    'gateway:\n  __proto__: { maxCalls: 3 }\n',
    'wa-trunk.yaml: gateway.__proto__: found an unknown key, allowed hostname, maxCalls, drainTimeout (line 3)',
  ],
  [
    'a prototype key among free names',
    'numbers:\n',
    'routes:\n  - { match: { userParams: { constructor: { prototype: x } } }, trunk: office }\nnumbers:\n',
    'wa-trunk.yaml: routes[0].match.userParams.constructor: found the name "constructor", allowed the name of a SIP URI parameter (line 12)',
  ],
  [
    'a missing key',
    '  hostname: sip.example.com\n',
    '  maxCalls: 3\n',
    'wa-trunk.yaml: gateway.hostname: found nothing, allowed a fully qualified host name such as sip.example.com (line 2)',
  ],
  [
    'a missing key in a list',
    '    trunk: office\n',
    '',
    'wa-trunk.yaml: numbers[0].trunk: found nothing, allowed a name of letters, digits and any of . _ - (at most 64) (line 12)',
  ],
  [
    'a mapping where a list belongs',
    'hosts:\n      - host: 10.0.0.10',
    'hosts:\n      host: 10.0.0.10',
    'wa-trunk.yaml: trunks[0].hosts: found a mapping, allowed a list of hosts (line 17)',
  ],
  [
    'a word where a mapping belongs',
    'gateway:\n  hostname: sip.example.com',
    'gateway: sip.example.com',
    'wa-trunk.yaml: gateway: found "sip.example.com", allowed a mapping of keys (line 2)',
  ],
  [
    'an empty list',
    'trunk: office',
    'trunk: office\n    codecs: []',
    'wa-trunk.yaml: numbers[0].codecs: found an empty list, allowed a list of codecs (line 15)',
  ],
  [
    'a codec twice',
    'trunk: office',
    'trunk: office\n    codecs: [opus, PCMA, opus]',
    'wa-trunk.yaml: numbers[0].codecs[2]: found "opus" again (see numbers[0].codecs[0]), allowed each value once (line 15)',
  ],
  [
    'a number twice',
    'trunks:\n',
    "  - number: '+15551234567'\n    sipPasswordFile: secrets/15551234567\n    trunk: office\ntrunks:\n",
    'wa-trunk.yaml: numbers[1].number: found "+15551234567" again (see numbers[0].number), allowed each once (line 15)',
  ],
  [
    'a trunk twice',
    'trunks:\n',
    'trunks:\n  - name: office\n    hosts: [{ host: 10.0.0.11 }]\n',
    'wa-trunk.yaml: trunks[1].name: found "office" again (see trunks[0].name), allowed each once (line 18)',
  ],
  [
    'a listener twice',
    '- host: 10.0.0.5',
    '- host: 10.0.0.5\n    - host: 0.0.0.0',
    'wa-trunk.yaml: pbx.listen[1]: found udp 0.0.0.0 port 5060, already taken by pbx.listen[0], allowed a listener of its own (line 11)',
  ],
  [
    'TLS for the PBX on the port of WhatsApp',
    '- host: 10.0.0.5',
    '- { host: 10.0.0.5, transport: tls, port: 5061 }',
    'wa-trunk.yaml: pbx.listen[0]: found tcp 10.0.0.5 port 5061, already taken by whatsapp.listen, allowed a listener of its own (line 10)',
  ],
  [
    'a duration without its unit',
    'gateway:\n',
    'gateway:\n  drainTimeout: 30\n',
    'wa-trunk.yaml: gateway.drainTimeout: found "30", allowed a duration with its unit (ms, s, m, h) from 0s to 24h, such as 30s (line 3)',
  ],
  [
    'a prefix with host bits',
    'whatsapp:\n',
    'whatsapp:\n  trustedNetworks: [10.0.0.5/24]\n',
    'wa-trunk.yaml: whatsapp.trustedNetworks[0]: found "10.0.0.5/24", allowed a CIDR prefix without host bits such as 10.0.0.0/8 or 2001:db8::/32, or an IP address (line 5)',
  ],
  [
    'an IP address as host name of the gateway',
    'hostname: sip.example.com',
    'hostname: 203.0.113.5',
    'wa-trunk.yaml: gateway.hostname: found "203.0.113.5", allowed a fully qualified host name such as sip.example.com (line 3)',
  ],
  [
    'a mistyped address',
    'host: 10.0.0.10',
    'host: 10.0.0.310',
    'wa-trunk.yaml: trunks[0].hosts[0].host: found "10.0.0.310", allowed an IP address or a host name (line 18)',
  ],
  [
    'a PBX by name without its networks',
    'host: 10.0.0.10',
    'host: pbx.example.com',
    'wa-trunk.yaml: trunks[0].networks: found nothing, allowed a list of CIDR prefixes, since the addresses of pbx.example.com are not known beforehand (line 16)',
  ],
  [
    'no address for the relay',
    '- host: 10.0.0.5',
    '- host: 0.0.0.0',
    'wa-trunk.yaml: media.rtpengine[0].relayAddress: found nothing, allowed the address of this machine that the PBX and rtpengine reach, since pbx.listen names none',
  ],
  [
    'a route that goes nowhere',
    'numbers:\n',
    'routes:\n  - match: { country: BR }\nnumbers:\n',
    'wa-trunk.yaml: routes[0]: found a route that goes nowhere, allowed a route with trunk, extension or both (line 12)',
  ],
  [
    'a route for a number that is not ours',
    'numbers:\n',
    "routes:\n  - match: { number: '+15551234568' }\n    trunk: office\nnumbers:\n",
    'wa-trunk.yaml: routes[0].match.number: found "+15551234568", allowed +15551234567 (line 12; did you mean +15551234567?)',
  ],
  [
    'a password in the file',
    'sipPasswordFile: secrets/15551234567',
    'sipPassword: hunter2hunter2',
    'wa-trunk.yaml: numbers[0].sipPassword: found a secret written into the file, allowed sipPasswordFile (a file that holds it) or the environment variable, see docs/reference/configuration.md (line 13)',
  ],
  [
    'a trunk without hosts that does not register',
    '    hosts:\n      - host: 10.0.0.10\n',
    '',
    'wa-trunk.yaml: trunks[0].hosts: found nothing, allowed a list of hosts, unless register is true (line 16)',
  ],
  [
    'a trunk that registers without proving itself',
    '- name: office\n',
    '- name: office\n    register: true\n',
    'wa-trunk.yaml: trunks[0].auth: found nothing, allowed username and passwordFile, since a PBX that registers proves itself by digest (line 16)',
  ],
  [
    'a trunk with a user name and no password',
    '- name: office\n',
    '- name: office\n    auth: { username: office }\n',
    'wa-trunk.yaml: trunks[0].auth.passwordFile: found nothing, allowed a file that holds the secret, or the environment variable WA_TRUNK_PBX_PASSWORD_OFFICE (line 17)',
  ],
  [
    'a password of the PBX in the file',
    '- name: office\n',
    '- name: office\n    auth: { username: office, password: hunter2hunter2 }\n',
    'wa-trunk.yaml: trunks[0].auth.password: found a secret written into the file, allowed passwordFile (a file that holds it) or the environment variable, see docs/reference/configuration.md (line 17)',
  ],
  [
    'a user name of two trunks',
    'trunks:\n',
    'trunks:\n  - { name: one, register: true, auth: { username: a, passwordFile: secrets/15551234567 } }\n' +
      '  - { name: two, register: true, auth: { username: a, passwordFile: secrets/15551234567 } }\n',
    'wa-trunk.yaml: trunks[1].auth.username: found "a" again (see trunks[0].auth.username), allowed each once (line 17)',
  ],
  [
    'an interval that is no duration',
    '- name: office\n',
    '- name: office\n    qualify: { interval: 30 }\n',
    'wa-trunk.yaml: trunks[0].qualify.interval: found "30", allowed a duration with its unit (ms, s, m, h) from 0s to 1h, such as 30s (line 17)',
  ],
  [
    'a weight of nothing',
    TRUNK_HOST,
    `${TRUNK_HOST}\n        weight: 0`,
    'wa-trunk.yaml: trunks[0].hosts[0].weight: found 0, allowed an integer from 1 to 1000 (line 19)',
  ],
  [
    'a caller id of another trunk',
    'trunks:\n',
    "trunks:\n  - { name: branch, hosts: [{ host: 10.0.0.11 }], callerId: '+15551234567' }\n",
    'wa-trunk.yaml: trunks[0].callerId: found "+15551234567", allowed a number with trunk: branch, of which there is none (line 16)',
  ],
  [
    'a caller id that is not ours',
    '- name: office\n',
    "- name: office\n    callerId: '+15551234568'\n",
    'wa-trunk.yaml: trunks[0].callerId: found "+15551234568", allowed +15551234567 (line 17; did you mean +15551234567?)',
  ],
  [
    'a header whose name is none',
    '- name: office\n',
    "- name: office\n    callerIdHeader: 'X Number:'\n",
    'wa-trunk.yaml: trunks[0].callerIdHeader: found "X Number:", allowed the name of a SIP header such as X-Business-Number (line 17)',
  ],
  [
    'a trunk that falls back to itself',
    '- name: office\n',
    '- name: office\n    fallback: { trunk: office }\n',
    'wa-trunk.yaml: trunks[0].fallback.trunk: found "office", allowed another trunk, of which there is none (line 17)',
  ],
  [
    'a fallback of a trunk that does nothing',
    '- name: office\n',
    '- name: office\n    fallback: { extension: 10 }\n',
    'wa-trunk.yaml: trunks[0].fallback: found a fallback that does nothing, allowed one with trunk or status (line 17)',
  ],
  [
    'a fallback of a route to nowhere',
    'numbers:\n',
    'routes:\n  - { match: {}, trunk: office, fallback: { trunk: ofice } }\nnumbers:\n',
    'wa-trunk.yaml: routes[0].fallback.trunk: found "ofice", allowed office (line 12; did you mean office?)',
  ],
  [
    'a status that lets the caller in',
    'numbers:\n',
    'routes:\n  - { match: {}, trunk: office, fallback: { status: 200 } }\nnumbers:\n',
    'wa-trunk.yaml: routes[0].fallback.status: found 200, allowed an integer from 400 to 699 (line 12)',
  ],
  [
    'a time zone that does not exist',
    'numbers:\n',
    'routes:\n  - { match: { hours: { timezone: Mars/Olympus, weekly: ["Mo 09:00-10:00"] } }, trunk: office }\nnumbers:\n',
    'wa-trunk.yaml: routes[0].match.hours.timezone: found "Mars/Olympus", allowed an IANA time zone such as America/Sao_Paulo (line 12)',
  ],
  [
    'hours that are none',
    'numbers:\n',
    'routes:\n  - { match: { hours: { timezone: UTC, weekly: ["Mo 9-17"] } }, trunk: office }\nnumbers:\n',
    'wa-trunk.yaml: routes[0].match.hours.weekly[0]: found "Mo 9-17", allowed days and times such as "Mo-Fr 09:00-12:30,14:00-18:00" or "Sa,Su 22:00-02:00" (line 12)',
  ],
  [
    'a country that is none',
    NUMBER,
    `${NUMBER}\n    country: Brazil`,
    'wa-trunk.yaml: numbers[0].country: found "Brazil", allowed an ISO 3166 country code of two capital letters such as BR (line 13)',
  ],
  [
    'a trace in a folder that does not exist',
    'gateway:\n',
    'logging:\n  sipTrace: nowhere/trace.jsonl\ngateway:\n',
    'wa-trunk.yaml: logging.sipTrace: found "nowhere/trace.jsonl" (no such file), allowed a file in a writable folder (line 3)',
  ],
];

describe('each fault is one line with file, key path, what was found and what is allowed', () => {
  for (const [what, from, to, fault] of CASES) {
    test(what, () => {
      assert.ok(MINIMAL.includes(from), 'the case changes nothing');
      const { faults } = fixture.load(MINIMAL.replace(from, to));
      assert.ok(faults.includes(fault), `expected ${fault}\ngot ${faults.join('\n    ')}`);
      for (const line of faults) assert.doesNotMatch(line, /\n|hunter2/);
    });
  }
});

test('all faults are told at once, in the order of the file', () => {
  const { faults } = fixture.load(`
gateway:
  hostname: sip
whatsapp:
  listen: { port: "5061x" }
  certificate: missing.pem
  privateKey: certs/privkey.pem
numbers:
  - number: 15551234567
    keying: dtsl
    trunk: nowhere
trunks:
  - name: office
    hosts: [{ host: 127.0.0.1, transport: sctp }]
`);
  assert.deepEqual(
    faults.map((line) => /^wa-trunk\.yaml: ([^:]+):/.exec(line)?.[1]),
    [
      'gateway.hostname',
      'whatsapp.listen.port',
      'whatsapp.certificate',
      'numbers[0].number',
      'numbers[0].keying',
      'numbers[0].trunk',
      'trunks[0].hosts[0].transport',
    ],
  );
});

test('a value that is wrong is not missing besides', () => {
  const hosts = fixture.load(MINIMAL.replace('hosts:\n      - host: 10.0.0.10', 'hosts:\n      host: 10.0.0.10'));
  assert.equal(hosts.faults.filter((line) => line.includes('trunks[0].hosts')).length, 1);
  const { faults } = fixture.load('gateway: 5\nnumbers: {}\n');
  assert.equal(faults.filter((line) => line.includes('gateway')).length, 1);
  assert.equal(faults.filter((line) => line.includes('numbers')).length, 1);
});

test('invalid YAML is told with line and column', () => {
  const { faults } = fixture.load('gateway:\n  hostname: [sip.example.com\n');
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /^wa-trunk\.yaml:\d+:\d+: found invalid YAML \(.*\), allowed YAML 1\.2$/);
  assert.match(fixture.load('gateway: 1\ngateway: 2\n').faults[0] ?? '', /^wa-trunk\.yaml:2:1: .*unique/);
});

test('an empty file lacks the required keys', () => {
  const keys = fixture.load('').faults.map((line) => line.split(': ')[1]);
  assert.deepEqual(keys, ['gateway.hostname', 'whatsapp.certificate', 'whatsapp.privateKey', 'numbers', 'trunks']);
});

test('a file that is not there is one fault', () => {
  assert.throws(
    () => loadConfig(join(fixture.folder, 'none.yaml'), { environment: {} }),
    (error) =>
      error instanceof ConfigError &&
      error.message.includes('none.yaml: found a file that cannot be read: no such file, allowed a readable YAML file'),
  );
});

test('a network that trusts everybody and a PBX outside its networks are warnings', () => {
  const { faults, warnings } = fixture.load(
    MINIMAL.replace('whatsapp:\n', 'whatsapp:\n  trustedNetworks: ["0.0.0.0/0"]\n').replace(
      '- name: office\n',
      '- name: office\n    networks: [10.1.0.0/16]\n',
    ),
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(
    warnings.map((line) => line.split(': ')[1]),
    ['whatsapp.trustedNetworks[0]', 'trunks[0].hosts[0].host'],
  );
});
