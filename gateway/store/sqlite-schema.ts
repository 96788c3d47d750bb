/**
 * What is in the file. Each step leads from the version before it (`PRAGMA user_version`) to its own. Steps add: an older
 * program names the columns that it knows and goes on working on the newer file.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  INSERT INTO about VALUES ('last_version', 0);

  CREATE TABLE documents (
    collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER,
    PRIMARY KEY (collection, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX documents_by_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE leases (name TEXT PRIMARY KEY, token TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;

  CREATE TABLE calls (
    id TEXT PRIMARY KEY, started_at INTEGER NOT NULL, ended_at INTEGER, direction TEXT NOT NULL, number TEXT NOT NULL,
    trunk TEXT NOT NULL, user TEXT, wacid TEXT, answered INTEGER NOT NULL, outcome TEXT, details TEXT NOT NULL
  ) STRICT;
  CREATE INDEX calls_by_start ON calls (started_at);
  CREATE INDEX calls_by_number ON calls (number, started_at);
  CREATE INDEX calls_by_user ON calls (user, started_at) WHERE user IS NOT NULL;
  CREATE INDEX calls_by_wacid ON calls (wacid) WHERE wacid IS NOT NULL;
  `,
];

/** The oldest schema version whose program can work on a file of this one. */
export const MIN_READER = 1;

/** "watr", in the file's header. */
export const APPLICATION_ID = 0x77617472;
