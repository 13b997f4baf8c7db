package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referenceHTML string

var referencePage = template.Must(template.New("reference").Parse(referenceHTML))

// documented is an endpoint as the reference shows it.
type documented struct {
	*huma.Operation
	Method, Path string
	Body, Answer string // JSON Schema, indented; "" for none
}

type documentedGroup struct {
	Name       string
	Operations []documented
}

// reference shows all endpoints on one page, made of the same document that /api/openapi.json is. It needs no script and nothing of
// another host.
func (a *API) reference(spec *huma.OpenAPI) http.HandlerFunc {
	render := sync.OnceValues(func() ([]byte, error) {
		var page bytes.Buffer
		err := referencePage.Execute(&page, map[string]any{"Version": spec.Info.Version, "Groups": groupsOf(spec), "Schemas": schemasOf(spec)})
		return page.Bytes(), err
	})
	return func(w http.ResponseWriter, r *http.Request) {
		page, err := render()
		if err != nil {
			a.Logger.Error("render the reference", "err", err)
			http.Error(w, "the platform's log has the details", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write(page)
	}
}

func groupsOf(spec *huma.OpenAPI) []documentedGroup {
	var groups []documentedGroup
	at := map[string]int{}
	for _, path := range sortedKeys(spec.Paths) {
		item := spec.Paths[path]
		for _, op := range []*huma.Operation{item.Head, item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			name := "other"
			if len(op.Tags) > 0 {
				name = op.Tags[0]
			}
			i, there := at[name]
			if !there {
				i = len(groups)
				at[name] = i
				groups = append(groups, documentedGroup{Name: name})
			}
			d := documented{Operation: op, Method: op.Method, Path: path}
			if op.RequestBody != nil {
				d.Body = schemaText(op.RequestBody.Content)
			}
			if ok := op.Responses["200"]; ok != nil {
				d.Answer = schemaText(ok.Content)
			}
			groups[i].Operations = append(groups[i].Operations, d)
		}
	}
	slices.SortFunc(groups, func(x, y documentedGroup) int { return strings.Compare(x.Name, y.Name) })
	return groups
}

func schemaText(content map[string]*huma.MediaType) string {
	for _, kind := range sortedKeys(content) {
		if s := content[kind].Schema; s != nil {
			return indented(s)
		}
	}
	return ""
}

type namedSchema struct{ Name, Text string }

func schemasOf(spec *huma.OpenAPI) []namedSchema {
	var list []namedSchema
	schemas := spec.Components.Schemas.Map()
	for _, name := range sortedKeys(schemas) {
		list = append(list, namedSchema{name, indented(schemas[name])})
	}
	return list
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
