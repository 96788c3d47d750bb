import { randomUUID } from 'node:crypto';
import { MAGIC_COOKIE } from '../sip/via.js';

/** Unguessable text (122 bits): a response or a CANCEL cannot be forged by guessing. Node draws random bytes in advance for it. */
export function newTag(): string {
  return randomUUID();
}

export function newBranch(): string {
  return MAGIC_COOKIE + randomUUID();
}
