package plugins

import (
	"slices"
	"testing"

	"lazuli/event"
	"lazuli/plugin"
)

// TestDeclarations holds what all plugins share: one feature name has one type, and everything has a description.
func TestDeclarations(t *testing.T) {
	types := map[string]event.FeatureType{}
	for _, f := range plugin.BuiltInFeatures {
		types[f.Name] = f.Type
	}
	var names []string
	for _, p := range BuiltIn() {
		spec := p.Spec()
		names = append(names, spec.Name)
		if spec.Name == "" || spec.Version == "" || spec.Description == "" {
			t.Errorf("%+v lacks a name, a version or a description", spec)
		}
		for _, f := range spec.Features {
			if have, known := types[f.Name]; known && have != f.Type {
				t.Errorf("%s declares %s as %s, and another plugin as %s", spec.Name, f.Name, f.Type, have)
			}
			types[f.Name] = f.Type
			if !f.Type.Valid() || f.Description == "" {
				t.Errorf("%s: feature %+v lacks a type or a description", spec.Name, f)
			}
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("plugins are not sorted by name, or two have one name: %q", names)
	}
}
