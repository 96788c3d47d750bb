import { randomBytes } from 'node:crypto';
import { MAGIC_COOKIE } from '../sip/via.js';

/** Unguessable text: 12 random bytes in hex. A response or a CANCEL cannot be forged by guessing. */
export function newTag(): string {
  return randomBytes(12).toString('hex');
}

export function newBranch(): string {
  return MAGIC_COOKIE + newTag();
}
