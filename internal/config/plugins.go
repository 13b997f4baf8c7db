package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// readPluginSettings reads what is set of built-in plugins: a mapping of settings for each. What they mean, the plugins know.
func (c *Config) readPluginSettings(node ast.Node) error {
	c.PluginSettings = map[string]map[string]string{}
	plugins, ok := mappingEntries(node)
	if !ok {
		return fmt.Errorf("line %d: plugin_settings must be a mapping of plugins to their settings", line(node))
	}
	for _, p := range plugins {
		name := p.Key.GetToken().Value
		settings, ok := mappingEntries(p.Value)
		if !ok {
			return fmt.Errorf("line %d: plugin_settings.%s must be a mapping of settings to values", line(p.Value), name)
		}
		values := map[string]string{}
		for _, s := range settings {
			key := s.Key.GetToken().Value
			scalar, ok := s.Value.(ast.ScalarNode)
			if !ok || s.Value.Type() == ast.NullType {
				return fmt.Errorf("line %d: plugin_settings.%s.%s must have one value", line(s.Key), name, key)
			}
			values[key] = scalarText(scalar)
		}
		c.PluginSettings[name] = values
	}
	return nil
}
