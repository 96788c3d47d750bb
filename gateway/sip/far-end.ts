/** What the SIP server at the other end can do, told from the version it announces. */
import type { FarEnd } from './port.js';

export function farEndOf(version: string): FarEnd {
  const embedded = version.endsWith('-wa-trunk-embedded');
  return {
    version,
    embedded,
    verifiesPeerCertificate: embedded,
    renewsCertificate: embedded,
    filtersSources: embedded,
  };
}
