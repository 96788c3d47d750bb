const HIDDEN = '[redacted]';
/** How Meta's access tokens look: a message of Meta's may repeat one, whole or in part. */
const TOKEN = /\bEAA[A-Za-z0-9]{8,}/g;

/** Takes secrets out of a text that somebody else wrote. */
export function cleaner(secrets: readonly (string | undefined)[]): (text: string) => string {
  const known = secrets.filter((secret): secret is string => secret !== undefined && secret !== '');
  return (text) => known.reduce((cleaned, secret) => cleaned.replaceAll(secret, HIDDEN), text).replace(TOKEN, HIDDEN);
}
