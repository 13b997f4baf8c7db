package web

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"lazuli/internal/api/azul"
	"lazuli/internal/index"
)

// featureGroup is the values of one feature.
type featureGroup struct {
	Name   string
	Values []featureValue
	More   int // values that are not shown
}

// featureValue is a value with where one may go on from it.
type featureValue struct {
	index.Feature
	Plugins []string // that found it
	Search  string   // address of the files that have it
	Tags    []string
	Parts   []link
}

// shownValues is how many values of a feature are shown, unless all are asked for.
const shownValues = 12

// told are features of every file. The page begins with most of them, so they come last.
var told = []string{"file_extension", "file_format", "filename", "magic", "mime"}

// featureGroups gathers values, which come by the names of their features. What several plugins found is one value.
func (w *Web) featureGroups(ctx context.Context, features []index.Feature, all string) ([]featureGroup, error) {
	var groups, last []featureGroup
	for len(features) > 0 {
		name := features[0].Name
		n := slices.IndexFunc(features, func(f index.Feature) bool { return f.Name != name })
		if n < 0 {
			n = len(features)
		}
		g, err := w.featureGroup(ctx, name, features[:n], name == all)
		if err != nil {
			return nil, err
		}
		if features = features[n:]; slices.Contains(told, name) {
			last = append(last, g)
			continue
		}
		groups = append(groups, g)
	}
	return append(groups, last...), nil
}

func (w *Web) featureGroup(ctx context.Context, name string, features []index.Feature, all bool) (featureGroup, error) {
	g := featureGroup{Name: name}
	tags, err := w.api.Index.ValueTags(ctx, w.api.Reader(ctx), "", name)
	if err != nil {
		return g, err
	}
	type found struct {
		kind, value, label string
		offset, length     uint64
		placed             bool
	}
	at := map[found]int{}
	for _, v := range features {
		key := found{kind: v.Type, value: v.Value, label: v.Label, placed: v.Offset != nil}
		if v.Offset != nil {
			key.offset = *v.Offset
		}
		if v.Length != nil {
			key.length = *v.Length
		}
		i, again := at[key]
		switch {
		case again && i < 0: // of those that are not shown
		case again:
			if list := &g.Values[i].Plugins; !slices.Contains(*list, v.Plugin) {
				*list = append(*list, v.Plugin)
			}
		case !all && len(g.Values) >= shownValues:
			at[key] = -1
			g.More++
		default:
			at[key] = len(g.Values)
			g.Values = append(g.Values, featureValue{Feature: v, Plugins: []string{v.Plugin}, Search: searchFor("features_map."+name, v.Value), Tags: tagsOfValue(tags, v.Value), Parts: partLinks(v)})
		}
	}
	return g, nil
}

// MorePlugins names all plugins that found it, if they are several.
func (v featureValue) MorePlugins() string {
	if len(v.Plugins) == 1 {
		return ""
	}
	return strings.Join(v.Plugins, ", ")
}

// Shown is the value to be read: no more of a number than anybody wants to know.
func (v featureValue) Shown() string {
	if v.Type != "float" {
		return v.Value
	}
	n, err := strconv.ParseFloat(v.Value, 64)
	if err != nil {
		return v.Value
	}
	if short := strconv.FormatFloat(n, 'g', 6, 64); len(short) < len(v.Value) {
		return short
	}
	return v.Value
}

func tagsOfValue(tags []index.Tag, value string) []string {
	return tagNames(slices.DeleteFunc(slices.Clone(tags), func(t index.Tag) bool { return t.Value != value }))
}

// partLinks leads from a link or a path to the files that have a part of it, too.
func partLinks(v index.Feature) []link {
	if v.Type != "uri" && v.Type != "filepath" {
		return nil
	}
	var list []link
	add := func(name, field, value string) {
		if address := searchFor("features.enriched."+field, value); address != "" && value != "" {
			list = append(list, link{Name: name + " " + value, Address: address})
		}
	}
	parts := index.PartsOf(v.Type, v.Value)
	for _, p := range []struct{ name, field string }{{"host", "hostname"}, {"port", "port"}, {"user", "username"}} {
		add(p.name, p.field, parts["features.enriched."+p.field])
	}
	path := parts["features.enriched.filepath"]
	if v.Type == "uri" {
		if path != "/" {
			add("path", "filepath", path)
		}
		add("query", "query", parts["features.enriched.query"])
		return list
	}
	beginnings, ends := azul.Folders(path)
	for _, folder := range beginnings {
		if folder != path {
			add("in", "filepath.tree", folder)
		}
	}
	if len(ends) > 1 { // of one part there is nothing else to say
		add("ends", "filepath.tree_reversed", ends[0])
	}
	return list
}
