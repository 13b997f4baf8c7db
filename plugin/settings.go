package plugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Setting is something about a plugin that an operator may set. Its value is public: it is part of the registration.
type Setting struct {
	Name        string
	Value       string
	Description string // with the unit
}

// Configurable is a plugin with settings.
type Configurable interface {
	Plugin
	// Settings lists them in the order in which one wants to read them.
	Settings() []Setting
	// With returns the plugin with another value of the setting with that name. The error says what the value may be.
	With(name, value string) (Plugin, error)
}

// Configure gives a plugin other values of some of its settings, by name.
func Configure(p Plugin, values map[string]string) (Plugin, error) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		c, ok := p.(Configurable)
		if !ok {
			return nil, fmt.Errorf("%s has no settings", p.Spec().Name)
		}
		known := settingNames(c)
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s has no setting %.80q: there are %s", p.Spec().Name, name, strings.Join(known, ", "))
		}
		changed, err := c.With(name, values[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", p.Spec().Name, name, err)
		}
		p = changed
	}
	return p, nil
}

func settingNames(c Configurable) []string {
	var names []string
	for _, s := range c.Settings() {
		names = append(names, s.Name)
	}
	return names
}
