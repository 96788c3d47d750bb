/** `wa-trunk simulate --listen` as an operator uses it: dialling out of a PBX, over a gateway of its own, to the stand-in. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { stringify } from 'yaml';
import { requireComponent } from '../../lab/components/index.js';
import { Phone } from '../../lab/phone/phone.js';
import { reservePorts, startRtpengine } from '../../lab/processes/index.js';
import { createCertificateAuthority, writePemPair } from '../../simulator/index.js';
import { standInIdentity } from '../../simulator/answering.js';
import { header } from '../../simulator/sip/sip-text.js';
import { HOSTNAME, PASSWORD, until } from './support.js';

const NUMBER = '+15550001000';
const USER = '+12195550714';
const [USER_HZ, PBX_HZ] = [480, 620];

interface Program {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Standard output and error so far. */
  readonly texts: { out: string; err: string };
  /** Its exit code, when all has been read. */
  readonly ended: Promise<number | null>;
}

function start(t: TestContext, folder: string, ...args: string[]): Program {
  const main = ['--import', import.meta.resolve('tsx'), join(process.cwd(), 'gateway/main.ts'), ...args];
  const child = spawn(process.execPath, main, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (texts.err += chunk.toString()));
  t.after(() => child.kill('SIGKILL'));
  return { child, texts, ended: once(child, 'close').then(([code]) => code as number | null) };
}

interface Field {
  readonly folder: string;
  readonly phone: Phone;
  simulate(...args: string[]): Promise<Program>;
}

/** A gateway as a process, and a phone for its PBX. */
async function setUp(t: TestContext): Promise<Field> {
  const folder = await mkdtemp(join(tmpdir(), 'simulate-listen-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ports = await reservePorts(10);
  t.after(() => ports.close());
  const [pbx, tls, edge] = [ports.min, ports.min + 2, ports.min + 4] as const;
  const rtpengine = await startRtpengine({ component: requireComponent('rtpengine-26') });
  t.after(() => rtpengine.close());
  const ca = createCertificateAuthority();
  const files = await writePemPair(folder, 'gateway', ca.issue([HOSTNAME]));
  await writeFile(join(folder, 'gateway-ca.crt'), ca.certificate);
  await writeFile(join(folder, 'password'), PASSWORD, { mode: 0o600 });
  const { caFile } = await standInIdentity(join(folder, 'stand-in'));
  const config = {
    gateway: { hostname: HOSTNAME },
    whatsapp: {
      listen: { host: '127.0.0.1', port: tls },
      ...{ certificate: files.certificateFile, privateKey: files.keyFile, ca: caFile },
      edge: { host: '127.0.0.1', port: edge },
      trustedNetworks: ['127.0.0.1/32'],
    },
    pbx: { listen: [{ host: '127.0.0.1', port: pbx }] },
    media: { rtpengine: [{ host: '127.0.0.1', port: rtpengine.ngPort }] },
    numbers: [{ number: NUMBER, keying: 'sdes', trunk: 'office', sipPasswordFile: 'password' }],
    trunks: [{ name: 'office', codecs: ['PCMA'], hosts: [{ host: '127.0.0.1' }], qualify: { interval: '0s' } }],
    routes: [{ match: { number: NUMBER }, extension: '100' }],
  };
  await writeFile(join(folder, 'wa-trunk.yaml'), stringify(config));
  const gateway = start(t, folder, 'serve');
  await until('gateway ready', () => (gateway.texts.out.includes('"gateway ready"') ? true : undefined), 60_000);
  const peer = { address: '127.0.0.1', port: pbx };
  const phone = await Phone.open({ user: NUMBER, address: '127.0.0.1', peer, hz: PBX_HZ });
  t.after(() => phone.close());
  const simulate = async (...args: string[]): Promise<Program> => {
    const connect = ['--to', NUMBER, '--connect', `127.0.0.1:${tls}`, '--hostname', HOSTNAME, '--ca', 'gateway-ca.crt'];
    const listen = ['--listen', String(edge), '--identity', 'stand-in', '--password-file', 'password'];
    const program = start(t, folder, 'simulate', ...connect, ...listen, '--keying', 'sdes', ...args);
    await until(
      'it takes calls',
      () => {
        assert.equal(program.child.exitCode, null, program.texts.err);
        return program.texts.err.includes('taking calls of') ? true : undefined;
      },
      60_000,
    );
    return program;
  };
  return { folder, phone, simulate };
}

test('simulate --listen takes calls of the business', { timeout: 240_000 }, async (t) => {
  const field = await setUp(t);
  const { phone } = field;

  await t.test('the user rings, answers, is heard, and hangs up', async () => {
    const tone = ['--tone', String(USER_HZ), '--ring', '1', '--duration', '3'];
    const { texts, ended } = await field.simulate(...tone);
    const call = await phone.call(USER);
    assert.equal(await call.answered, true);
    await call.media.hears(USER_HZ);
    assert.equal((await call.ended).by, 'peer');
    assert.equal(await ended, 0, texts.out + texts.err);
    assert.match(texts.out, /^call 1: answered after \d{4,5}\.\d ms, talked \d\.\d s; ended by user \(hangup, 200\)$/m);
    assert.match(texts.out, /407 Proxy Authentication Required/);
    assert.match(texts.out, /^ {2}heard: 6(?:19|20)\.\d Hz/m);
    assert.match(texts.out, /^1 of 1 answered; rules of Meta broken in calls: none$/m);
    assert.match(texts.err, /taking calls of \+15550001000 on port \d+; whatsapp\.ca is stand-in\/ca\.crt/);
  });

  await t.test('a refusal out of the catalogue, as JSON, and the identity of the run before', async () => {
    const before = await readFile(join(field.folder, 'stand-in', 'ca.crt'), 'utf8');
    const { texts, ended } = await field.simulate('--refuse', 'no-permission', '--ring', '0', '--calls', '2', '--json');
    for (let n = 0; n < 2; n++) {
      const call = await phone.call(USER);
      const { status, message } = await call.ended;
      assert.equal(status, 403);
      assert.equal(message && header(message, 'x-wa-error'), 'no-permission');
    }
    assert.equal(await ended, 0, texts.out + texts.err);
    const result = JSON.parse(texts.out.trimEnd().split('\n').at(-1) ?? '') as {
      readonly ok: boolean;
      readonly calls: readonly { readonly answered: boolean; readonly ended: { readonly status?: number } }[];
    };
    assert.equal(result.ok, true);
    assert.deepEqual(
      result.calls.map(({ answered, ended: { status } }) => [answered, status]),
      [
        [false, 403],
        [false, 403],
      ],
    );
    assert.equal(await readFile(join(field.folder, 'stand-in', 'ca.crt'), 'utf8'), before);
  });

  await t.test('Ctrl-C hangs up and ends it', async () => {
    const { child, ended, texts } = await field.simulate('--ring', '0', '--duration', '600', '--calls', '5');
    const call = await phone.call(USER);
    assert.equal(await call.answered, true);
    await call.media.hears(1000);
    child.kill('SIGINT');
    assert.equal((await call.ended).by, 'peer');
    assert.equal(await ended, 0, texts.out + texts.err);
  });

  await t.test('nobody calls', async () => {
    const { ended, texts } = await field.simulate('--wait', '1');
    assert.equal(await ended, 1);
    assert.match(texts.out, /^0 of 1 answered/m);
  });
});
