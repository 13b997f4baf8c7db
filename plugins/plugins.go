// Package plugins lists the plugins that are built into lazuli.
package plugins

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lazuli/plugin"
	"lazuli/plugins/entropy"
	"lazuli/plugins/goinfo"
	"lazuli/plugins/unbox"
)

// BuiltIn returns the built-in plugins, by name.
func BuiltIn() []plugin.Plugin {
	return []plugin.Plugin{entropy.Plugin{}, goinfo.New(), unbox.New(unbox.DefaultLimits())}
}

// Configured returns the built-in plugins with values for their settings: by the name of the plugin, in whatever case, and that of the setting.
func Configured(values map[string]map[string]string) ([]plugin.Plugin, error) {
	list := BuiltIn()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(list, func(p plugin.Plugin) bool { return strings.EqualFold(p.Spec().Name, name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no built-in plugin %.80q", name)
		}
		p, err := plugin.Configure(list[i], values[name])
		if err != nil {
			return nil, err
		}
		list[i] = p
	}
	return list, nil
}
