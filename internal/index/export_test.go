package index

import (
	"context"
	"fmt"
	"strings"
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
	"out of date": outOfDateSQL,
	"stale":       staleSQL,
	"span":        spanSQL,
	"children":    childrenSQL,
	"by sha1":     `SELECT bin FROM binaries WHERE sha1 = ? ORDER BY sha256`,
	"by md5":      `SELECT bin FROM binaries WHERE md5 = ? ORDER BY sha256`,
	"hit counts":  `SELECT (SELECT count(*) FROM features f WHERE f.bin = ?), (SELECT count(DISTINCT bin) FROM documents d WHERE d.parent = ?)`,
	"filenames":   strings.NewReplacer("?1", "?", "?2", "?").Replace(filenamesSQL),
	"remove":      `SELECT n FROM features WHERE bin = ? AND doc = ?`,
	"facts":       `SELECT fact FROM facts WHERE bin = ? AND size = ? AND sha512 = ?`,
	"dead":        strings.NewReplacer("?1", "?", "?2", "?", "?3", "?").Replace(deadPageSQL),
	"dead from":   deadFromSQL,
}

// SearchQuery is what Search asks SQLite.
func SearchQuery(e Expr) string {
	query, _ := searchSQL(e, nil, 10)
	return query
}
