import { parseDeb822 } from './deb822.js';
import { ComponentError } from './errors.js';

/** A binary package as a suite's index describes it. `size` in bytes, `sha256` in hex. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly section: string;
  /** Alternatives of each dependency, Pre-Depends first, without versions and architectures. */
  readonly depends: readonly (readonly string[])[];
  readonly provides: readonly string[];
  readonly filename: string;
  readonly size: number;
  readonly sha256: string;
}

/** All packages of a suite, by name, and who provides a virtual one. */
export interface PackageIndex {
  readonly origin: string;
  readonly packages: ReadonlyMap<string, Package>;
  readonly providers: ReadonlyMap<string, readonly string[]>;
}

const FIELDS = new Set('package version section depends pre-depends provides filename size sha256'.split(' '));

/**
 * Parses a Packages index. `origin` is where it came from, for messages.
 * Throws ComponentError('checksum') for a package without file name, size or SHA-256.
 */
export function parsePackages(text: string, origin: string): PackageIndex {
  const packages = new Map<string, Package>();
  const providers = new Map<string, string[]>();
  for (const stanza of parseDeb822(text, FIELDS)) {
    const name = stanza.get('package');
    if (name === undefined) continue;
    const filename = stanza.get('filename') ?? '';
    const sha256 = stanza.get('sha256') ?? '';
    const size = Number(stanza.get('size'));
    if (filename === '' || !/^[0-9a-f]{64}$/.test(sha256) || !(size > 0)) {
      throw new ComponentError('checksum', `${origin}: package ${name} has no valid Filename, Size or SHA256`);
    }
    const provides = relations(stanza.get('provides')).flat();
    packages.set(name, {
      name,
      version: stanza.get('version') ?? '',
      section: stanza.get('section') ?? '',
      depends: [...relations(stanza.get('pre-depends')), ...relations(stanza.get('depends'))],
      provides,
      filename,
      size,
      sha256,
    });
    for (const virtual of provides) providers.set(virtual, [...(providers.get(virtual) ?? []), name]);
  }
  return { origin, packages, providers };
}

/** `a (>= 1) | b:any, c [amd64]` → `[['a', 'b'], ['c']]`. A suite is consistent in itself: versions say nothing more. */
function relations(value: string | undefined): string[][] {
  return (value ?? '')
    .split(',')
    .map((group) => group.split('|').map((one) => one.trim().replace(/[\s(:[].*$/s, '')))
    .filter((group) => group[0] !== '');
}

/**
 * The packages that make a tree run: the named ones, and of their dependencies all shared libraries (Debian's
 * sections `libs` and `oldlibs`), transitively. What is left out serves maintainer scripts, configuration or
 * desktop integration (adduser, debconf, perl, init scripts, fonts …), none of which an extracted tree has.
 *
 * @param leaveOut names of libraries that nothing we start links, to keep the tree small
 * @throws ComponentError('no-package') with the missing name, who wants it, and where it was looked for
 */
export function resolve(index: PackageIndex, roots: readonly string[], leaveOut?: RegExp): Package[] {
  const chosen = new Map<string, Package>();
  const queue = [...roots];
  for (const root of roots) {
    if (!index.packages.has(root)) throw missing(index, root);
  }
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const item = index.packages.get(name);
    if (item === undefined || chosen.has(name)) continue;
    chosen.set(name, item);
    for (const alternatives of item.depends) {
      if (alternatives.some((one) => leaveOut?.test(one))) continue;
      const next = choose(index, alternatives, (one) => chosen.has(one) || queue.includes(one));
      if (next === undefined) throw missing(index, alternatives.join(' | '), name);
      if (/^(old)?libs$/.test(next.section)) queue.push(next.name);
    }
  }
  return [...chosen.values()];
}

/** One that is there already, else the first real package in the order written, else the first provider by name. */
function choose(
  index: PackageIndex,
  alternatives: readonly string[],
  taken: (name: string) => boolean,
): Package | undefined {
  const candidates = alternatives.flatMap((one) => [one, ...[...(index.providers.get(one) ?? [])].sort()]);
  const real = alternatives.find((one) => index.packages.has(one));
  const name = candidates.find(taken) ?? real ?? candidates.find((one) => index.packages.has(one));
  return name === undefined ? undefined : index.packages.get(name);
}

function missing(index: PackageIndex, name: string, wantedBy?: string): ComponentError {
  const by = wantedBy === undefined ? '' : `, which ${wantedBy} depends on`;
  return new ComponentError('no-package', `package ${name}${by}, is not in ${index.origin}`);
}
