// Package plugins lists the plugins that are built into lazuli.
package plugins

import (
	"lazuli/plugin"
	"lazuli/plugins/entropy"
	"lazuli/plugins/goinfo"
	"lazuli/plugins/unbox"
)

// BuiltIn returns the built-in plugins, by name.
func BuiltIn() []plugin.Plugin {
	return []plugin.Plugin{entropy.Plugin{}, goinfo.New(), unbox.New(unbox.DefaultLimits())}
}
