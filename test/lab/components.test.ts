import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readMirrors } from '../../lab/components/apt-sources.js';
import { openSuite } from '../../lab/components/archive.js';
import { type Component, findComponent } from '../../lab/components/cache.js';
import { parseDeb822 } from '../../lab/components/deb822.js';
import { fetchFile } from '../../lab/components/download.js';
import {
  ComponentError,
  describeProgress,
  progressSteps,
  requireComponent,
  type ComponentErrorCode,
} from '../../lab/components/index.js';
import { lock, tryLock } from '../../lab/components/lock.js';
import { parsePackages, resolve } from '../../lab/components/packages.js';
import { proxyChooser } from '../../lab/components/proxy.js';

const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-components-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const HASH = 'a'.repeat(64);
const DIRECT = { proxyFor: () => undefined };

const failsWith = (code: ComponentErrorCode, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ComponentError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, text);
  return true;
};

/** One paragraph of an index. */
function entry(name: string, fields: Readonly<Record<string, string>> = {}): string {
  const all = { Package: name, Version: '1', Section: 'libs', Filename: `pool/${name}.deb`, Size: '5', SHA256: HASH };
  return Object.entries({ ...all, ...fields })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}
const index = (...entries: string[]) => parsePackages(entries.join('\n'), 'the test index');
const names = (packages: readonly { readonly name: string }[]): string[] => packages.map((item) => item.name);

test('deb822: continuation lines, comments, several paragraphs, no final newline', () => {
  const text = 'A: 1\n# no\nB: 2\n three\n\n\nA: 4\r\nC:';
  const read = [...parseDeb822(text)].map((stanza) => Object.fromEntries(stanza));
  assert.deepEqual(read, [
    { a: '1', b: '2\nthree' },
    { a: '4', c: '' },
  ]);
});

test('dependencies: Pre-Depends, alternatives, virtual packages, versions and architectures', () => {
  const suite = index(
    entry('daemon', {
      Section: 'net',
      'Pre-Depends': 'libpre (>= 1)',
      Depends: 'absent | libb:any, libvirtual (= 2) [amd64]',
    }),
    entry('libpre'),
    entry('libb', { Depends: 'libpre' }),
    entry('libprovider2', { Provides: 'libvirtual (= 2), other' }),
    entry('libprovider1', { Provides: 'libvirtual (= 2)' }),
    entry('libunused'),
  );
  assert.deepEqual(names(resolve(suite, ['daemon'])), ['daemon', 'libpre', 'libb', 'libprovider1']);
});

test('dependencies: an alternative that is there already wins', () => {
  const suite = index(entry('x', { Depends: 'liba | libb' }), entry('liba'), entry('libb'));
  assert.deepEqual(names(resolve(suite, ['libb', 'x'])), ['libb', 'x']);
});

test('dependencies: only shared libraries follow, and not those left out', () => {
  const suite = index(
    entry('daemon', { Section: 'net', Depends: 'adduser, libmodule1, libc' }),
    entry('adduser', { Section: 'admin', Depends: 'passwd' }),
    entry('libmodule1', { Depends: 'nowhere' }),
    entry('libc'),
  );
  assert.deepEqual(names(resolve(suite, ['daemon'], /^libmodule/)), ['daemon', 'libc']);
});

test('a missing package is named, with who wants it and where it was looked for', () => {
  const suite = index(entry('daemon', { Depends: 'gone | lost' }));
  assert.throws(() => resolve(suite, ['daemon']), failsWith('no-package', /gone \| lost.*daemon.*the test index/));
  assert.throws(() => resolve(suite, ['other']), failsWith('no-package', /other.*the test index/));
});

test('an index entry without a hash is refused', () => {
  assert.throws(() => index(entry('x', { SHA256: 'no' })), failsWith('checksum', /package x/));
});

test('mirrors: both formats, disabled and foreign entries, mirror lists', async () => {
  const apt = join(folder, 'apt');
  mkdirSync(join(apt, 'sources.list.d'), { recursive: true });
  writeFileSync(join(apt, 'mirrors.txt'), 'http://c.test/debian/\tpriority:1\n# no\n');
  writeFileSync(
    join(apt, 'sources.list'),
    'deb-src http://src.test/debian x main\ndeb [arch=amd64 signed-by=/k/debian-archive-keyring.gpg] http://a.test/mirror/ x main\n',
  );
  writeFileSync(
    join(apt, 'sources.list.d', 'more.sources'),
    `Types: deb\nURIs: http://b.test/debian http://a.test/mirror\nSuites: x\nComponents: main

Types: deb\nURIs: mirror+file://${apt}/mirrors.txt\nSuites: x

Types: deb\nURIs: http://off.test/debian\nEnabled: no

Types: deb\nURIs: http://b.test/debian-security\nSigned-By: /k/debian-archive-keyring.gpg

Types: deb\nURIs: https://other.test/repository\nSigned-By: /k/other.gpg\n`,
  );
  writeFileSync(join(apt, 'sources.list.d', 'ignored.disabled'), 'deb http://ignored.test/debian x main\n');
  const mirrors = await readMirrors(apt);
  assert.deepEqual(
    mirrors.map((mirror) => mirror.uri),
    ['http://a.test/mirror', 'http://b.test/debian', 'http://c.test/debian'],
  );
  assert.deepEqual(mirrors[0]?.keyrings, ['/k/debian-archive-keyring.gpg']);
  await assert.rejects(openSuite([], 'x', 'amd64', DIRECT), failsWith('no-mirror', /sources\.list/));
});

test('proxies: by scheme and name', async () => {
  const choose = await proxyChooser({
    http_proxy: 'http://p:3128',
    no_proxy: 'inside.test, .corp.test',
    HTTPS_PROXY: '',
  });
  assert.equal(choose(new URL('http://a.test/x')), 'http://p:3128');
  assert.equal(choose(new URL('http://inside.test/x')), undefined);
  assert.equal(choose(new URL('http://deb.corp.test/x')), undefined);
  assert.equal(choose(new URL('https://a.test/x')), undefined);
});

/** A mirror on loopback: path → content. Counts requests, and can break off the first answer. */
async function mirror(
  files: ReadonlyMap<string, Buffer>,
  breakFirst = false,
): Promise<{ server: Server; uri: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(`${path} ${request.headers.range ?? ''}`.trim());
    const content = files.get(path);
    if (content === undefined) return void response.writeHead(404).end();
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
    if (!breakFirst || asked.length > 1) return void response.end(content.subarray(from));
    response.write(content.subarray(0, content.length / 2), () => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`, asked };
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** A key of our own and a suite signed with it. gpg is only needed to make these once; they are kept as files. */
const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'fixtures', name));
const KEYRING = join(import.meta.dirname, 'fixtures', 'keyring.gpg');
const PACKAGES = fixture('Packages.gz');
const INDEX = '/debian/dists/testsuite/main/binary-amd64';

test('a signed suite is read, by hash', async (t) => {
  const files = new Map([
    ['/debian/dists/testsuite/InRelease', fixture('InRelease')],
    [`${INDEX}/by-hash/SHA256/${sha256(PACKAGES)}`, PACKAGES],
  ]);
  const { server, uri } = await mirror(files);
  t.after(() => server.close());
  const suite = await openSuite([{ uri, keyrings: [KEYRING] }], 'testsuite', 'amd64', DIRECT);
  assert.deepEqual([...suite.index.packages.keys()], ['hello']);
});

test('a suite that is unsigned, altered, of another name, or signed by a stranger is refused', async (t) => {
  const good = fixture('InRelease');
  const altered = Buffer.from(good.toString().replace('Codename: testsuite', 'Codename: testsuitf'));
  const unsigned = Buffer.from('Suite: testsuite\nCodename: testsuite\nSHA256:\n');
  const path = '/debian/dists/testsuite/InRelease';
  const files = new Map([
    [path, good],
    ['/debian/dists/other/InRelease', good],
  ]);
  const { server, uri } = await mirror(files);
  t.after(() => server.close());
  const open = (name = 'testsuite', keyrings = [KEYRING]) => openSuite([{ uri, keyrings }], name, 'amd64', DIRECT);
  await assert.rejects(open('other'), failsWith('signature', /for the suite testsuite, not other/));
  await assert.rejects(open('testsuite', []), failsWith('signature', /No public key/));
  files.set(path, altered);
  await assert.rejects(open(), failsWith('signature', /BAD signature/));
  files.set(path, unsigned);
  await assert.rejects(open(), failsWith('signature', /not signed/));
  // What is written around the signed text does not count.
  files.set(path, Buffer.concat([unsigned, Buffer.from('\n'), good]));
  await assert.rejects(open(), ComponentError);
});

test('an index with another hash than the signed one is refused', async (t) => {
  const wrong = gzipSync(entry('hello', { Version: 'evil' }));
  const files = new Map([
    ['/debian/dists/testsuite/InRelease', fixture('InRelease')],
    [`${INDEX}/Packages.gz`, wrong],
  ]);
  const { server, uri } = await mirror(files);
  t.after(() => server.close());
  const opened = openSuite([{ uri, keyrings: [KEYRING] }], 'testsuite', 'amd64', DIRECT);
  await assert.rejects(opened, failsWith('checksum', /Packages\.gz: SHA-256 is [0-9a-f]{64}/));
});

test('a mirror without the suite: the next one is tried, and all reasons are told', async (t) => {
  const empty = await mirror(new Map());
  t.after(() => empty.server.close());
  const second = `${empty.uri}2`;
  const opened = openSuite(
    [empty, { uri: second }].map(({ uri }) => ({ uri, keyrings: [] })),
    'x',
    'amd64',
    DIRECT,
  );
  await assert.rejects(
    opened,
    failsWith('unreachable', /debian\/dists\/x\/InRelease answered 404.*debian2\/dists\/x\/InRelease answered 404/),
  );
});

test('a broken download is continued, a wrong one is not kept', async (t) => {
  const content = Buffer.alloc(4_000_000, 'wa-trunk');
  const { server, uri, asked } = await mirror(new Map([['/debian/a.deb', content]]), true);
  t.after(() => server.close());
  const path = join(folder, 'a.deb');
  let bytes = 0;
  await fetchFile(`${uri}/a.deb`, path, sha256(content), { ...DIRECT, onBytes: (more) => (bytes += more) });
  assert.equal(asked.length, 2);
  assert.match(asked[1] ?? '', /bytes=[1-9]\d+-$/);
  assert.equal(sha256(readFileSync(path)), sha256(content));
  assert.equal(bytes, content.length);

  const other = join(folder, 'b.deb');
  const abort = new AbortController();
  const wrong = fetchFile(`${uri}/a.deb`, other, HASH, { ...DIRECT, signal: abort.signal });
  await assert.rejects(wrong, failsWith('checksum', /a\.deb: SHA-256 is/));
  assert.throws(() => readFileSync(other));
  assert.throws(() => readFileSync(`${other}.part`));
});

test('the lock: held once, waited for, free after close', async () => {
  const name = join(folder, 'lock');
  const held = await lock(name);
  assert.equal(await tryLock(name), undefined);
  const order: string[] = [];
  const waiting = lock(name, undefined, () => {
    order.push('waits');
    void held.close().then(() => held.close());
  });
  const second = await waiting;
  order.push('has it');
  await second.close();
  assert.deepEqual(order, ['waits', 'has it']);
});

test('a tree without manifest, or of another recipe, is not used', () => {
  const cacheDir = join(folder, 'cache');
  const root = join(cacheDir, 'sipp');
  mkdirSync(root, { recursive: true });
  const found = (): Component | undefined => findComponent('sipp', [cacheDir]);
  assert.equal(found(), undefined);
  writeFileSync(join(root, 'manifest.json'), '{"recipe":"old","version":"1","libraryPath":[],"loader":"ld.so"}');
  assert.equal(found(), undefined);
  writeFileSync(join(root, 'manifest.json'), '{"recipe":');
  assert.equal(found(), undefined);
  assert.throws(() => requireComponent('sipp', { cacheDir }), failsWith('missing', /run: npm run components/));
});

test('the real components run with their own libraries', () => {
  const { command, env, root } = requireComponent('sipp');
  const [program, ...args] = [...command.slice(0, -1), '--list', command[command.length - 1] ?? ''];
  const listed = execFileSync(program ?? '', args, { env, encoding: 'utf8' });
  const outside = listed.split('\n').filter((line) => line.includes('=>') && !line.includes(root));
  assert.deepEqual(outside, []);
});

test('progress is one line, and thinned out for a log', () => {
  const at = (doneBytes: number) =>
    ({ component: 'sipp', phase: 'download', doneBytes, totalBytes: 10_000_000 }) as const;
  assert.equal(describeProgress(at(2_500_000)), 'sipp          25 %  2.5 of 10.0 MB');
  const show = progressSteps(50);
  assert.deepEqual(
    [0, 1_000_000, 4_900_000, 5_000_000, 10_000_000].map((bytes) => show(at(bytes))),
    [true, false, false, true, true],
  );
});
