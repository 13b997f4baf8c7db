package azul

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"lazuli/event"
	"lazuli/internal/index"
)

func (s *Server) registerPlugins() {
	const tag = "plugins"
	enveloped(s, operation(http.MethodGet, prefix+"/plugins", "plugins", "The plugins that there are", tag), s.plugins)
	enveloped(s, operation(http.MethodGet, prefix+"/plugins/status", "plugin-statuses", "The plugins and what they did", tag), s.pluginStatuses)
	enveloped(s, operation(http.MethodGet, prefix+"/plugins/{name}/versions/{version}", "plugin", "One version of a plugin", tag), s.plugin)
}

type pluginEntity struct {
	Category    string            `json:"category"`
	Name        string            `json:"name"`
	Version     string            `json:"version,omitempty"`
	Contact     string            `json:"contact,omitempty"`
	LastSuccess string            `json:"last_completion,omitempty"`
	Stats       map[string]int    `json:"stats"`
	Description string            `json:"description,omitempty"`
	Features    []pluginFeature   `json:"features"`
	Config      map[string]string `json:"config"`
	Security    string            `json:"security"`
}

type pluginFeature struct {
	Name        string   `json:"name"`
	Description string   `json:"desc,omitempty"`
	Tags        []string `json:"tags"`
	Type        string   `json:"type,omitempty"`
}

func pluginOf(p *index.Plugin) pluginEntity {
	e := pluginEntity{Category: cmp.Or(p.Category, "plugin"), Name: p.Name, Version: p.Version, Contact: p.Contact, Stats: p.States, Description: p.Description,
		Features: []pluginFeature{}, Config: p.Config, Security: p.Security}
	if e.Stats == nil {
		e.Stats = map[string]int{}
	}
	if e.Config == nil {
		e.Config = map[string]string{}
	}
	for _, f := range p.Features {
		e.Features = append(e.Features, pluginFeature{f.Name, f.Description, []string{}, f.Type})
	}
	return e
}

type PluginVersions struct {
	Versions []string      `json:"versions"`
	Newest   *pluginEntity `json:"newest_version"`
}

// versionsOf groups plugins by name. The newest version is the one that registered last, and stands first.
func versionsOf(list []index.Plugin) (groups [][]*index.Plugin) {
	at := map[string]int{}
	for i := range list {
		n, there := at[list[i].Name]
		if !there {
			n = len(groups)
			at[list[i].Name] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], &list[i])
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(x, y *index.Plugin) int { return y.Registered.Compare(x.Registered) })
	}
	return groups
}

func (s *Server) plugins(ctx context.Context, c *call, _ *Base) ([]PluginVersions, error) {
	list, err := s.Index.Plugins(ctx, c.reader)
	if err != nil {
		return nil, err
	}
	out := []PluginVersions{}
	for _, g := range versionsOf(list) {
		out = append(out, c.versions(g))
	}
	return out, nil
}

func (c *call) versions(g []*index.Plugin) PluginVersions {
	newest := pluginOf(g[0])
	c.label(newest.Security)
	v := PluginVersions{Newest: &newest}
	for _, p := range g {
		v.Versions = append(v.Versions, p.Version)
	}
	return v
}

// recently is how far back successes and errors are counted.
const recently = 7 * 24 * time.Hour

// pluginStatus counts what the newest version did.
type pluginStatus struct {
	PluginVersions
	LastSuccess string `json:"last_completion,omitempty"`
	Successes   int    `json:"success_count"`
	Errors      int    `json:"error_count"`
}

func (s *Server) pluginStatuses(ctx context.Context, c *call, _ *Base) ([]pluginStatus, error) {
	list, err := s.Index.Plugins(ctx, c.reader)
	if err != nil {
		return nil, err
	}
	out := []pluginStatus{}
	for _, g := range versionsOf(list) {
		st := pluginStatus{PluginVersions: c.versions(g)}
		recent, err := s.Index.StatesSince(ctx, c.reader, g[0].Name, g[0].Version, s.Now().Add(-recently))
		if err != nil {
			return nil, err
		}
		for state, n := range recent {
			switch {
			case event.State(state).Success():
				st.Successes += n
			case event.State(state).Error():
				st.Errors += n
			}
		}
		groups, err := s.Index.PluginStatuses(ctx, c.reader, g[0].Name, g[0].Version, 1)
		if err != nil {
			return nil, err
		}
		st.LastSuccess = lastSuccess(groups)
		st.Newest.LastSuccess = st.LastSuccess
		out = append(out, st)
	}
	return out, nil
}

// lastSuccess returns when a plugin last ended a job well, "" for never.
func lastSuccess(groups []index.StateStatuses) string {
	var last index.StatusDocument
	for _, g := range groups {
		if event.State(g.State).Success() && len(g.Items) > 0 && g.Items[0].Timestamp.After(last.Timestamp) {
			last = g.Items[0]
		}
	}
	return stamp(last.Timestamp)
}

type pluginInput struct {
	Base
	Name    string `path:"name"`
	Version string `path:"version"`
}

type pluginInfo struct {
	Files  int64         `json:"num_entities"`
	Plugin pluginEntity  `json:"plugin"`
	Status []statusGroup `json:"status"`
}

type statusGroup struct {
	Status string        `json:"status"`
	Num    int64         `json:"num_items"`
	Items  []statusEvent `json:"items"`
}

// statusExamples is how many statuses of each state are shown of a plugin.
const statusExamples = 100

func (s *Server) plugin(ctx context.Context, c *call, in *pluginInput) (pluginInfo, error) {
	list, err := s.Index.Plugins(ctx, c.reader)
	if err != nil {
		return pluginInfo{}, err
	}
	i := slices.IndexFunc(list, func(p index.Plugin) bool { return p.Name == in.Name && p.Version == in.Version })
	if i < 0 {
		return pluginInfo{}, refuse(http.StatusNotFound, "not found", "no plugin %.80s %.80s is registered", in.Name, in.Version)
	}
	out := pluginInfo{Plugin: pluginOf(&list[i]), Status: []statusGroup{}}
	c.label(out.Plugin.Security)
	if out.Files, err = s.Index.Count(ctx, c.reader, by(in.Name, in.Version)); err != nil {
		return pluginInfo{}, err
	}
	groups, err := s.Index.PluginStatuses(ctx, c.reader, in.Name, in.Version, statusExamples)
	if err != nil {
		return pluginInfo{}, err
	}
	out.Plugin.LastSuccess = lastSuccess(groups)
	slices.SortFunc(groups, func(x, y index.StateStatuses) int { return strings.Compare(x.State, y.State) })
	for _, g := range groups {
		sg := statusGroup{Status: g.State, Num: g.Count, Items: []statusEvent{}}
		for i := range g.Items {
			c.label(g.Items[i].Label)
			sg.Items = append(sg.Items, statusOf(&g.Items[i]))
		}
		out.Status = append(out.Status, sg)
	}
	return out, nil
}
