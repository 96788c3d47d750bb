/** What must survive a restart, or be shared by several gateways. */
import type { StoreConfig } from '../config/types-control.js';
import type { Store } from './port.js';
import { RedisStore } from './redis.js';
import { MEMORY } from './sqlite-file.js';
import { SqliteStore } from './sqlite.js';

export * from './port.js';
export { createSeal, SealError, type Seal } from './sealed.js';

export interface StoreDeps {
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Epoch ms; default Date.now. */
  readonly clock?: () => number;
}

/**
 * Opens the store. A Redis that cannot be reached is no reason not to start: it is tried again and again, and until then every
 * method rejects.
 * @throws StoreError for a file that cannot be used, or a Redis that refuses us; it says what to do
 */
export function openStore(config: StoreConfig, deps: StoreDeps): Promise<Store> {
  const own = { log: deps.log, now: deps.clock ?? Date.now };
  switch (config.engine) {
    case 'memory':
      return SqliteStore.open(MEMORY, own);
    case 'sqlite':
      return SqliteStore.open(config.file, own);
    case 'redis':
      return RedisStore.open(config, own);
  }
}
