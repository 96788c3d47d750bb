import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHECK_IDS } from '../../gateway/doctor/index.js';
import { runHere } from '../commands/fake-io.js';
import { createFixture, HOSTNAME } from '../config/fixture.js';
import { NUMBER, NUMBER_ID, TOKEN, withMeta } from '../whatsapp/meta.js';
import type { Meta } from '../whatsapp/meta.js';
import { pong, sipResponse, udpPeer } from './peers.js';

interface Place extends Meta {
  /** Runs `wa-trunk doctor` with `--json` or without. */
  readonly doctor: (...args: string[]) => Promise<{ code: number; lines: string[]; stderr: string }>;
  readonly folder: string;
  readonly write: (name: string, content: string) => string;
  readonly yaml: string;
}

/** A gateway's configuration whose every part is there, on loopback. */
async function withPlace(work: (place: Place) => Promise<void>, pbxSays = '200 OK'): Promise<void> {
  const fixture = createFixture();
  const rtpengine = await udpPeer(pong);
  const pbx = await udpPeer(sipResponse(pbxSays));
  try {
    await withMeta(async (meta) => {
      fixture.write('secrets/token', `${TOKEN}\n`);
      const yaml = `
gateway: { hostname: ${HOSTNAME} }
whatsapp: { certificate: certs/fullchain.pem, privateKey: certs/privkey.pem, ca: certs/ca.pem }
pbx: { listen: [{ host: 127.0.0.1 }] }
media: { rtpengine: [{ host: 127.0.0.1, port: ${rtpengine.port} }] }
numbers:
  - number: '${NUMBER}'
    phoneNumberId: '${NUMBER_ID}'
    trunk: office
    calling: { status: enabled, sip: {} }
trunks: [{ name: office, hosts: [{ host: 127.0.0.1, port: ${pbx.port} }] }]
graph: { url: '${meta.sim.url}', tokenFile: secrets/token }
store: { file: store.sqlite }
`;
      const file = fixture.write('wa-trunk.yaml', yaml);
      await work({
        ...meta,
        yaml,
        folder: fixture.folder,
        write: (name, content) => fixture.write(name, content),
        doctor: async (...args) => {
          const { code, stdout, stderr } = await runHere(['doctor', '-c', file, ...args]);
          return { code, stderr, lines: stdout.replaceAll(`${fixture.folder}/`, '').split('\n') };
        },
      });
    });
  } finally {
    rtpengine.close();
    pbx.close();
    fixture.close();
  }
}

const titles = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/ in \d+ ms.*/, ''));

test('where everything works each check is one line, exit code 0', async () => {
  await withPlace(async ({ doctor }) => {
    const { code, lines, stderr } = await doctor();
    assert.equal(code, 0, lines.join('\n'));
    assert.equal(stderr, '');
    const seen = titles(lines).map((line) => line.replace(/127\.0\.0\.1:\d+/g, 'HOST').replace(/\d+ days/, 'N days'));
    assert.deepEqual(seen, [
      'ok    configuration: wa-trunk.yaml is good',
      `ok    certificate: covers ${HOSTNAME}, 2 in the chain, N days left`,
      'ok    store: store.sqlite: written and read',
      'ok    rtpengine HOST: answers pong',
      'ok    trunk office, udp HOST: HOST answers OPTIONS with 200',
      'ok    Graph API: http://HOST answers',
      'ok    access token: SYSTEM_USER of app 670843887433847, does not expire, with whatsapp_business_management, whatsapp_business_messaging',
      `ok    number ${NUMBER}: can receive calls over SIP, quality GREEN`,
      `ok    settings of ${NUMBER}: as in the configuration`,
      `ok    SIP password of ${NUMBER}: Meta gives one for ${HOSTNAME}`,
    ]);
  });
});

test('no secret is in what it prints', async () => {
  await withPlace(async ({ doctor, sim }) => {
    const password = sim.passwordOf(NUMBER) ?? assert.fail('no password');
    const text = [...(await doctor()).lines, ...(await doctor('--json')).lines].join('\n');
    for (const secret of [TOKEN, password]) assert.ok(!text.includes(secret));
  });
});

test('a PBX that refuses OPTIONS is there', async () => {
  await withPlace(async ({ doctor }) => {
    const { code, lines } = await doctor();
    assert.equal(code, 0);
    assert.match(lines.join('\n'), /answers OPTIONS with 404/);
  }, '404 Not Found');
});

test('trouble at Meta fails with what to do on the next line', async () => {
  await withPlace(async ({ doctor, sim }) => {
    sim.overrideHealth(NUMBER, {
      number: {
        can_receive_call_sip: 'BLOCKED',
        errors: [{ error_code: 138_024, error_description: 'SIP is off', possible_solution: 'Turn it on' }],
      },
    });
    sim.changeSettings(NUMBER, { status: 'DISABLED' });
    sim.setToken({ token: TOKEN, appId: '670843887433847', scopes: ['whatsapp_business_management'] });
    const { code, lines } = await doctor();
    assert.equal(code, 1);
    const after = (start: string): [string, string] => {
      const at = lines.findIndex((line) => line.includes(start));
      return [lines[at] ?? '', lines[at + 1] ?? ''];
    };
    const [token, tokenRemedy] = after('access token');
    assert.match(token, /^fail {2}access token: the access token lacks whatsapp_business_messaging$/);
    assert.match(tokenRemedy, /^ {6}-> give the system user whatsapp_business_messaging, then make a new/);
    const [number, numberRemedy] = after('number +');
    assert.match(number, /^fail .*: SIP calls to the number are blocked: SIP is off \(138024\)$/);
    assert.match(numberRemedy, /-> set numbers\[\]\.calling\.sip\.status to enabled.*; Meta says: Turn it on$/);
    const [settings, settingsRemedy] = after('settings of');
    assert.match(settings, /^fail .*: Meta differs from the configuration in status$/);
    assert.match(settingsRemedy, /wa-trunk apply brings Meta back/);
  });
});

test('who does not answer fails, and --json tells the same', async () => {
  await withPlace(async ({ doctor, sim }) => {
    await sim.close();
    const { code, lines } = await doctor('--json');
    assert.equal(code, 1);
    const { good, checks } = JSON.parse(lines.join('')) as {
      good: boolean;
      checks: Record<'id' | 'result' | 'evidence' | 'remedy', string>[];
    };
    assert.equal(good, false);
    const results: Record<string, string | undefined> = Object.fromEntries(
      checks.map(({ id, result }) => [id, result]),
    );
    const fine = { config: 'ok', certificate: 'ok', store: 'ok', rtpengine: 'ok', 'pbx-host': 'ok' };
    const away = { graph: 'fail', token: 'fail', number: 'fail', settings: 'fail', 'sip-password': 'fail' };
    assert.deepEqual(results, { ...fine, ...away });
    const graph = checks.find(({ id }) => id === 'graph');
    assert.match(graph?.evidence ?? '', /^the Graph API does not answer: .*ECONNREFUSED/);
    assert.equal(graph?.remedy, 'look at the network, the proxy variables and graph.url');
  });
});

test('rtpengine and a PBX that are silent, and a store that cannot be opened, fail', async () => {
  const silent = await udpPeer(() => undefined);
  try {
    await withPlace(async ({ yaml, write }) => {
      const broken = yaml
        .replace(/port: \d+ }\] }/, `port: ${silent.port} }], commandTimeout: 100ms }`)
        .replace(/hosts: \[.*/, `hosts: [{ host: 127.0.0.1, port: ${silent.port} }], qualify: { timeout: 700ms } }]`)
        .replace('file: store.sqlite', 'file: secrets/token');
      const { code, stdout } = await runHere(['doctor', '-c', write('broken.yaml', broken), '--json']);
      assert.equal(code, 1);
      const { checks } = JSON.parse(stdout) as { checks: Record<string, string>[] };
      const of = (id: string): string => checks.find((check) => check.id === id)?.evidence ?? '';
      assert.match(of('rtpengine'), /did not answer "ping" within 100 ms/);
      assert.equal(of('pbx-host'), `127.0.0.1:${silent.port}: no answer within 700 ms`);
      assert.match(of('store'), /secrets\/token/);
      assert.ok(silent.received.filter((message) => message.startsWith('OPTIONS sip:')).length >= 2, 'sent again');
    });
  } finally {
    silent.close();
  }
});

test('without a token Meta is left out, and nothing fails for that', async () => {
  await withPlace(async ({ yaml, write }) => {
    write('secrets/442071838750', 'number-secret\n');
    const offline = yaml
      .replace(/graph: .*/, '')
      .replace(/ {4}calling: .*/, '    sipPasswordFile: secrets/442071838750')
      .replace(/ {4}phoneNumberId: .*/, '')
      .replace(/store: .*/, '');
    const { code, stdout } = await runHere(['doctor', '-c', write('offline.yaml', offline)]);
    assert.equal(code, 0, stdout);
    assert.equal(stdout.match(/^skip {2}/gm)?.length, 5, stdout);
    assert.match(stdout, /^ok {4}SIP password of \+442071838750: in the configuration$/m);
  });
});

test('a configuration that cannot be used is exit code 2, with its faults', async () => {
  await withPlace(async ({ yaml, write, folder }) => {
    const file = write('bad.yaml', yaml.replace('trunk: office', 'trunk: nowhere'));
    const { code, stdout, stderr } = await runHere(['doctor', '-c', file]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.ok(stderr.startsWith(join(folder, 'bad.yaml')), stderr);
    assert.match(stderr, /numbers\[0\]\.trunk/);
  });
});

test('the reference explains every check, and no other', () => {
  const page = readFileSync('docs/reference/doctor.md', 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(rows, [...CHECK_IDS]);
});
