import { ConfigError } from '../config/index.js';
import type { Config } from '../config/index.js';
import { openStore } from '../store/index.js';
import type { Store } from '../store/index.js';

const quiet = { info: () => undefined, warn: () => undefined };

/** Runs work on the store that the gateway uses, too. @throws ConfigError where that is the gateway's own memory */
export async function withStore<T>(
  { store: config }: Config,
  file: string,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  if (config.engine === 'memory') {
    const allowed = 'a file that the gateway keeps it in, for this command (or store.redis)';
    throw new ConfigError([{ file, key: 'store.file', found: 'nothing', allowed }]);
  }
  const store = await openStore(config, { log: quiet });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
