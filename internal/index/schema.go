package index

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// schemaVersion is kept in user_version. Version 2 had a row for each value of each document, version 3 one for each term; 4 had a row for each hash; 5 found
// statuses by indexes of hashes.
const schemaVersion = 6

// schema: documents are what events said of files (binaries); facts is what they said of a file's content, once for documents that say the
// same. blocks, which belong to segments (segment.go), say which documents or statuses have what; masks are sets of documents that change; columns are arrays by document
// or by file; states and hours (since 1970) count statuses; alike has curves that are compared with all others.
//
// Times are Unix microseconds, sizes and offsets are bytes. What ends in _w is a word: a number for a text that comes up again and again.
// The row of a block is segment<<28 | number, that of a piece of a mask mask<<20 | piece.
const schema = `
CREATE TABLE words (word INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE labels (label INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE fields (field INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO fields VALUES (31, '~keys');
CREATE TABLE binaries (bin INTEGER PRIMARY KEY, sha256 BLOB NOT NULL);
CREATE TABLE facts (
  fact INTEGER PRIMARY KEY, bin INTEGER NOT NULL, size INTEGER NOT NULL, sha512 BLOB, sha1 BLOB, md5 BLOB, ssdeep TEXT, tlsh TEXT,
  mime TEXT, magic TEXT, file_format TEXT, extension TEXT);
CREATE INDEX facts_bin ON facts (bin);
CREATE TABLE documents (
  doc INTEGER PRIMARY KEY, bin INTEGER NOT NULL, label INTEGER NOT NULL, superseded INTEGER NOT NULL, fact INTEGER, action_w INTEGER NOT NULL,
  category_w INTEGER NOT NULL, author_w INTEGER NOT NULL, version_w INTEGER NOT NULL, timestamp INTEGER NOT NULL,
  source_w INTEGER NOT NULL, source_time INTEGER NOT NULL, depth INTEGER NOT NULL, traits INTEGER NOT NULL, n_features INTEGER NOT NULL, run INTEGER NOT NULL,
  id TEXT NOT NULL, body BLOB NOT NULL, features BLOB);
CREATE INDEX documents_bin ON documents (bin);
CREATE TABLE segments (segment INTEGER PRIMARY KEY, base INTEGER NOT NULL, until INTEGER NOT NULL, summary BLOB NOT NULL, filter BLOB NOT NULL);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE masks (id INTEGER PRIMARY KEY, docs BLOB NOT NULL);
CREATE TABLE alike (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE columns (id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX columns_rev ON columns (id, rev);
CREATE TABLE statuses (
  status INTEGER PRIMARY KEY, id TEXT NOT NULL, sha256 BLOB NOT NULL, label INTEGER NOT NULL,
  category_w INTEGER NOT NULL, plugin_w INTEGER NOT NULL, version_w INTEGER NOT NULL, security_w INTEGER NOT NULL, input TEXT,
  run TEXT NOT NULL, state_w INTEGER NOT NULL, worth INTEGER NOT NULL, timestamp INTEGER NOT NULL, runtime REAL NOT NULL, source_w INTEGER NOT NULL,
  results INTEGER NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL);
CREATE INDEX statuses_plugin ON statuses (plugin_w, version_w, state_w, label, timestamp);
CREATE TABLE states (
  plugin_w INTEGER NOT NULL, version_w INTEGER NOT NULL, state_w INTEGER NOT NULL, label INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (plugin_w, version_w, state_w, label)) WITHOUT ROWID;
CREATE TABLE hours (
  plugin_w INTEGER NOT NULL, version_w INTEGER NOT NULL, hour INTEGER NOT NULL, state_w INTEGER NOT NULL, label INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (plugin_w, version_w, hour, state_w, label)) WITHOUT ROWID;
CREATE TABLE plugins (
  name TEXT NOT NULL, version TEXT NOT NULL, label INTEGER NOT NULL, registration BLOB NOT NULL, PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE tags (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, feature TEXT NOT NULL, value TEXT NOT NULL, owner TEXT NOT NULL,
  label INTEGER NOT NULL, timestamp INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tags_name ON tags (name COLLATE NOCASE);
CREATE INDEX tags_file ON tags (sha256) WHERE sha256 <> '';
CREATE INDEX tags_value ON tags (feature, value) WHERE feature <> '';
CREATE TABLE deletions (id TEXT NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (kind, name, id)) WITHOUT ROWID;
CREATE INDEX deletions_id ON deletions (id);
CREATE TABLE dead (id TEXT PRIMARY KEY, time INTEGER NOT NULL, letter TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX dead_time ON dead (time DESC, id);
CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE offsets (place TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
`

// prepare makes the tables of a new file and refuses a file with others.
func prepare(ctx context.Context, db *sql.Conn) error {
	var version, tables int
	if err := db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), count(*) FROM sqlite_schema`).Scan(&version, &tables); err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case version > schemaVersion:
		return fmt.Errorf("it has format %d and this release knows up to %d: start a newer release on it", version, schemaVersion)
	case version == 0 && tables > 0:
		return fmt.Errorf("it is a SQLite database of something else: give the index a path of its own")
	case version > 0:
		return fmt.Errorf("it has format %d and this release reads %d: stop, move it away and start again; it is rebuilt from the log", version, schemaVersion)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, schema+"PRAGMA user_version = "+strconv.Itoa(schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}
