package index

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

// schemaVersion is kept in user_version. Version 1 kept every name as text and never stood in a release.
const schemaVersion = 2

// schema: documents are what events said. Features, streams and facts hang off them; rows of binaries are worked out from
// them at the end of every transaction that touches them. A link is a document with a parent.
//
// Times are Unix microseconds, sizes and offsets are bytes. A column that ends in _w holds a word: a number for a text that
// comes up again and again. Texts of partial indexes are NULL when empty, because SQLite uses an index WHERE x IS NOT NULL
// for x = ?, but never one that leaves out empty texts.
//
// Features are clustered by file, which serves the page of a file, the removal of a document and all conditions on one file;
// the two indexes serve what begins at a name or a value.
const schema = `
CREATE TABLE words (word INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE binaries (
  bin INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  size INTEGER NOT NULL DEFAULT 0, sha512 TEXT, sha1 TEXT, md5 TEXT, ssdeep TEXT, tlsh TEXT, mime TEXT, magic TEXT,
  file_format TEXT, extension TEXT);
CREATE INDEX binaries_seen ON binaries (last_seen DESC, bin DESC);
CREATE INDEX binaries_sha1 ON binaries (sha1) WHERE sha1 IS NOT NULL;
CREATE INDEX binaries_md5 ON binaries (md5) WHERE md5 IS NOT NULL;
CREATE TABLE facts (
  fact INTEGER PRIMARY KEY, bin INTEGER NOT NULL, size INTEGER NOT NULL, sha512 TEXT NOT NULL, sha1 TEXT NOT NULL,
  md5 TEXT NOT NULL, ssdeep TEXT NOT NULL, tlsh TEXT NOT NULL, mime TEXT NOT NULL, magic TEXT NOT NULL,
  file_format TEXT NOT NULL, extension TEXT NOT NULL);
CREATE INDEX facts_bin ON facts (bin);
CREATE TABLE documents (
  doc INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, bin INTEGER NOT NULL, fact INTEGER, place_w INTEGER NOT NULL, offset INTEGER NOT NULL,
  action_w INTEGER NOT NULL, author_w INTEGER NOT NULL, version_w INTEGER NOT NULL, category_w INTEGER NOT NULL, security_w INTEGER NOT NULL,
  timestamp INTEGER NOT NULL, input TEXT, run TEXT NOT NULL,
  source_w INTEGER NOT NULL, source_security_w INTEGER NOT NULL, source_time INTEGER NOT NULL, source_references TEXT NOT NULL,
  depth INTEGER NOT NULL, root TEXT NOT NULL, parent TEXT, relationship TEXT NOT NULL, filename TEXT, info TEXT);
CREATE INDEX documents_bin ON documents (bin, fact, timestamp);
CREATE INDEX documents_source ON documents (source_w, bin);
CREATE INDEX documents_parent ON documents (parent, bin) WHERE parent IS NOT NULL;
CREATE INDEX documents_input ON documents (input, author_w) WHERE input IS NOT NULL;
CREATE INDEX documents_filename ON documents (filename, bin) WHERE filename IS NOT NULL;
CREATE TABLE streams (
  doc INTEGER NOT NULL, n INTEGER NOT NULL, label_w INTEGER NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  file_format_w INTEGER NOT NULL, mime_w INTEGER NOT NULL, language_w INTEGER NOT NULL, PRIMARY KEY (doc, n)) WITHOUT ROWID;
CREATE TABLE features (
  bin INTEGER NOT NULL, doc INTEGER NOT NULL, n INTEGER NOT NULL, name_w INTEGER NOT NULL, type_w INTEGER NOT NULL,
  value TEXT NOT NULL, label TEXT NOT NULL, offset INTEGER, length INTEGER, PRIMARY KEY (bin, doc, n)) WITHOUT ROWID;
CREATE INDEX features_value ON features (value, name_w);
CREATE INDEX features_name ON features (name_w);
CREATE TABLE statuses (
  id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, plugin_w INTEGER NOT NULL, version_w INTEGER NOT NULL, input TEXT, run TEXT NOT NULL,
  state_w INTEGER NOT NULL, worth INTEGER NOT NULL, error TEXT NOT NULL, message TEXT NOT NULL, runtime REAL NOT NULL,
  timestamp INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX statuses_sha256 ON statuses (sha256);
CREATE INDEX statuses_input ON statuses (input, plugin_w, worth, timestamp) WHERE input IS NOT NULL;
CREATE INDEX statuses_plugin ON statuses (plugin_w, version_w, state_w);
CREATE TABLE plugins (
  name TEXT NOT NULL, version TEXT NOT NULL, category TEXT NOT NULL, description TEXT NOT NULL, contact TEXT NOT NULL,
  security TEXT NOT NULL, features TEXT NOT NULL, timestamp INTEGER NOT NULL, PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE dead (id TEXT PRIMARY KEY, time INTEGER NOT NULL, letter TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX dead_time ON dead (time DESC, id);
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
