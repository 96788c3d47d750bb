/**
 * Secrets as the store keeps them: AES-256-GCM, bound to the place where they lie, so that one cannot be put in another's
 * place. `s1.raw.IV.DATA` under a key of 32 bytes, `s1.scrypt.SALT.IV.DATA` under a passphrase; base64url, the tag at the end.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import type { Secret } from '../config/types.js';

/** Where a secret lies in the store. */
export interface Place {
  readonly collection: string;
  readonly key: string;
}

export interface Seal {
  seal(plain: string, place: Place): Promise<string>;
  /** @throws SealError: sealed with another key, for another place, damaged, or by a newer version */
  open(sealed: string, place: Place): Promise<string>;
}

/** Never has the secret or the key in its text. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 16;
const PASSPHRASE_MIN = 16;
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
/** One for each start of a gateway whose secrets are still there. */
const DERIVED_MAX = 16;

/**
 * @param key 32 bytes in base64 or hex, else a passphrase of at least 16 characters
 * @param origin where the key is from, for errors: a file
 * @throws SealError for a key that is too weak
 */
export function createSeal(key: Secret, origin: string): Seal {
  const text = key.reveal().trim();
  const raw = rawKey(text);
  if (raw === undefined && text.length < PASSPHRASE_MIN) {
    throw new SealError(
      `${origin}: too short for a key; it takes 32 random bytes (openssl rand -base64 32), or a passphrase of at least ` +
        `${PASSPHRASE_MIN} characters`,
    );
  }
  const own = raw === undefined ? new PassphraseKeys(text) : new RawKeys(raw);
  return {
    seal: async (plain, place) => {
      const { header, key: cipherKey } = await own.toSeal();
      return `${header}.${encrypt(cipherKey, plain, place)}`;
    },
    open: async (sealed, place) => {
      const parts = sealed.split('.');
      const data = decode(parts.at(-1));
      const iv = decode(parts.at(-2));
      const cipherKey = await own.toOpen(parts.slice(0, -2));
      const plain = cipherKey === undefined ? undefined : decrypt(cipherKey, iv, data, place);
      if (plain !== undefined) return plain;
      throw new SealError(
        `${place.collection}/${place.key} cannot be read with the key of ${origin}: it was sealed with another one, or is ` +
          'damaged; put the former key back, or have the secret fetched anew',
      );
    },
  };
}

interface Keys {
  toSeal(): Promise<{ readonly header: string; readonly key: Buffer }>;
  /** @param header all parts before IV and data; undefined: of no key of this kind */
  toOpen(header: readonly string[]): Promise<Buffer | undefined>;
}

class RawKeys implements Keys {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  toSeal(): Promise<{ header: string; key: Buffer }> {
    return Promise.resolve({ header: 's1.raw', key: this.#key });
  }

  toOpen(header: readonly string[]): Promise<Buffer | undefined> {
    return Promise.resolve(header.join('.') === 's1.raw' ? this.#key : undefined);
  }
}

/** A salt for each process that seals; scrypt is slow by purpose, so what it gave is kept. */
class PassphraseKeys implements Keys {
  readonly #passphrase: string;
  readonly #salt = randomBytes(SALT_BYTES).toString('base64url');
  readonly #derived = new Map<string, Promise<Buffer>>();

  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  async toSeal(): Promise<{ header: string; key: Buffer }> {
    return { header: `s1.scrypt.${this.#salt}`, key: await this.#derive(this.#salt) };
  }

  async toOpen(header: readonly string[]): Promise<Buffer | undefined> {
    const [version, kind, salt] = header;
    if (version !== 's1' || kind !== 'scrypt' || salt === undefined || header.length !== 3) return undefined;
    return decode(salt).length === SALT_BYTES ? this.#derive(salt) : undefined;
  }

  #derive(salt: string): Promise<Buffer> {
    const known = this.#derived.get(salt);
    if (known !== undefined) return known;
    const oldest = this.#derived.keys().next().value;
    if (oldest !== undefined && this.#derived.size >= DERIVED_MAX) this.#derived.delete(oldest);
    const key = new Promise<Buffer>((resolve, reject) => {
      scrypt(this.#passphrase, decode(salt), KEY_BYTES, SCRYPT, (error, derived) => {
        if (error === null) resolve(derived);
        else reject(error);
      });
    });
    this.#derived.set(salt, key);
    return key;
  }
}

function rawKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

function encrypt(key: Buffer, plain: string, place: Place): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(placeBytes(place));
  const data = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${iv.toString('base64url')}.${data.toString('base64url')}`;
}

function decrypt(key: Buffer, iv: Buffer, data: Buffer, place: Place): string | undefined {
  if (iv.length !== IV_BYTES || data.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES }).setAAD(placeBytes(place));
  decipher.setAuthTag(data.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

const placeBytes = ({ collection, key }: Place): Buffer => Buffer.from(JSON.stringify([collection, key]));
const decode = (text = ''): Buffer => Buffer.from(text, 'base64url');
