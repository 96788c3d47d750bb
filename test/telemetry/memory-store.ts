/** As much of a store as call records need, under the test's hand. */
import { StoreError } from '../../gateway/store/port.js';
import type { CallRow, Entry, Json, RecordFilter } from '../../gateway/store/port.js';

export class MemoryRecords {
  readonly rows = new Map<string, CallRow>();
  readonly puts: CallRow[] = [];
  /** Rejects every write. */
  failing = false;
  /** Writes wait until it resolves. */
  gate: Promise<void> = Promise.resolve();
  mostAtOnce = 0;
  #atOnce = 0;

  async put(row: CallRow): Promise<void> {
    this.puts.push(row);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    await this.gate;
    this.#atOnce -= 1;
    if (this.failing) throw new StoreError('the store is down');
    this.rows.set(row.id, row);
  }

  query(filter: RecordFilter): Promise<readonly CallRow[]> {
    const { fromMs = -Infinity, toMs = Infinity, limit = 100 } = filter;
    const names = ['id', 'wacid', 'user', 'number', 'direction'] as const;
    const rows = [...this.rows.values()]
      .filter((row) => row.startedAtMs >= fromMs && row.startedAtMs < toMs)
      .filter((row) => names.every((name) => filter[name] === undefined || filter[name] === row[name]))
      .sort((a, b) => b.startedAtMs - a.startedAtMs);
    return Promise.resolve(rows.slice(0, limit));
  }

  count(): Promise<{ calls: number; answered: number }> {
    return Promise.reject(new StoreError('not asked here'));
  }
  prune(): Promise<number> {
    return Promise.reject(new StoreError('not asked here'));
  }
  forget(): Promise<number> {
    return Promise.reject(new StoreError('not asked here'));
  }
}

export class MemoryStore {
  readonly records = new MemoryRecords();
  readonly documents = new Map<string, Json>();

  put(collection: string, key: string, value: Json): Promise<void> {
    this.documents.set(`${collection}/${key}`, structuredClone(value));
    return Promise.resolve();
  }

  list(collection: string): Promise<readonly Entry[]> {
    const entries = [...this.documents].filter(([name]) => name.startsWith(`${collection}/`));
    return Promise.resolve(
      entries.map(([name, value]) => ({ key: name.slice(collection.length + 1), value, version: 1 })),
    );
  }

  delete(collection: string, key: string): Promise<boolean> {
    return Promise.resolve(this.documents.delete(`${collection}/${key}`));
  }
}
