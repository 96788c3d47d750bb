/** Stores of both engines for the tests; Redis is a real one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreConfig } from '../../gateway/config/types-control.js';
import { openStore, type Store } from '../../gateway/store/index.js';
import { requireComponent } from '../../lab/components/index.js';
import { startRedis } from '../../lab/processes/index.js';

export const ENGINES = ['sqlite', 'redis', 'memory'] as const;
export type Engine = (typeof ENGINES)[number];

export interface Backend {
  readonly config: StoreConfig;
  close(): Promise<void>;
}

export async function startBackend(engine: Engine): Promise<Backend> {
  if (engine === 'redis') {
    const redis = await startRedis({ component: requireComponent('redis') });
    return { config: { engine, url: redis.url }, close: () => redis.close() };
  }
  if (engine === 'memory') return { config: { engine }, close: () => Promise.resolve() };
  const folder = mkdtempSync(join(tmpdir(), 'wa-trunk-store-'));
  const close = (): Promise<void> => Promise.resolve(rmSync(folder, { recursive: true, force: true }));
  return { config: { engine, file: join(folder, 'store.db') }, close };
}

export interface TestLog {
  readonly lines: { readonly level: 'info' | 'warn'; readonly fields: object; readonly message: string }[];
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export function testLog(): TestLog {
  const lines: TestLog['lines'] = [];
  return {
    lines,
    info: (fields, message) => void lines.push({ level: 'info', fields, message }),
    warn: (fields, message) => void lines.push({ level: 'warn', fields, message }),
  };
}

/** A store with nothing in it, and what ends it. */
export async function emptyStore(
  engine: Engine,
  now?: () => number,
): Promise<{ store: Store; close(): Promise<void> }> {
  const backend = await startBackend(engine);
  const store = await openStore(backend.config, { log: testLog(), ...(now === undefined ? {} : { clock: now }) });
  return {
    store,
    close: async () => {
      await store.close();
      await backend.close();
    },
  };
}
