import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, type CertificateAuthority } from '../../../simulator/pki.js';

export interface ServerPem {
  cert: string;
  key: string;
}

export interface PemFiles {
  certificate: string;
  privateKey: string;
  ca: string;
}

/** A certificate authority for one test file, and a folder for the files that an engine reads. */
export class TestPki {
  readonly #authority: CertificateAuthority = createCertificateAuthority('Engine test CA');
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<TestPki> {
    return new TestPki(await mkdtemp(join(tmpdir(), 'wa-trunk-engine-')));
  }

  /** PEM of the authority. */
  get ca(): string {
    return this.#authority.certificate;
  }

  /** A certificate for these names, followed by that of its authority. */
  server(...names: string[]): ServerPem {
    const { certificate, key } = this.#authority.issue(names);
    return { cert: certificate.includes(this.ca) ? certificate : certificate + this.ca, key };
  }

  async files(pem: ServerPem, name = 'server'): Promise<PemFiles> {
    const path = (file: string): string => join(this.#folder, file);
    const files = { certificate: path(`${name}.pem`), privateKey: path(`${name}.key`), ca: path('ca.pem') };
    await writeFile(files.privateKey, pem.key);
    await writeFile(files.certificate, pem.cert);
    await writeFile(files.ca, this.ca);
    return files;
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}
