package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lazuli/client"
	"lazuli/event"
)

// placeholderKey stands in every event that a plugin posts: the dispatcher alone gives keys.
const placeholderKey = "runner-placeholder"

// hosted is a plugin with what its Spec comes to.
type hosted struct {
	Plugin
	spec  Spec
	query string             // of the polls made for it
	parts map[string]*hosted // by name: the plugin in the name of each of its parts
}

// host reads a plugin's Spec and refuses what could not be registered.
func host(p Plugin) (*hosted, error) {
	spec := p.Spec()
	if spec.Name == "" {
		return nil, errors.New("a plugin has no name: set Spec.Name")
	}
	if spec.Timeout < 0 || spec.Wants.MinSize < 0 || spec.Wants.MaxSize < 0 {
		return nil, fmt.Errorf("plugin %s has a negative Timeout, MinSize or MaxSize", spec.Name)
	}
	if spec.Timeout == 0 {
		spec.Timeout = defaultTimeout
	}
	h := &hosted{Plugin: p, spec: spec, parts: map[string]*hosted{}}
	for _, part := range spec.Parts {
		if part.Name == "" || part.Run == nil || h.parts[part.Name] != nil {
			return nil, fmt.Errorf("plugin %s has a part %q without a name of its own or without a Run", spec.Name, part.Name)
		}
		own := spec
		own.Name, own.Description, own.Parts = spec.Name+"-"+part.Name, part.Description, nil
		h.parts[part.Name] = &hosted{Plugin: p, spec: own}
	}
	for _, r := range h.registrations() {
		if err := r.Validate(); err != nil {
			return nil, fmt.Errorf("plugin %s cannot be registered: %w", r.Entity.Name, err)
		}
	}
	consumer := h.consumer()
	h.query = consumer.Query().Encode()
	return h, nil
}

func (h *hosted) author() event.Author {
	return event.Author{Category: "plugin", Name: h.spec.Name, Version: h.spec.Version, Security: h.spec.Security}
}

func (h *hosted) head(now event.Time) event.Head {
	return event.Head{ModelVersion: event.ModelVersion, KafkaKey: placeholderKey, Timestamp: now, Author: h.author()}
}

// registrations are the events that make the plugin and its parts known, the plugin's first.
func (h *hosted) registrations() []*event.Plugin {
	list := []*event.Plugin{h.registration()}
	for _, part := range h.spec.Parts {
		list = append(list, h.parts[part.Name].registration())
	}
	return list
}

// registration is the event that makes the plugin known.
func (h *hosted) registration() *event.Plugin {
	s := &h.spec
	return &event.Plugin{Head: h.head(event.Now()), Entity: event.PluginEntity{
		Category: "plugin", Name: s.Name, Version: s.Version, Security: s.Security,
		Contact: s.Contact, Description: s.Description, Features: h.features(), Config: h.config(),
	}}
}

// features are those of the plugin and those that every plugin has, sorted by name. The plugin's own word on a built-in
// one counts.
func (h *hosted) features() []event.PluginFeature {
	byName := map[string]Feature{}
	for _, f := range slices.Concat(BuiltInFeatures, h.spec.Features) {
		byName[f.Name] = f
	}
	list := make([]event.PluginFeature, 0, len(byName))
	for _, f := range byName {
		list = append(list, event.PluginFeature{Name: f.Name, Type: f.Type, Description: f.Description})
	}
	slices.SortFunc(list, func(a, b event.PluginFeature) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// config shows what decides which events become jobs and what a job may do, under the reference's names, and the plugin's
// own settings. Values are JSON text.
func (h *hosted) config() map[string]string {
	w := &h.spec.Wants
	settings := map[string]any{
		"run_timeout":              int(h.spec.Timeout.Seconds()),
		"plugin_depth_limit":       MaxDepth,
		"max_values_per_feature":   MaxValuesPerFeature,
		"max_value_length":         MaxValueLength,
		"filter_self":              w.NotSelf,
		"filter_min_content_size":  w.MinSize,
		"filter_max_content_size":  w.MaxSize,
		"filter_allow_event_types": h.consumer().Actions,
		"filter_data_types":        h.consumer().Streams,
	}
	if len(w.Sources) > 0 {
		settings["filter_sources"] = w.Sources
	}
	if c, ok := h.Plugin.(Configurable); ok {
		for _, s := range c.Settings() {
			settings[s.Name] = s.Value
		}
	}
	config := make(map[string]string, len(settings))
	for name, value := range settings {
		text, err := json.Marshal(value)
		if err != nil {
			panic(fmt.Sprintf("encode setting %s: %v", name, err)) // numbers and text: cannot happen
		}
		config[name] = string(text)
	}
	return config
}

// consumer is the plugin's filter as the dispatcher knows it.
func (h *hosted) consumer() *client.Consumer {
	w := &h.spec.Wants
	c := &client.Consumer{
		Name: h.spec.Name, Version: h.spec.Version, DeploymentKey: h.spec.Name,
		Expedite: true, Live: true, Historic: true,
		Sources: w.Sources, Actions: w.Actions, NotSelf: w.NotSelf, MinSize: w.MinSize, MaxSize: w.MaxSize, Streams: w.Streams,
	}
	if len(c.Actions) == 0 {
		c.Actions = []event.Action{event.Sourced, event.Extracted}
	}
	if len(c.Streams) == 0 {
		c.Streams = map[event.Label][]string{event.LabelContent: {}}
	}
	return c
}
