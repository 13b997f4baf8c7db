package index

import (
	"context"
	"encoding/json"
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

func pluginOf(registration []byte) (Plugin, error) {
	var d PluginDocument
	err := json.Unmarshal(registration, &d)
	if d.Features == nil {
		d.Features = []PluginFeature{}
	}
	return Plugin{Name: d.Name, Version: d.Version, Category: d.Category, Description: d.Description, Contact: d.Contact, Security: d.Security, Features: d.Features, Config: d.Config,
		Registered: d.Timestamp, States: map[string]int{}}, err
}

// Counts: see Index.
func (s *SQLite) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := s.view(ctx, func(v view) error {
		into := map[string]*int64{"binaries": &c.Binaries, "documents": &c.Documents, "features": &c.Features, "statuses": &c.Statuses, "dead": &c.Dead}
		return v.rows(`SELECT name, n FROM counters`, nil, func(scan scanner) error {
			var name string
			var n int64
			err := scan(&name, &n)
			if at := into[name]; at != nil {
				*at = n
			}
			return err
		})
	})
	return c, err
}
