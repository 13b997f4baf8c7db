package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// readYAML applies one YAML document. Unknown and repeated keys are errors that name key and line.
func (c *Config) readYAML(text []byte) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return yamlError(err)
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return nil
	case 1:
		return c.readMapping("", bodies[0])
	}
	return fmt.Errorf("line %d: a second document begins; the configuration is one", line(bodies[1]))
}

// readMapping applies the keys of one level; prefix is "" or ends in a dot.
func (c *Config) readMapping(prefix string, node ast.Node) error {
	entries, ok := mappingEntries(node)
	if !ok {
		what := "the configuration"
		if prefix != "" {
			what = strings.TrimSuffix(prefix, ".")
		}
		return fmt.Errorf("line %d: %s must be a mapping of keys to values", line(node), what)
	}
	for _, entry := range entries {
		if err := c.readEntry(prefix, entry); err != nil {
			return err
		}
	}
	return nil
}

func mappingEntries(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode:
		return nil, true // a key with nothing below it
	}
	return nil, false
}

func (c *Config) readEntry(prefix string, entry *ast.MappingValueNode) error {
	key := prefix + entry.Key.GetToken().Value
	at := entry.Key.GetToken().Position.Line
	switch key {
	case "sources":
		return c.readSources(entry.Value)
	case "topics":
		return c.readTopics(entry.Value)
	case "plugin_settings":
		return c.readPluginSettings(entry.Value)
	case "security":
		return c.readSecurity(entry.Value)
	case "dispatcher_auth":
		return c.DispatcherAuth.read(entry.Value)
	}
	known := map[string]setting{"sources": {}, "topics": {}, "plugin_settings": {}, "security": {}, "dispatcher_auth": {}}
	for _, s := range settings {
		known[s.key] = s
		if section, _, below := strings.Cut(s.key, "."); below {
			if section == key {
				return c.readMapping(key+".", entry.Value)
			}
			known[section] = setting{}
		}
	}
	s, ok := known[key]
	if !ok {
		return fmt.Errorf("line %d: unknown key %s%s", at, key, suggest(key, known))
	}
	scalar, ok := entry.Value.(ast.ScalarNode)
	if !ok || entry.Value.Type() == ast.NullType {
		return fmt.Errorf("line %d: %s must have one value", at, key)
	}
	if err := s.set(c, scalarText(scalar)); err != nil {
		return fmt.Errorf("line %d: %s: %w", at, key, err)
	}
	return nil
}

// scalarText is a scalar as the user wrote it, without quotes.
func scalarText(n ast.ScalarNode) string {
	if literal, ok := n.(*ast.LiteralNode); ok {
		return strings.TrimSuffix(literal.Value.Value, "\n")
	}
	return n.GetToken().Value
}

func (c *Config) readSources(node ast.Node) error {
	c.Sources = map[string]Source{}
	if node.Type() == ast.NullType {
		return nil
	}
	if err := yaml.NodeToValue(node, &c.Sources, yaml.Strict()); err != nil {
		return fmt.Errorf("%w (in sources)", yamlError(err))
	}
	return nil
}

// yamlError makes one line of the library's error, which is a picture of the file.
func yamlError(err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return err
	}
	at := e.GetToken().Position.Line
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		return fmt.Errorf("line %d: unknown key %s", at, unknown.GetToken().Value)
	}
	return fmt.Errorf("line %d: %s", at, strings.ReplaceAll(e.GetMessage(), "\n", " "))
}

func line(n ast.Node) int { return n.GetToken().Position.Line }

// suggest returns ": did you mean X?" if a known name differs from name by at most two edits, else a list of them all.
func suggest[V any](name string, known map[string]V) string {
	names := slices.Sorted(maps.Keys(known))
	for _, n := range names {
		if edits(name, n) <= 2 {
			return ": did you mean " + n + "?"
		}
	}
	return ": known are " + strings.Join(names, ", ")
}

// edits is the Levenshtein distance of two short names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
