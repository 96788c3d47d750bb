import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

export interface TlsFiles {
  certificate: string;
  privateKey: string;
  ca?: string;
}

/** The files are looked at this often: a stat each, and links that are switched to other files are seen. */
const WATCH_INTERVAL = 2000;

/** The certificate of the TLS listeners and the roots trusted for outgoing connections; renewed when the files change. */
export class Certificate {
  readonly #files: TlsFiles;
  readonly #onChange: (pem: { cert: string; key: string }) => void;
  #client: SecureContext;
  #pem: { cert: string; key: string };
  readonly #watched: () => void;

  private constructor(
    files: TlsFiles,
    loaded: Loaded,
    onChange: (pem: { cert: string; key: string }) => void,
    onFault: (error: Error) => void,
  ) {
    this.#files = files;
    this.#client = loaded.client;
    this.#pem = loaded.pem;
    this.#onChange = onChange;
    this.#watched = () => {
      this.renew().catch(onFault);
    };
    for (const file of this.#paths()) watchFile(file, { interval: WATCH_INTERVAL, persistent: false }, this.#watched);
  }

  /** Reads the files and watches them. Rejects with the file's name when one is missing or not usable. */
  static async load(
    files: TlsFiles,
    onChange: (pem: { cert: string; key: string }) => void,
    onFault: (error: Error) => void,
  ): Promise<Certificate> {
    return new Certificate(files, await load(files), onChange, onFault);
  }

  get pem(): { cert: string; key: string } {
    return this.#pem;
  }

  /** For outgoing connections: trusts the system's roots and `ca`, presents no certificate. */
  get client(): SecureContext {
    return this.#client;
  }

  /** Reads the files again; rejects and keeps the old when they are not usable. */
  async renew(): Promise<void> {
    const loaded = await load(this.#files);
    this.#client = loaded.client;
    const changed = loaded.pem.cert !== this.#pem.cert || loaded.pem.key !== this.#pem.key;
    this.#pem = loaded.pem;
    if (changed) this.#onChange(loaded.pem);
  }

  close(): void {
    for (const file of this.#paths()) unwatchFile(file, this.#watched);
  }

  #paths(): string[] {
    const { certificate, privateKey, ca } = this.#files;
    return ca === undefined ? [certificate, privateKey] : [certificate, privateKey, ca];
  }
}

interface Loaded {
  client: SecureContext;
  pem: { cert: string; key: string };
}

async function load(files: TlsFiles): Promise<Loaded> {
  const [cert, key] = await Promise.all([readPem(files.certificate), readPem(files.privateKey)]);
  const ca = files.ca === undefined ? [] : [await readPem(files.ca)];
  try {
    // Finds a key that does not belong to the certificate, and text that is no PEM.
    createSecureContext({ cert, key });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${files.certificate} and ${files.privateKey} are not a usable certificate and key: ${text}`, {
      cause,
    });
  }
  return { client: clientContext(ca), pem: { cert, key } };
}

/** Context for outgoing connections. Node's own roots take 10 ms to load: one context serves all. */
export function clientContext(ca: readonly string[]): SecureContext {
  return createSecureContext({ ca: [...rootCertificates, ...ca], minVersion: 'TLSv1.2' });
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
