/** The passwords of a number as the store keeps them: sealed, and only where there is a key to seal with. */
import { SealError, type Json, type Seal, type Store } from '../../store/index.js';

export interface Passwords {
  readonly current: string;
  /** When Meta said so, epoch ms. */
  readonly fetchedAtMs: number;
  /** What Meta may still use for a while after a rotation. */
  readonly previous?: { readonly password: string; readonly untilMs: number };
}

const COLLECTION = 'sip-passwords';

export class KeptPasswords {
  readonly #store: Store;
  readonly #seal: Seal | undefined;

  constructor(store: Store, seal: Seal | undefined) {
    this.#store = store;
    this.#seal = seal;
  }

  /** @throws StoreError, SealError */
  async load(number: string): Promise<Passwords | undefined> {
    if (this.#seal === undefined) return undefined;
    const entry = await this.#store.get(COLLECTION, number);
    if (entry === undefined) return undefined;
    const text = await this.#seal.open(sealedOf(entry.value), { collection: COLLECTION, key: number });
    return JSON.parse(text) as Passwords;
  }

  /** @throws StoreError */
  async save(number: string, passwords: Passwords): Promise<void> {
    if (this.#seal === undefined) return;
    const sealed = await this.#seal.seal(JSON.stringify(passwords), { collection: COLLECTION, key: number });
    await this.#store.put(COLLECTION, number, { sealed });
  }
}

function sealedOf(value: Json): string {
  const sealed = typeof value === 'object' && value !== null && 'sealed' in value ? value.sealed : undefined;
  if (typeof sealed === 'string') return sealed;
  throw new SealError(`${COLLECTION}: an entry that is no sealed password; delete it, and it is fetched anew`);
}
