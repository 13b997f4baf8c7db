package index

import (
	"context"
	"encoding/json"
	"fmt"
)

// Offsets: see Index.
func (s *SQLite) Offsets(ctx context.Context) (map[string]int64, error) {
	offsets := map[string]int64{}
	err := s.view(ctx, func(v view) error {
		return v.rows(`SELECT place, next FROM offsets`, nil, func(scan scanner) error {
			var place string
			var next int64
			err := scan(&place, &next)
			offsets[place] = next
			return err
		})
	})
	return offsets, err
}

// Plugins: see Index.
func (s *SQLite) Plugins(ctx context.Context) ([]Plugin, error) {
	list := []Plugin{}
	err := s.view(ctx, func(v view) error {
		err := v.rows(`SELECT name, version, category, description, contact, security, features, timestamp FROM plugins ORDER BY name, version`, nil,
			func(scan scanner) error {
				p := Plugin{States: map[string]int{}}
				var features string
				var at int64
				if err := scan(&p.Name, &p.Version, &p.Category, &p.Description, &p.Contact, &p.Security, &features, &at); err != nil {
					return err
				}
				p.Registered = moment(at)
				err := json.Unmarshal([]byte(features), &p.Features)
				if p.Features == nil {
					p.Features = []PluginFeature{}
				}
				list = append(list, p)
				return err
			})
		if err != nil {
			return err
		}
		return v.states(list)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// states counts the statuses of each plugin.
func (v view) states(list []Plugin) error {
	type version struct{ name, version string }
	rows := map[version]int{}
	for i, p := range list {
		rows[version{p.Name, p.Version}] = i
	}
	return v.rows(`SELECT p.text, r.text, t.text, n FROM (SELECT plugin_w, version_w, state_w, count(*) AS n FROM statuses GROUP BY 1, 2, 3)
		JOIN words p ON p.word = plugin_w JOIN words r ON r.word = version_w JOIN words t ON t.word = state_w`, nil, func(scan scanner) error {
		var of version
		var state string
		var n int
		err := scan(&of.name, &of.version, &state, &n)
		if i, ok := rows[of]; ok {
			list[i].States[state] = n
		}
		return err
	})
}

// Counts: see Index.
func (s *SQLite) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := s.view(ctx, func(v view) error {
		return v.one(`SELECT (SELECT count(*) FROM binaries), (SELECT count(*) FROM documents), (SELECT count(*) FROM features),
			(SELECT count(*) FROM statuses), (SELECT count(*) FROM dead)`, nil, &c.Binaries, &c.Documents, &c.Features, &c.Statuses, &c.Dead)
	})
	return c, err
}

// checks are what must not be found: each query counts faults.
var checks = []struct{ fault, query string }{
	{"documents without their file", `SELECT count(*) FROM documents WHERE bin NOT IN (SELECT bin FROM binaries)`},
	{"files without a document", `SELECT count(*) FROM binaries WHERE bin NOT IN (SELECT bin FROM documents)`},
	{"files whose times are not those of their documents", `SELECT count(*) FROM binaries b JOIN
		(SELECT bin, min(timestamp) AS first, max(timestamp) AS last FROM documents GROUP BY bin) USING (bin) WHERE first_seen <> first OR last_seen <> last`},
	{"features without their document", `SELECT count(*) FROM features f WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.doc = f.doc AND d.bin = f.bin)`},
	{"streams without their document", `SELECT count(*) FROM streams WHERE doc NOT IN (SELECT doc FROM documents)`},
	{"facts that no document states", `SELECT count(*) FROM facts f WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.bin = f.bin AND d.fact = f.fact)`},
	{"documents whose facts are not there", `SELECT count(*) FROM documents WHERE fact IS NOT NULL AND fact NOT IN (SELECT fact FROM facts)`},
	{"documents that a later run has replaced", fmt.Sprintf(`SELECT count(*) FROM documents d WHERE input IS NOT NULL AND EXISTS (SELECT 1 FROM statuses s
		WHERE s.input = d.input AND s.plugin_w = d.author_w AND s.worth = %d AND s.timestamp > d.timestamp AND s.run <> d.run)`, worthSuccess)},
	{"documents or features with a name that is not there", `SELECT (SELECT count(*) FROM documents WHERE author_w NOT IN (SELECT word FROM words)
		OR source_w NOT IN (SELECT word FROM words) OR action_w NOT IN (SELECT word FROM words) OR place_w NOT IN (SELECT word FROM words))
		+ (SELECT count(*) FROM features WHERE name_w NOT IN (SELECT word FROM words) OR type_w NOT IN (SELECT word FROM words))`},
}

// Verify: see Index.
func (s *SQLite) Verify(ctx context.Context, report func(fault string)) error {
	return s.view(ctx, func(v view) error {
		err := v.rows(`PRAGMA integrity_check`, nil, func(scan scanner) error {
			var line string
			err := scan(&line)
			if err == nil && line != "ok" {
				report("index: " + line)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range checks {
			var n int
			if err := v.one(c.query, nil, &n); err != nil {
				return err
			}
			if n > 0 {
				report(fmt.Sprintf("index: %d %s", n, c.fault))
			}
		}
		return nil
	})
}
