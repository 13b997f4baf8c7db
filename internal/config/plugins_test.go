package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPluginSettings(t *testing.T) {
	c := Defaults()
	err := c.readYAML([]byte("plugin_settings:\n  unbox:\n    max_ratio: 0200\n    default_passwords: |\n      one\n      two\n  Other: {x: \"1\"}\n"))
	want := map[string]map[string]string{"unbox": {"max_ratio": "0200", "default_passwords": "one\ntwo"}, "Other": {"x": "1"}}
	if diff := cmp.Diff(want, c.PluginSettings); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, want := range map[string]string{
		"plugin_settings: 3":                          "line 1: plugin_settings must be a mapping",
		"plugin_settings:\n  unbox: [1]":              "line 2: plugin_settings.unbox must be a mapping",
		"plugin_settings:\n  unbox:\n    a: {b: c}":   "line 3: plugin_settings.unbox.a must have one value",
		"plugin_settings:\n  unbox:\n    max_ratio: ": "line 3: plugin_settings.unbox.max_ratio must have one value",
	} {
		if err := Defaults().readYAML([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
