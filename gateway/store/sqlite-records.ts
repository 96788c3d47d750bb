/** Call records in SQLite. */
import type { CallRecords, CallRow, Json, RecordFilter } from './port.js';
import { rows, run, type Connection, type Row, type Value } from './sqlite-file.js';

/** Runs one step on the file: again while it is busy, and with errors as the port has them. */
export type Step = <T>(step: (connection: Connection) => T) => Promise<T>;

const COLUMNS = 'id, started_at, ended_at, direction, number, trunk, user, wacid, answered, outcome, details';
const PUT = `INSERT OR REPLACE INTO calls (${COLUMNS}) VALUES (${Array.from({ length: 11 }, () => '?').join(', ')})`;
export const DEFAULT_LIMIT = 100;

export class SqliteRecords implements CallRecords {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  async put(record: CallRow): Promise<void> {
    await this.#step((connection) => run(connection, PUT, valuesOf(record)));
  }

  query(filter: RecordFilter): Promise<readonly CallRow[]> {
    const { sql, values } = where(filter);
    const text = `SELECT ${COLUMNS} FROM calls ${sql} ORDER BY started_at DESC, id DESC LIMIT ?`;
    const limit = filter.limit ?? DEFAULT_LIMIT;
    return this.#step((connection) => rows(connection, text, [...values, limit]).map(recordOf));
  }

  async count(filter: Omit<RecordFilter, 'limit'>): Promise<{ calls: number; answered: number }> {
    const { sql, values } = where(filter, `direction = 'business-initiated'`);
    const text = `SELECT count(*) AS calls, coalesce(sum(answered), 0) AS answered FROM calls ${sql}`;
    const [row] = await this.#step((connection) => rows(connection, text, values));
    return { calls: Number(row?.calls), answered: Number(row?.answered) };
  }

  prune(beforeMs: number): Promise<number> {
    return this.#step((connection) => run(connection, 'DELETE FROM calls WHERE started_at < ?', [beforeMs]));
  }

  forget(user: string): Promise<number> {
    return this.#step((connection) => run(connection, 'DELETE FROM calls WHERE user = ?', [user]));
  }
}

function where(filter: RecordFilter, ...more: string[]): { readonly sql: string; readonly values: Value[] } {
  const conditions: readonly (readonly [string, Value | undefined])[] = [
    ['started_at >= ?', filter.fromMs],
    ['started_at < ?', filter.toMs],
    ['number = ?', filter.number],
    ['user = ?', filter.user],
    ['direction = ?', filter.direction],
    ['wacid = ?', filter.wacid],
    ['id = ?', filter.id],
  ];
  const texts = [...conditions.filter(([, value]) => value !== undefined).map(([text]) => text), ...more];
  return {
    sql: texts.length === 0 ? '' : `WHERE ${texts.join(' AND ')}`,
    values: conditions.map(([, value]) => value).filter((value) => value !== undefined),
  };
}

function valuesOf(row: CallRow): Value[] {
  return [
    row.id,
    row.startedAtMs,
    row.endedAtMs ?? null,
    row.direction,
    row.number,
    row.trunk,
    row.user ?? null,
    row.wacid ?? null,
    row.answered ? 1 : 0,
    row.outcome ?? null,
    JSON.stringify(row.details),
  ];
}

function recordOf(row: Row): CallRow {
  return {
    id: String(row.id),
    startedAtMs: Number(row.started_at),
    ...(row.ended_at == null ? {} : { endedAtMs: Number(row.ended_at) }),
    direction: row.direction === 'user-initiated' ? 'user-initiated' : 'business-initiated',
    number: String(row.number),
    trunk: String(row.trunk),
    ...(row.user == null ? {} : { user: String(row.user) }),
    ...(row.wacid == null ? {} : { wacid: String(row.wacid) }),
    answered: row.answered === 1,
    ...(row.outcome == null ? {} : { outcome: String(row.outcome) }),
    details: JSON.parse(String(row.details)) as Json,
  };
}
