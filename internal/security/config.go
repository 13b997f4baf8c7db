package security

// Config says which labels there are. The keys are Azul's, so that its configuration can be taken over. Lists go from the
// least to the most restrictive. Names count in upper case.
type Config struct {
	Labels  Labels   `yaml:"labels"`
	Default string   `yaml:"default"` // of what comes without a label
	Presets []string `yaml:"presets"` // what forms offer
	// RelPriority is where the ladder of classifications is split: from it on a label may name groups and has no TLP, below it
	// the other way round. It has no default, because any would surprise somebody.
	RelPriority *int     `yaml:"allow_releasability_priority_gte"`
	Required    []string `yaml:"minimum_required_access"` // what every user must hold
	AdminRoles  []string `yaml:"admin_roles"`
}

// Labels are the four groups that a label is made of.
type Labels struct {
	Classification Classifications `yaml:"classification"`
	Caveat         Caveats         `yaml:"caveat"`
	Releasability  Releasability   `yaml:"releasability"`
	TLP            TLPs            `yaml:"tlp"`
}

// Classifications are a ladder; a label has exactly one.
type Classifications struct {
	Title   string           `yaml:"title"`
	Options []Classification `yaml:"options"`
}

// Classification is a step of the ladder. Priorities rise from one to the next.
type Classification struct {
	Name     string `yaml:"name"`
	Priority int    `yaml:"priority"`
}

// Caveats restrict further: a reader must hold all that a label has.
type Caveats struct {
	Title   string   `yaml:"title"`
	Options []Caveat `yaml:"options"`
}

// Caveat goes with the classifications whose priority is between its two bounds, both included; with others it is dropped.
type Caveat struct {
	Name        string `yaml:"name"`
	Priority    int    `yaml:"priority"` // accepted and not used
	MinPriority int    `yaml:"min_priority"`
	MaxPriority *int   `yaml:"max_priority"` // nil is maxPriority
}

// Releasability is groups of people: a reader must hold one of those that a label names.
type Releasability struct {
	Title         string  `yaml:"title"`
	Origin        string  `yaml:"origin"`          // must be among the groups of a label that has any; "" for none
	OriginAltName string  `yaml:"origin_alt_name"` // another name of it, without the prefix
	Prefix        string  `yaml:"prefix"`          // "" is REL:
	Options       []Group `yaml:"options"`
}

// Group is one group, its name with the prefix.
type Group struct {
	Name     string `yaml:"name"`
	Priority int    `yaml:"priority"` // accepted and not used
}

// TLPs are markings of the Traffic Light Protocol; a label has at most one.
type TLPs struct {
	Title   string `yaml:"title"`
	Options []TLP  `yaml:"options"`
}

// TLP is information, unless it is enforced: then a reader must hold it.
type TLP struct {
	Name     string `yaml:"name"`
	Priority int    `yaml:"priority"` // accepted and not used
	Enforce  bool   `yaml:"enforce_security"`
}

const (
	defaultPrefix = "REL:"
	maxPriority   = 1_000_000
	maxOptions    = 256 // of one group: a set of them is four words
	maxName       = 128 // bytes
)

// Default is what holds where nothing is configured: one classification, and the four markings that Azul's guide begins with.
func Default() Config {
	threshold := 100
	return Config{
		Labels: Labels{
			Classification: Classifications{Title: "Classification", Options: []Classification{{Name: "OFFICIAL"}}},
			Caveat:         Caveats{Title: "Caveat"},
			Releasability:  Releasability{Title: "Releasability", Prefix: defaultPrefix},
			TLP: TLPs{Title: "TLP", Options: []TLP{
				{Name: "TLP:CLEAR"}, {Name: "TLP:GREEN"}, {Name: "TLP:AMBER"}, {Name: "TLP:AMBER+STRICT", Enforce: true},
			}},
		},
		Default:     "OFFICIAL TLP:CLEAR",
		Presets:     []string{"OFFICIAL TLP:CLEAR", "OFFICIAL TLP:GREEN", "OFFICIAL TLP:AMBER", "OFFICIAL TLP:AMBER+STRICT"},
		RelPriority: &threshold,
		Required:    []string{"OFFICIAL"},
		AdminRoles:  []string{"admin"},
	}
}
