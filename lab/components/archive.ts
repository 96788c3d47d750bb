import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Mirror } from './apt-sources.js';
import { type DownloadOptions, fetchBuffer, HttpStatusError } from './download.js';
import { ComponentError } from './errors.js';
import { type PackageIndex, parsePackages } from './packages.js';
import { type Release, verifyRelease } from './release.js';

/** One suite on one mirror, with its verified index. */
export interface Suite {
  readonly mirror: string;
  readonly release: Release;
  readonly index: PackageIndex;
}

/**
 * Opens a suite at the first mirror that has it: InRelease is verified, then the index of `main` against it.
 *
 * @param architecture Debian's name of it, such as amd64
 * @throws ComponentError: the reason at each mirror tried
 */
export async function openSuite(
  mirrors: readonly Mirror[],
  name: string,
  architecture: string,
  options: DownloadOptions,
): Promise<Suite> {
  if (mirrors.length === 0) {
    throw new ComponentError(
      'no-mirror',
      `apt's configuration (/etc/apt/sources.list, sources.list.d) has no Debian mirror`,
    );
  }
  const reasons: ComponentError[] = [];
  for (const mirror of mirrors) {
    try {
      return await openAt(mirror, name, architecture, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      reasons.push(
        error instanceof ComponentError ? error : new ComponentError('unreachable', reason, { cause: error }),
      );
    }
  }
  const [first] = reasons;
  const code = first !== undefined && reasons.length === 1 ? first.code : 'unreachable';
  const why = reasons.map((reason) => reason.message).join('; ');
  throw new ComponentError(code, `suite ${name}: ${why}`, { cause: first });
}

async function openAt(mirror: Mirror, name: string, architecture: string, options: DownloadOptions): Promise<Suite> {
  const folder = `${mirror.uri}/dists/${name}`;
  const signed = await fetchBuffer(`${folder}/InRelease`, options);
  const release = await verifyRelease(signed, `${folder}/InRelease`, name, mirror.keyrings);
  const path = `main/binary-${architecture}/Packages.gz`;
  const sha256 = release.sha256.get(path);
  if (sha256 === undefined) {
    throw new ComponentError('no-package', `${folder}/InRelease lists no ${path}`);
  }
  const packed = await fetchIndex(folder, path, sha256, release.byHash, options);
  const found = createHash('sha256').update(packed).digest('hex');
  if (found !== sha256) {
    throw new ComponentError('checksum', `${folder}/${path}: SHA-256 is ${found}, InRelease says ${sha256}`);
  }
  const text = (await promisify(gunzip)(packed)).toString('utf8');
  return { mirror: mirror.uri, release, index: parsePackages(text, `${folder}/${path}`) };
}

/** By hash where the suite has that, so that a mirror update between the two requests does no harm. */
async function fetchIndex(
  folder: string,
  path: string,
  sha256: string,
  byHash: boolean,
  options: DownloadOptions,
): Promise<Buffer> {
  if (byHash) {
    const byHashPath = path.replace(/[^/]+$/, `by-hash/SHA256/${sha256}`);
    try {
      return await fetchBuffer(`${folder}/${byHashPath}`, options);
    } catch (error) {
      if (!(error instanceof HttpStatusError)) throw error; // a partial mirror: take it under its own name
    }
  }
  return fetchBuffer(`${folder}/${path}`, options);
}
