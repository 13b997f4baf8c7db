package api

import (
	"context"
	"maps"
	"slices"

	"lazuli/internal/config"
)

// SourceList is where files may come from.
type SourceList struct {
	Default string       `json:"default" doc:"of what is submitted without one"`
	Any     bool         `json:"any" doc:"none is configured: other names may be used as well"`
	Sources []SourceInfo `json:"sources"`
}

// SourceInfo is a source, and what it wants to know of what is submitted to it.
type SourceInfo struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	References  []ReferenceInfo `json:"references"`
}

// ReferenceInfo is something that submitters say of a file.
type ReferenceInfo struct {
	Name        string `json:"name"`
	Required    bool   `json:"required"`
	Description string `json:"description,omitempty"`
}

// Source is a source as it is configured, which it need not be.
func (a *API) Source(name string) SourceInfo {
	src := a.Config.Sources[name]
	out := SourceInfo{name, src.Description, []ReferenceInfo{}}
	for _, r := range src.References {
		out.References = append(out.References, ReferenceInfo{r.Name, r.Required, r.Description})
	}
	return out
}

// sources lists those that are configured. Where none is, it is those that files came from, and the default one.
func (a *API) sources(ctx context.Context, _ *struct{}) (*struct{ Body SourceList }, error) {
	names := map[string]config.Source{a.Config.DefaultSource: {}}
	maps.Copy(names, a.Config.Sources)
	out := SourceList{Default: a.Config.DefaultSource, Any: len(a.Config.Sources) == 0}
	if out.Any {
		seen, err := a.Index.Sources(ctx, readerOf(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		for _, src := range seen {
			names[src.Name] = config.Source{}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out.Sources = append(out.Sources, a.Source(name))
	}
	return &struct{ Body SourceList }{out}, nil
}
