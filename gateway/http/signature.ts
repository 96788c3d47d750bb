/** X-Hub-Signature-256: HMAC-SHA256 of the raw body with the app secret, as `sha256=` and hex. */
import { createHmac, timingSafeEqual, type Hmac } from 'node:crypto';
import type { Secret } from '../config/types.js';

/** @returns undefined: the header is missing or not of that form */
export function readSignature(header: string | string[] | undefined): Buffer | undefined {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(typeof header === 'string' ? header.trim() : '')?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}

/** Digests the body as it comes in, with every secret: no long step at its end. */
export class SignatureCheck {
  readonly #hmacs: readonly Hmac[];

  constructor(secrets: readonly Secret[]) {
    this.#hmacs = secrets.map((secret) => createHmac('sha256', secret.reveal()));
  }

  update(chunk: Buffer): void {
    for (const hmac of this.#hmacs) hmac.update(chunk);
  }

  /** Once, after the last piece. All secrets are compared, whichever fits. */
  matches(signature: Buffer): boolean {
    const fits = this.#hmacs.map((hmac) => timingSafeEqual(hmac.digest(), signature));
    return fits.includes(true);
  }
}
