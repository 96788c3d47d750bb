/**
 * Call records in Redis: a document each, and sorted sets by start: of all, of a number, of a user, and for pick-up rates of a
 * number's business-initiated calls and those of them that were answered.
 */
import type { CallRecords, CallRow, RecordFilter } from './port.js';
import type { Client, RedisLink } from './redis-link.js';

const BATCH = 500;
const DEFAULT_LIMIT = 100;

type Span = Pick<RecordFilter, 'fromMs' | 'toMs'>;

export class RedisRecords implements CallRecords {
  readonly #link: RedisLink;
  readonly #prefix: string;

  constructor(link: RedisLink, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
  }

  async put(record: CallRow): Promise<void> {
    const [before] = await this.#rows([record.id]);
    await this.#link.run((client) => {
      const multi = client.multi();
      if (before !== undefined) for (const key of this.#indexes(before)) multi.zRem(key, record.id);
      for (const key of this.#indexes(record)) multi.zAdd(key, { score: record.startedAtMs, value: record.id });
      if (record.wacid !== undefined) multi.set(this.#key('wacid', record.wacid), record.id);
      return multi.set(this.#key('call', record.id), JSON.stringify(record)).exec();
    });
  }

  async query(filter: RecordFilter): Promise<readonly CallRow[]> {
    const limit = filter.limit ?? DEFAULT_LIMIT;
    const rows: CallRow[] = [];
    for await (const row of this.#matching(filter)) {
      if (rows.length >= limit) break;
      rows.push(row);
    }
    return rows;
  }

  async count(filter: Omit<RecordFilter, 'limit'>): Promise<{ calls: number; answered: number }> {
    const { number, user, direction, wacid, id } = filter;
    const isOneNumber = number !== undefined && [user, direction, wacid, id].every((value) => value === undefined);
    if (isOneNumber) {
      const keys = [this.#key('calls:out', number), this.#key('calls:answered', number)];
      const [calls = 0, answered = 0] = await this.#link.run((client) =>
        Promise.all(keys.map((key) => client.zCount(key, from(filter), to(filter)))),
      );
      return { calls, answered };
    }
    const sum = { calls: 0, answered: 0 };
    for await (const row of this.#matching(filter)) {
      if (row.direction !== 'business-initiated') continue;
      sum.calls += 1;
      if (row.answered) sum.answered += 1;
    }
    return sum;
  }

  prune(beforeMs: number): Promise<number> {
    return this.#removeAll(this.#key('calls'), { toMs: beforeMs });
  }

  forget(user: string): Promise<number> {
    return this.#removeAll(this.#key('calls:user', user), {});
  }

  /** Newest first. */
  async *#matching(filter: RecordFilter): AsyncGenerator<CallRow> {
    for await (const ids of this.#ids(filter)) {
      for (const row of await this.#rows(ids)) if (row !== undefined && isMatch(row, filter)) yield row;
    }
  }

  async *#ids(filter: RecordFilter): AsyncGenerator<readonly string[]> {
    const { id, wacid, user, number } = filter;
    if (id !== undefined) {
      yield [id];
      return;
    }
    if (wacid !== undefined) {
      const found = await this.#link.run((client) => client.get(this.#key('wacid', wacid)));
      yield found === null ? [] : [found];
      return;
    }
    const few = user === undefined ? undefined : this.#key('calls:user', user);
    const some = number === undefined ? this.#key('calls') : this.#key('calls:number', number);
    for (let offset = 0; ; offset += BATCH) {
      const ids = await this.#page(few ?? some, filter, offset, 'REV');
      if (ids.length > 0) yield ids;
      if (ids.length < BATCH) return;
    }
  }

  #page(key: string, span: Span, offset: number, order?: 'REV'): Promise<readonly string[]> {
    const [low, high] = [from(span), to(span)];
    const LIMIT = { offset, count: BATCH };
    return this.#link.run<readonly string[]>((client) =>
      order === 'REV'
        ? client.zRange(key, high, low, { BY: 'SCORE', REV: true, LIMIT })
        : client.zRange(key, low, high, { BY: 'SCORE', LIMIT }),
    );
  }

  #rows(ids: readonly string[]): Promise<readonly (CallRow | undefined)[]> {
    return this.#link.run(async (client) => {
      const texts: readonly (string | null)[] = await Promise.all(ids.map((id) => client.get(this.#key('call', id))));
      return texts.map((text) => (text === null ? undefined : (JSON.parse(text) as CallRow)));
    });
  }

  async #removeAll(index: string, span: Span): Promise<number> {
    let removed = 0;
    for (;;) {
      const ids = await this.#page(index, span, 0);
      if (ids.length === 0) return removed;
      const rows = await this.#rows(ids);
      await this.#link.run((client) => this.#remove(client, index, ids, rows));
      removed += rows.filter((row) => row !== undefined).length;
    }
  }

  #remove(
    client: Client,
    index: string,
    ids: readonly string[],
    rows: readonly (CallRow | undefined)[],
  ): Promise<unknown> {
    const multi = client.multi().zRem(index, [...ids]);
    for (const id of ids) multi.del(this.#key('call', id));
    for (const row of rows) {
      if (row === undefined) continue;
      for (const key of this.#indexes(row)) multi.zRem(key, row.id);
      if (row.wacid !== undefined) multi.del(this.#key('wacid', row.wacid));
    }
    return multi.exec();
  }

  #indexes({ number, user, direction, answered }: CallRow): string[] {
    const out = direction === 'business-initiated';
    return [
      this.#key('calls'),
      this.#key('calls:number', number),
      ...(user === undefined ? [] : [this.#key('calls:user', user)]),
      ...(out ? [this.#key('calls:out', number)] : []),
      ...(out && answered ? [this.#key('calls:answered', number)] : []),
    ];
  }

  #key(kind: string, name?: string): string {
    return `${this.#prefix}${kind}${name === undefined ? '' : `:${name}`}`;
  }
}

const from = ({ fromMs }: Span): string => (fromMs === undefined ? '-inf' : String(fromMs));
const to = ({ toMs }: Span): string => (toMs === undefined ? '+inf' : `(${toMs}`);

function isMatch(row: CallRow, filter: RecordFilter): boolean {
  const { fromMs = -Infinity, toMs = Infinity } = filter;
  const names = ['id', 'wacid', 'user', 'number', 'direction'] as const;
  const isInSpan = row.startedAtMs >= fromMs && row.startedAtMs < toMs;
  return isInSpan && names.every((name) => filter[name] === undefined || filter[name] === row[name]);
}
