import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ComponentName, platform, RECIPES } from './catalogue.js';
import { ComponentError } from './errors.js';

/** A program of a component's tree, ready to be started. */
export interface Component {
  readonly name: ComponentName;
  /** Version of its Debian package. */
  readonly version: string;
  /** The tree's root folder. */
  readonly root: string;
  /** Loader, library path and program: append the program's own arguments. */
  readonly command: readonly [string, ...string[]];
  /** What must be in the program's environment, besides the usual. */
  readonly env: Readonly<Record<string, string>>;
}

/** Written last into a tree: one without it, or of another recipe, is not used. */
export interface Manifest {
  readonly recipe: string;
  readonly version: string;
  readonly libraryPath: readonly string[];
  readonly loader: string;
  readonly packages: Readonly<Record<string, string>>;
}

export const MANIFEST = 'manifest.json';

/** The folders where trees are looked for: beside the package, then the user's cache. New ones go to the first writable. */
export function cacheDirs(env: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const xdg = env.XDG_CACHE_HOME ?? '';
  const user = join(xdg.startsWith('/') ? xdg : join(homedir(), '.cache'), 'wa-trunk', 'components');
  return [join(packageRoot(), '.cache', 'components'), user];
}

/** The first of `cacheDirs()` that this user can write to. */
export function writableCacheDir(): string {
  const dirs = cacheDirs();
  return dirs.find((dir) => writable(dir)) ?? dirs[dirs.length - 1] ?? '.';
}

function writable(dir: string): boolean {
  const present = existsSync(dir) ? dir : dirname(dir) === dir ? undefined : dirname(dir);
  if (present === undefined) return false;
  if (present !== dir) return writable(present);
  try {
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder with our package.json, from the source tree as well as from dist/. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json')) && dirname(dir) !== dir) dir = dirname(dir);
  return dir;
}

/** Changes with everything that makes an older tree unusable. */
export function recipeId(name: ComponentName): string {
  const recipe = RECIPES[name];
  const text = JSON.stringify([1, platform(), recipe, recipe.leaveOut.source]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A complete tree of this recipe in one of the folders, or undefined. */
export function findComponent(name: ComponentName, dirs: readonly string[] = cacheDirs()): Component | undefined {
  for (const dir of dirs) {
    const root = join(dir, name);
    const manifest = readManifest(root);
    if (manifest?.recipe === recipeId(name)) return assemble(name, root, manifest);
  }
  return undefined;
}

/**
 * A component that must be there already: tests never fetch by themselves.
 * @throws ComponentError('missing') with the command that provides it
 */
export function requireComponent(name: ComponentName, options: { readonly cacheDir?: string } = {}): Component {
  const dirs = options.cacheDir === undefined ? cacheDirs() : [options.cacheDir];
  const found = findComponent(name, dirs);
  if (found !== undefined) return found;
  throw new ComponentError('missing', `${name} is not in ${dirs.join(' or ')}; run: npm run components`);
}

/** How a tree's program is started through its own loader, with nothing of the host's libraries. */
export function assemble(
  name: ComponentName,
  root: string,
  manifest: Omit<Manifest, 'recipe' | 'packages'>,
): Component {
  const program = RECIPES[name].program;
  const path = manifest.libraryPath.map((dir) => join(root, dir)).join(':');
  return {
    name,
    version: manifest.version,
    root,
    command: [join(root, manifest.loader), '--inhibit-cache', '--library-path', path, join(root, program)],
    env: { LC_ALL: 'C.UTF-8', OPENSSL_CONF: '/dev/null' },
  };
}

/** The loader and the folders with shared libraries of an extracted tree, relative to its root. */
export function findLibraries(root: string): { loader: string; libraryPath: string[] } {
  const { triplet, loader } = platform();
  const libraryPath = [`lib/${triplet}`, `usr/lib/${triplet}`, 'usr/lib'].filter((dir) => isFolder(join(root, dir)));
  for (const dir of [...libraryPath, 'lib', 'lib64', 'usr/lib64']) {
    if (existsSync(join(root, dir, loader))) return { loader: join(dir, loader), libraryPath };
  }
  throw new ComponentError('unusable', `${root}: the loader ${loader} is not in the tree`);
}

/** Files of a tree that match a path whose last part may have `*`. */
export function glob(root: string, pattern: string): string[] {
  const path = pattern.replace('<triplet>', platform().triplet);
  const last = path.slice(path.lastIndexOf('/') + 1);
  const dir = join(root, path.slice(0, -last.length));
  const match = new RegExp(`^${last.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  return isFolder(dir)
    ? readdirSync(dir)
        .filter((name) => match.test(name))
        .map((name) => join(dir, name))
    : [];
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function readManifest(root: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(root, MANIFEST), 'utf8')) as Manifest;
  } catch {
    return undefined; // no tree, or one that was never finished
  }
}
