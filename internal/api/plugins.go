package api

import (
	"context"
	"time"

	"lazuli/internal/index"
)

// recently is how far back Recent of a PluginReport goes.
const recently = 7 * 24 * time.Hour

// PluginReport is a plugin with what it did in the last seven days.
type PluginReport struct {
	index.Plugin
	Recent map[string]int `json:"recent" doc:"as states, of the last seven days"`
}

// Plugins lists the registered plugins that who asks may know of.
func (a *API) Plugins(ctx context.Context) ([]PluginReport, error) {
	list, err := a.Index.Plugins(ctx, readerOf(ctx))
	if err != nil {
		return nil, err
	}
	since := time.Now().Add(-recently)
	reports := make([]PluginReport, len(list))
	for i, p := range list {
		recent, err := a.Index.StatesSince(ctx, readerOf(ctx), p.Name, p.Version, since)
		if err != nil {
			return nil, err
		}
		reports[i] = PluginReport{p, recent}
	}
	return reports, nil
}

type pluginList struct {
	Plugins []PluginReport `json:"plugins"`
}

func (a *API) plugins(ctx context.Context, _ *struct{}) (*struct{ Body pluginList }, error) {
	list, err := a.Plugins(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	return &struct{ Body pluginList }{pluginList{list}}, nil
}
