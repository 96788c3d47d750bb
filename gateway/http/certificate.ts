/** The certificate of an HTTPS listener, taken up anew when its files change. */
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { CertificatePem, HttpLog } from './listener.js';

export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A stat each; links that are switched to other files are seen. */
const WATCH_MS = 2000;

/** @throws Error that names the files when they are missing or not usable */
export async function readCertificate({ certificate, privateKey }: CertificateFiles): Promise<CertificatePem> {
  try {
    const [cert, key] = await Promise.all([readFile(certificate, 'utf8'), readFile(privateKey, 'utf8')]);
    // Finds a key that does not belong to the certificate, and text that is no PEM.
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${certificate} and ${privateKey} are not a usable certificate and key: ${text}`, { cause });
  }
}

/** Calls `renewed` with what the files hold whenever that is another certificate. @returns ends it */
export function watchCertificate(
  files: CertificateFiles,
  current: CertificatePem,
  renewed: (pem: CertificatePem) => void,
  log?: HttpLog,
  intervalMs = WATCH_MS,
): () => void {
  let served = current;
  const look = (): void => {
    readCertificate(files).then(
      (pem) => {
        if (pem.cert === served.cert && pem.key === served.key) return;
        served = pem;
        renewed(pem);
      },
      // Between the writing of the one and the other they do not fit; the next look finds both.
      (err: unknown) => log?.warn({ err }, 'the certificate of the webhooks cannot be renewed, the old one stays'),
    );
  };
  const paths = [files.certificate, files.privateKey];
  for (const path of paths) watchFile(path, { interval: intervalMs, persistent: false }, look);
  return () => {
    for (const path of paths) unwatchFile(path, look);
  };
}
