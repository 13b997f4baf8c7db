package index

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
)

// Plugins: see Index.
func (s *SQLite) Plugins(ctx context.Context, r Reader) ([]Plugin, error) {
	list := []Plugin{}
	err := s.see(ctx, r, func(v view) error {
		err := v.rows(`SELECT label, registration FROM plugins ORDER BY name, version`, nil, func(scan scanner) error {
			var label int64
			var text []byte
			if err := scan(&label, &text); err != nil || !v.labels[label].visible {
				return err
			}
			p, err := pluginOf(text)
			list = append(list, p)
			return err
		})
		if err != nil {
			return err
		}
		for i := range list {
			p := &list[i]
			groups, err := v.stateGroups(p.Name, p.Version)
			if err != nil {
				return err
			}
			for _, g := range groups {
				p.States[g.state] += int(g.n)
			}
		}
		return nil
	})
	return list, err
}

// stateGroup is the statuses of a plugin version with one state and one label.
type stateGroup struct {
	key   stateKey
	state string
	n     int64
}

// stateGroups lists those that the reader may see.
func (v view) stateGroups(name, version string) (list []stateGroup, err error) {
	var of stateKey
	if of.plugin, err = v.wordOf(name); err != nil {
		return nil, err
	}
	if of.version, err = v.wordOf(version); err != nil {
		return nil, err
	}
	err = v.rows(`SELECT s.state_w, s.label, w.text, s.n FROM states s JOIN words w ON w.word = s.state_w WHERE plugin_w = ? AND version_w = ? AND n > 0`,
		[]any{of.plugin, of.version}, func(scan scanner) error {
			g := stateGroup{key: of}
			err := scan(&g.key.state, &g.key.label, &g.state, &g.n)
			if v.labels[g.key.label].visible {
				list = append(list, g)
			}
			return err
		})
	return list, err
}

// ofStateSQL says which statuses are those of a stateGroup; an index has them in the order of time.
const ofStateSQL = ` FROM statuses WHERE plugin_w = ? AND version_w = ? AND state_w = ? AND label = ?`

const (
	pluginStatusesSQL = `SELECT ` + statusColumns + ofStateSQL + ` ORDER BY timestamp DESC LIMIT ?`
	statesSinceSQL    = `SELECT count(*)` + ofStateSQL + ` AND timestamp >= ? AND timestamp < ?`
	hoursSinceSQL     = `SELECT state_w, label, sum(n) FROM hours WHERE plugin_w = ? AND version_w = ? AND hour >= ? GROUP BY state_w, label`
)

// StatesSince: see Index. Whole hours are counted already; there may be millions of statuses.
func (s *SQLite) StatesSince(ctx context.Context, r Reader, name, version string, since time.Time) (map[string]int, error) {
	states := map[string]int{}
	err := s.see(ctx, r, func(v view) error {
		groups, err := v.stateGroups(name, version)
		if err != nil {
			return err
		}
		if len(groups) == 0 {
			return nil
		}
		from := max(0, micros(since))
		hour := (from + microsOfHour - 1) / microsOfHour
		whole := map[stateKey]int64{}
		err = v.rows(hoursSinceSQL, []any{groups[0].key.plugin, groups[0].key.version, hour}, func(scan scanner) error {
			k := stateKey{plugin: groups[0].key.plugin, version: groups[0].key.version}
			var n int64
			err := scan(&k.state, &k.label, &n)
			whole[k] = n
			return err
		})
		if err != nil {
			return err
		}
		for _, g := range groups {
			n, err := v.number(statesSinceSQL, g.key.plugin, g.key.version, g.key.state, g.key.label, from, hour*microsOfHour)
			if err != nil {
				return err
			}
			if n += whole[g.key]; n > 0 {
				states[g.state] += int(n)
			}
		}
		return nil
	})
	return states, err
}

// seesPlugin tells whether a plugin version is registered and the reader may know of it.
func (v view) seesPlugin(name, version string) (bool, error) {
	var label int64
	err := v.one(`SELECT label FROM plugins WHERE name = ? AND version = ?`, []any{name, version}, &label)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return v.labels[label].visible, err
}

// PluginStatuses: see Index.
func (s *SQLite) PluginStatuses(ctx context.Context, r Reader, name, version string, perState int) ([]StateStatuses, error) {
	list := []StateStatuses{}
	err := s.see(ctx, r, func(v view) error {
		registered, err := v.seesPlugin(name, version)
		if err != nil {
			return err
		}
		groups, err := v.stateGroups(name, version)
		if err != nil {
			return err
		}
		if !registered && len(groups) == 0 {
			return ErrNotFound
		}
		byState := map[string]*StateStatuses{}
		for _, g := range groups {
			of := byState[g.state]
			if of == nil {
				of = &StateStatuses{State: g.state, Items: []StatusDocument{}}
				byState[g.state] = of
			}
			of.Count += g.n
			items, err := v.statusesWhere(pluginStatusesSQL, g.key.plugin, g.key.version, g.key.state, g.key.label, perState)
			if err != nil {
				return err
			}
			of.Items = append(of.Items, items...)
		}
		for _, of := range byState {
			slices.SortFunc(of.Items, func(a, b StatusDocument) int {
				if c := b.Timestamp.Compare(a.Timestamp); c != 0 {
					return c
				}
				return strings.Compare(a.ID, b.ID)
			})
			of.Items = of.Items[:min(len(of.Items), max(perState, 0))]
			list = append(list, *of)
		}
		slices.SortFunc(list, func(a, b StateStatuses) int { return strings.Compare(a.State, b.State) })
		return nil
	})
	return list, err
}

// wordOf returns the number of a word, -1 if nothing has it.
func (v view) wordOf(text string) (int64, error) {
	var n int64
	err := v.one(`SELECT word FROM words WHERE text = ?`, []any{text}, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return -1, nil
	}
	return n, err
}
