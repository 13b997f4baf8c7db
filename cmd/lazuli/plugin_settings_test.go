package main

import (
	"bytes"
	"strings"
	"testing"

	"lazuli/plugins"
)

func TestPluginSettings(t *testing.T) {
	var out bytes.Buffer
	if err := printSettings(&out, plugins.BuiltIn()); err != nil || !strings.Contains(out.String(), "max_total_bytes") || strings.Contains(out.String(), "Entropy") {
		t.Errorf("%v\n%s", err, &out)
	}
	values, err := given([]string{"max_ratio=3", "default_passwords=a=b"})
	if err != nil || values["max_ratio"] != "3" || values["default_passwords"] != "a=b" {
		t.Errorf("%v, %v", values, err)
	}
	if _, err := given([]string{"max_ratio"}); exitCode(err) != exitUsage {
		t.Error(err)
	}
	list, err := setPlugins(map[string]map[string]string{"unbox": {"max_ratio": "3"}})
	if err != nil || len(list) != len(plugins.BuiltIn()) {
		t.Fatal(list, err)
	}
	out.Reset()
	if err := printSettings(&out, list); err != nil || !strings.Contains(out.String(), "max_ratio             3 ") {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, wrong := range []map[string]map[string]string{{"nonsense": {}}, {"unbox": {"x": "3"}}, {"unbox": {"max_ratio": "x"}}, {"entropy": {"x": "3"}}} {
		if _, err := setPlugins(wrong); exitCode(err) != exitUsage {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}
