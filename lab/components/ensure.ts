import { execFile } from 'node:child_process';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { readMirrors } from './apt-sources.js';
import { openSuite, type Suite } from './archive.js';
import {
  assemble,
  cacheDirs,
  type Component,
  findComponent,
  findLibraries,
  glob,
  type Manifest,
  MANIFEST,
  recipeId,
  writableCacheDir,
} from './cache.js';
import { type ComponentName, platform, RECIPES } from './catalogue.js';
import { type DownloadOptions, fetchFile } from './download.js';
import { ComponentError } from './errors.js';
import { lock } from './lock.js';
import { type Package, resolve } from './packages.js';
import type { Progress } from './progress.js';
import { proxyChooser } from './proxy.js';

export type Components<Name extends ComponentName = ComponentName> = Readonly<Record<Name, Component>>;

export interface EnsureOptions {
  /** Where the trees are looked for and put; default: the first writable of `cacheDirs()`. */
  readonly cacheDir?: string;
  readonly progress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

const PARALLEL = 6;
const USELESS = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info', 'usr/share/lintian'];

/**
 * Provides components: those in the cache as they are, the others from this machine's Debian mirror, verified.
 * Needs dpkg-deb and gpgv, no root. Two runs at once do not fetch twice: the second waits for the first.
 *
 * @throws ComponentError, or the signal's reason when aborted; what was downloaded so far is kept for the next run
 */
export async function ensureComponents<Name extends ComponentName>(
  names: readonly Name[],
  options: EnsureOptions = {},
): Promise<Components<Name>> {
  const dirs = options.cacheDir === undefined ? cacheDirs() : [options.cacheDir];
  const cacheDir = options.cacheDir ?? writableCacheDir();
  const missing = names.filter((name) => findComponent(name, dirs) === undefined);
  const [firstMissing] = missing;
  if (firstMissing !== undefined) {
    const report = options.progress ?? (() => undefined);
    const held = await lock(cacheDir, options.signal, () => {
      report({ component: firstMissing, phase: 'waiting', doneBytes: 0, totalBytes: 0 });
    });
    try {
      await fetchComponents(missing, dirs, cacheDir, report, options.signal);
    } finally {
      await held.close();
    }
  }
  const found = names.map((name) => [name, findComponent(name, dirs)] as const);
  for (const [name, component] of found) {
    if (component === undefined) throw new ComponentError('unusable', `${name} vanished from ${dirs.join(', ')}`);
    if (!missing.includes(name)) ready(component, options.progress);
  }
  return Object.fromEntries(found) as Components<Name>;
}

function ready(component: Component, progress: EnsureOptions['progress']): void {
  progress?.({ component: component.name, phase: 'ready', doneBytes: 0, totalBytes: 0, version: component.version });
}

async function fetchComponents(
  names: readonly ComponentName[],
  dirs: readonly string[],
  cacheDir: string,
  report: (progress: Progress) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const download: DownloadOptions = { proxyFor: await proxyChooser(), signal };
  const mirrors = await readMirrors();
  const suites = new Map<string, Suite>();
  for (const name of names) {
    const present = findComponent(name, dirs); // another process may have brought it while we waited
    if (present === undefined) {
      report({ component: name, phase: 'index', doneBytes: 0, totalBytes: 0 });
      const suiteName = RECIPES[name].suite;
      const suite = suites.get(suiteName) ?? (await openSuite(mirrors, suiteName, platform().debian, download));
      suites.set(suiteName, suite);
      await fetchComponent(name, suite, cacheDir, report, download);
    }
    const component = present ?? findComponent(name, [cacheDir]);
    if (component !== undefined) ready(component, report);
  }
  await rm(join(cacheDir, 'downloads'), { recursive: true, force: true });
}

async function fetchComponent(
  name: ComponentName,
  suite: Suite,
  cacheDir: string,
  report: (progress: Progress) => void,
  options: DownloadOptions,
): Promise<void> {
  const recipe = RECIPES[name];
  const packages = resolve(suite.index, recipe.packages, recipe.leaveOut);
  const version = packages[0]?.version ?? '';
  const totalBytes = packages.reduce((sum, item) => sum + item.size, 0);
  let doneBytes = 0;
  const downloads = join(cacheDir, 'downloads');
  const root = join(cacheDir, `${name}.unfinished`);
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  await mkdir(downloads, { recursive: true });
  await inParallel(packages, PARALLEL, async (item) => {
    const file = join(downloads, `${item.sha256}.deb`);
    await fetchFile(`${suite.mirror}/${item.filename}`, file, item.sha256, {
      ...options,
      onBytes: (bytes) => {
        doneBytes += bytes;
        report({ component: name, phase: 'download', doneBytes, totalBytes, version });
      },
    });
    await extract(file, root, options.signal);
  });
  report({ component: name, phase: 'check', doneBytes, totalBytes, version });
  await finish(name, root, version, packages);
  await rm(join(cacheDir, name), { recursive: true, force: true });
  await rename(root, join(cacheDir, name));
}

async function extract(file: string, root: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await promisify(execFile)('dpkg-deb', ['--extract', file, root], signal ? { signal } : {});
  } catch (cause) {
    signal?.throwIfAborted();
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no-tool' : 'unusable';
    throw new ComponentError(code, `dpkg-deb --extract ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Makes the extracted tree a usable one, checks that it is, and says so in its manifest. */
async function finish(name: ComponentName, root: string, version: string, packages: readonly Package[]): Promise<void> {
  const recipe = RECIPES[name];
  await Promise.all(USELESS.map((path) => rm(join(root, path), { recursive: true, force: true })));
  for (const [link, target] of Object.entries(recipe.links)) {
    await mkdir(dirname(join(root, link)), { recursive: true });
    await rm(join(root, link), { recursive: true, force: true });
    await symlink(target, join(root, link));
  }
  const libraries = findLibraries(root);
  // A few packages leave the link named by their library's SONAME to ldconfig. It is part of every Debian system.
  const folders = libraries.libraryPath.map((dir) => join(root, dir));
  await promisify(execFile)('/sbin/ldconfig', ['-n', ...folders]);
  const component = assemble(name, root, { version, ...libraries });
  await checkLibraries(
    component,
    recipe.check.map((pattern) => ({ pattern, files: glob(root, pattern) })),
  );
  const manifest: Manifest = {
    recipe: recipeId(name),
    version,
    ...libraries,
    packages: Object.fromEntries(packages.map((item) => [item.name, item.version])),
  };
  await writeFile(join(root, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Asks the tree's own loader whether each file finds all its libraries within the tree. */
async function checkLibraries(
  component: Component,
  groups: readonly { readonly pattern: string; readonly files: readonly string[] }[],
): Promise<void> {
  for (const { pattern, files } of groups) {
    if (files.length === 0) throw new ComponentError('unusable', `${component.name}: the packages have no ${pattern}`);
    for (const file of files) {
      const [loader, ...rest] = component.command.slice(0, -1);
      const { stdout, stderr } = await promisify(execFile)(loader ?? '', [...rest, '--list', file]).catch(
        (error: unknown) => error as { stdout: string; stderr: string },
      );
      const absent = stdout.split('\n').filter((line) => line.includes('not found'));
      if (absent.length === 0 && stdout !== '') continue;
      const what = [...absent.map((line) => line.trim()), stderr.trim()].filter((line) => line !== '').join('; ');
      throw new ComponentError('unusable', `${component.name}: ${file} lacks libraries: ${what}`);
    }
  }
}

/** Runs `work` on every item, some at a time; the first failure is thrown when those under way have ended. */
async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined && !failed; item = queue.shift()) {
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const results = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
