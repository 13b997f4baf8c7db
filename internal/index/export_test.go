package index

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// SetMaxPages bounds the file, as a full disk does. The number is of pages beyond those that there are.
func (s *SQLite) SetMaxPages(ctx context.Context, more int) error {
	var pages int
	if err := s.write.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return err
	}
	_, err := s.write.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+more))
	return err
}

// HaveTime has answers take as long as they need, so that tests do not depend on the machine.
func (s *SQLite) HaveTime() {
	s.patience = patience{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}
}

// Exec runs SQL behind the index's back.
func (s *SQLite) Exec(ctx context.Context, query string) error {
	_, err := s.write.ExecContext(ctx, query)
	return err
}

// Plan tells how SQLite answers a query.
func (s *SQLite) Plan(ctx context.Context, query string) (string, error) {
	var lines []string
	args := make([]any, strings.Count(query, "?"))
	for i := range args {
		args[i] = int64(1)
	}
	err := s.view(ctx, func(v view) error {
		return v.rows("EXPLAIN QUERY PLAN "+query, args, func(scan scanner) error {
			var id, parent, unused int
			var line string
			err := scan(&id, &parent, &unused, &line)
			lines = append(lines, line)
			return err
		})
	})
	return strings.Join(lines, "\n"), err
}

// HotQueries are those that run for every event, every hit or every page.
var HotQueries = map[string]string{
	"ended":           endedSQL,
	"stale":           staleSQL,
	"versions":        versionsSQL,
	"children":        childrenSQL,
	"seen":            seenSQL,
	"status":          statusSQL,
	"file statuses":   fileStatusesSQL,
	"plugin statuses": pluginStatusesSQL,
	"binary":          binarySQL,
	"hits":            `SELECT doc FROM documents WHERE ` + hitDocumentsWhere,
	"hits' bodies":    hitBodiesSQL,
	"hits' counts":    hitCountsSQL,
	"hits' facts":     factsSQL,
	"hits' hashes":    sha256sSQL,
	"hits' tags":      `SELECT id FROM tags WHERE ` + hitTagsWhere,
	"block":           `SELECT data FROM blocks WHERE id = ?`,
	"states since":    statesSinceSQL,
	"hours since":     hoursSinceSQL,
	"documents":       `SELECT ` + rowColumns + ` FROM documents WHERE bin = ?`,
	"facts":           `SELECT fact FROM facts WHERE bin = ? AND size = ? AND sha512 = ?`,
	"dead":            strings.NewReplacer("?1", "?", "?2", "?", "?3", "?").Replace(deadPageSQL),
	"dead from":       deadFromSQL,
}

// Sizes tells how large each table and index is, largest first.
func (s *SQLite) Sizes(ctx context.Context) []string {
	var lines []string
	_ = s.view(ctx, func(v view) error {
		return v.rows(`SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC`, nil, func(scan scanner) error {
			var name string
			var size, unused int64
			err := scan(&name, &size, &unused)
			lines = append(lines, fmt.Sprintf("%12d bytes (%d unused) %s", size, unused, name))
			return err
		})
	})
	return lines
}

// Settle waits until nothing is left to merge.
func (s *SQLite) Settle(ctx context.Context) error { return s.mergeAll(ctx) }

// Number is the answer to a query that gives one number.
func (s *SQLite) Number(ctx context.Context, query string) (n int64, err error) {
	err = s.view(ctx, func(v view) error {
		n, err = v.number(query)
		return err
	})
	return n, err
}

// Checkpoint writes the log back, as the checkpointer does when it has become long.
func (s *SQLite) Checkpoint(ctx context.Context) bool { return s.checkpoint(ctx) }

// LogBytes is how much of the log is in use.
func (s *SQLite) LogBytes() int64 { return s.logBytes() }

// WhileRead calls fn while somebody reads the index as it is now.
func (s *SQLite) WhileRead(ctx context.Context, fn func()) error {
	return s.view(ctx, func(v view) error {
		_, err := v.number(`SELECT count(*) FROM documents`)
		fn()
		return err
	})
}
