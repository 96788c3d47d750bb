/** What must survive a restart, or be shared by several gateways: small JSON documents, call records and leases. */

/** Anything that survives JSON.stringify and JSON.parse unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A document as stored. `version` changes with every write. */
export interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly version: number;
  /** Epoch ms; absent: kept for ever. */
  readonly expiresAtMs?: number;
}

/**
 * Documents by collection and key. An expired document is as good as deleted. Every method rejects with {@link StoreError} when
 * the store cannot be reached, never silently; none waits longer than the store's own time limit.
 */
export interface Store {
  get(collection: string, key: string): Promise<Entry | undefined>;
  /** In no particular order; `prefix` of the key narrows it down. */
  list(collection: string, prefix?: string): Promise<readonly Entry[]>;
  put(collection: string, key: string, value: Json, options?: { readonly expiresAtMs?: number }): Promise<void>;
  /** Stores only when there is none yet. @returns false: there was one, and it stays */
  add(collection: string, key: string, value: Json, options?: { readonly expiresAtMs?: number }): Promise<boolean>;
  /**
   * Reads, changes and writes as one step, also between processes; `change` may run several times and must be pure.
   * It returns undefined to delete the document, or {@link KEEP} to leave all as it is. Without `expiresAtMs` the document
   * keeps the expiry it has. @returns what is stored then
   */
  update(
    collection: string,
    key: string,
    change: (value: Json | undefined) => Change,
    options?: { readonly expiresAtMs?: number },
  ): Promise<Json | undefined>;
  delete(collection: string, key: string): Promise<boolean>;
  /** Held by nobody else until released or expired; undefined: somebody holds it. */
  lease(name: string, ttlMs: number): Promise<Lease | undefined>;
  readonly records: CallRecords;
  /** A copy as of now, while others read and write; the file must not be there yet. Absent: the engine has its own way. */
  backup?(file: string): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

export const KEEP: unique symbol = Symbol('keep');
export type Change = Json | undefined | typeof KEEP;

export interface Lease {
  /** Idempotent; after its time ran out it does nothing, whoever holds the lease then. */
  release(): Promise<void>;
}

/** One record a call, for pick-up rates, search and export. The document is the call's own (`gateway/telemetry`). */
export interface CallRecords {
  put(record: CallRow): Promise<void>;
  /** Newest first. */
  query(filter: RecordFilter): Promise<readonly CallRow[]>;
  /** Business-initiated calls to users, for pick-up rates: how many began in the span, and how many of these were answered. */
  count(filter: Omit<RecordFilter, 'limit'>): Promise<{ readonly calls: number; readonly answered: number }>;
  /** Removes those that began before; @returns how many */
  prune(beforeMs: number): Promise<number>;
  /** Removes every record of this user; @returns how many */
  forget(user: string): Promise<number>;
}

export interface CallRow {
  readonly id: string;
  /** Epoch ms. */
  readonly startedAtMs: number;
  /** Absent: in progress, or the gateway died. */
  readonly endedAtMs?: number;
  readonly direction: 'user-initiated' | 'business-initiated';
  readonly number: string;
  readonly trunk: string;
  readonly user?: string;
  readonly wacid?: string;
  readonly answered: boolean;
  readonly outcome?: string;
  readonly details: Json;
}

export interface RecordFilter {
  readonly fromMs?: number;
  /** Not part of the span. */
  readonly toMs?: number;
  readonly number?: string;
  readonly user?: string;
  readonly direction?: CallRow['direction'];
  readonly wacid?: string;
  readonly id?: string;
  /** Default 100. */
  readonly limit?: number;
}

export class StoreError extends Error {
  override readonly name = 'StoreError';
}
