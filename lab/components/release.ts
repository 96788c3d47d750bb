import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseDeb822, words } from './deb822.js';
import { ComponentError } from './errors.js';

/** Debian's own keys. The removed keys, which lie beside them, are not to be trusted. */
const KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-keyring.pgp'];

/** What a verified InRelease file says. `sha256` maps a path below the suite's folder to its hash in hex. */
export interface Release {
  readonly suite: string;
  readonly codename: string;
  readonly date: string;
  readonly byHash: boolean;
  readonly sha256: ReadonlyMap<string, string>;
}

/**
 * Checks a clear-signed InRelease with gpgv and reads what was signed, and only that.
 *
 * One good signature of a trusted key is enough, as for apt: suites are signed with the keys of two releases, and
 * an older keyring lacks the newer one. Valid-Until is not looked at: a mirror of testing may be some weeks old.
 *
 * @param signed the file as fetched
 * @param origin its address, for messages
 * @param suite the suite asked for: a signed index of another one is refused
 * @param keyrings further keyrings besides Debian's
 * @throws ComponentError('signature' | 'no-tool')
 */
export async function verifyRelease(
  signed: Buffer,
  origin: string,
  suite: string,
  keyrings: readonly string[],
): Promise<Release> {
  const trusted = await existing([...new Set([...keyrings, ...KEYRINGS])]);
  if (trusted.length === 0) {
    throw new ComponentError('signature', `no Debian keyring found, install the package debian-archive-keyring`);
  }
  const { content, status, errors } = await gpgv(signed, trusted);
  const says = (word: string): boolean => status.includes(`[GNUPG:] ${word} `);
  if (!says('GOODSIG') || !says('VALIDSIG') || says('BADSIG')) {
    throw new ComponentError(
      'signature',
      `${origin}: not signed by a key of ${trusted.join(', ')} (gpgv: ${errors.trim().replace(/\s*\n\s*/g, '; ')})`,
    );
  }
  const release = parseRelease(content);
  if (release.suite !== suite && release.codename !== suite) {
    throw new ComponentError('signature', `${origin}: is signed, but for the suite ${release.codename}, not ${suite}`);
  }
  return release;
}

function parseRelease(content: string): Release {
  const [stanza] = parseDeb822(content);
  const sha256 = new Map<string, string>();
  for (const line of (stanza?.get('sha256') ?? '').split('\n')) {
    const [hash, , path] = words(line);
    if (hash !== undefined && path !== undefined) sha256.set(path, hash);
  }
  return {
    suite: stanza?.get('suite') ?? '',
    codename: stanza?.get('codename') ?? '',
    date: stanza?.get('date') ?? '',
    byHash: stanza?.get('acquire-by-hash') === 'yes',
    sha256,
  };
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => path,
        () => undefined,
      ),
    ),
  );
  return found.filter((path) => path !== undefined);
}

async function gpgv(
  signed: Buffer,
  keyrings: readonly string[],
): Promise<{ content: string; status: string; errors: string }> {
  const args = ['--status-fd', '3', '--output', '-', ...keyrings.flatMap((path) => ['--keyring', path]), '-'];
  const child = spawn('gpgv', args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => {
      reject(new ComponentError('no-tool', `gpgv does not start, install the package gpgv`, { cause }));
    });
  });
  const [, content, errors, statusPipe] = child.stdio;
  child.stdin.on('error', () => undefined); // gpgv may refuse before it has read everything
  child.stdin.end(signed);
  const outputs = Promise.all([text(content), text(statusPipe as NodeJS.ReadableStream), text(errors)]);
  const [contentText, status, errorText] = await Promise.race([outputs, failed]);
  return { content: contentText, status, errors: errorText };
}
