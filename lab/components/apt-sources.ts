import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { parseDeb822, words } from './deb822.js';

/** A Debian archive as apt knows it. `keyrings` are the files its entry trusts, empty when it names none. */
export interface Mirror {
  readonly uri: string;
  readonly keyrings: readonly string[];
}

interface Entry {
  readonly uris: readonly string[];
  readonly signedBy: readonly string[];
}

/**
 * The Debian mirrors of this machine's apt configuration, in its order, without duplicates.
 * Any suite can be read from them: an entry's suites are not looked at, its archive is.
 *
 * @param aptDir apt's configuration folder
 */
export async function readMirrors(aptDir = '/etc/apt'): Promise<Mirror[]> {
  const parts = join(aptDir, 'sources.list.d');
  const names = (await readdir(parts).catch(() => [])).sort();
  const files = [join(aptDir, 'sources.list'), ...names.map((name) => join(parts, name))];
  const mirrors = new Map<string, Mirror>();
  for (const file of files) {
    for (const entry of await readEntries(file)) {
      for (const uri of (await Promise.all(entry.uris.map(expand))).flat()) {
        if (!isDebian(uri, entry.signedBy) || mirrors.has(uri)) continue;
        mirrors.set(uri, { uri, keyrings: entry.signedBy.filter((path) => path.startsWith('/')) });
      }
    }
  }
  return [...mirrors.values()];
}

async function readEntries(file: string): Promise<Entry[]> {
  const parse = file.endsWith('.sources') ? parseSources : file.endsWith('.list') ? parseList : undefined;
  if (parse === undefined) return [];
  // An entry that we may not read is apt's business, not ours: the next one may do.
  return parse(await readFile(file, 'utf8').catch(() => ''));
}

/** Parses apt's deb822 format, sources.list(5). Disabled and source-only entries are left out. */
export function parseSources(text: string): Entry[] {
  return [...parseDeb822(text)]
    .filter((stanza) => words(stanza.get('types')).includes('deb') && stanza.get('enabled')?.toLowerCase() !== 'no')
    .map((stanza) => ({ uris: words(stanza.get('uris')), signedBy: words(stanza.get('signed-by')) }));
}

/** Parses apt's one-line format: `deb [option=value …] uri suite component…`. */
export function parseList(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)/.exec(line);
    if (match?.[2] === undefined) return [];
    const signedBy = words(match[1]).flatMap((option) => /^signed-by=(.+)$/i.exec(option)?.[1]?.split(',') ?? []);
    return [{ uris: [match[2]], signedBy }];
  });
}

/** `mirror+file:` names a list of mirrors, as Debian's cloud images have it: one per line, options after a tab. */
async function expand(uri: string): Promise<string[]> {
  const list = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1];
  if (list === undefined) return [withoutSlash(uri)];
  const text = await readFile(list, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => words(line.replace(/#.*/, '')).slice(0, 1).map(withoutSlash));
}

const withoutSlash = (uri: string): string => uri.replace(/\/+$/, '');

function isDebian(uri: string, signedBy: readonly string[]): boolean {
  if (!/^https?:/.test(uri) || /security|debug/.test(basename(uri))) return false;
  return uri.endsWith('/debian') || signedBy.some((path) => basename(path).startsWith('debian-archive-'));
}

/** The proxy of apt's own configuration for a scheme, or undefined. */
export async function aptProxy(scheme: 'http' | 'https'): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('apt-config', [
      'dump',
      '--format',
      '%v%n',
      `Acquire::${scheme}::Proxy`,
    ]);
    const proxy = stdout.split('\n')[0]?.trim();
    return proxy === undefined || proxy === '' || proxy === 'DIRECT' ? undefined : proxy;
  } catch {
    return undefined; // no apt-config here: then there is no such setting either
  }
}
