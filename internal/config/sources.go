package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Source is where files come from, and how long what is known of them lives. The keys are those of Azul's sources file, so
// that one can be taken over as it is.
type Source struct {
	Description       string      `yaml:"description"`
	IconClass         string      `yaml:"icon_class"`
	PartitionUnit     string      `yaml:"partition_unit"`      // all, year, month, week or day
	ExpireEventsAfter string      `yaml:"expire_events_after"` // "0" or "<n> days|weeks|months|years"
	ExcludeFromBackup bool        `yaml:"exclude_from_backup"`
	Elastic           any         `yaml:"elastic"` // accepted and not used: the index is not OpenSearch
	References        []Reference `yaml:"references"`
	Kafka             Kafka       `yaml:"kafka"`
}

// Reference is something that a submitter says of a file: a case number, a URL.
type Reference struct {
	Name        string `yaml:"name"`
	Required    bool   `yaml:"required"` // a submission without it is refused
	Description string `yaml:"description"`
	Highlight   bool   `yaml:"highlight"` // shown first on a file's page
	Priority    *bool  `yaml:"priority"`  // groups submissions; nil is true
}

// Prioritised tells whether submissions are grouped by the reference.
func (r Reference) Prioritised() bool { return r.Priority == nil || *r.Priority }

// Bounds on the references of a submission, which go with every event that comes of it.
const (
	MaxReferences     = 100
	MaxReferenceBytes = 16 << 10 // of a name with its value
)

// CheckReferences returns nil for what a submission to a source may say: all that is required, and nothing that the source does not know.
// A source that is not configured takes any, within bounds.
func (c *Config) CheckReferences(source string, given map[string]string) error {
	if len(given) > MaxReferences {
		return fmt.Errorf("%d references are more than %d", len(given), MaxReferences)
	}
	names := slices.Sorted(maps.Keys(given))
	for _, name := range names {
		switch {
		case len(name)+len(given[name]) > MaxReferenceBytes:
			return fmt.Errorf("the reference %.80q has more than %d bytes", name, MaxReferenceBytes)
		case !utf8.ValidString(name + given[name]):
			return fmt.Errorf("the reference %.80q is not UTF-8", name)
		}
	}
	src, ok := c.Sources[source]
	if !ok {
		return nil
	}
	known := map[string]Reference{}
	var missing []string
	for _, r := range src.References {
		known[r.Name] = r
		if r.Required && strings.TrimSpace(given[r.Name]) == "" {
			missing = append(missing, r.told())
		}
	}
	for _, name := range names {
		if _, ok := known[name]; ok {
			continue
		}
		if len(known) == 0 {
			return fmt.Errorf("source %s takes no references, and %.80q is one", source, name)
		}
		return fmt.Errorf("source %s has no reference %.80q%s", source, name, suggest(name, known))
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("source %s needs the reference %s", source, missing[0])
	}
	return fmt.Errorf("source %s needs the references %s", source, strings.Join(missing, ", "))
}

// told is the reference's name, with its description in brackets if there is one.
func (r Reference) told() string {
	if text := strings.Join(strings.Fields(r.Description), " "); text != "" {
		return fmt.Sprintf("%s (%s)", r.Name, text)
	}
	return r.Name
}

// Kafka is how topics are made. Partitions count on any log, the rest on Kafka.
type Kafka struct {
	NumPartitions     int               `yaml:"numpartitions"`
	ReplicationFactor int               `yaml:"replicationfactor"`
	Config            map[string]string `yaml:"config"`
}

// SourceAllowed returns nil for a source that may be published to. If none is configured, that is every well-formed name.
func (c *Config) SourceAllowed(name string) error {
	if err := validSourceName(name); err != nil {
		return err
	}
	if len(c.Sources) == 0 {
		return nil
	}
	if _, ok := c.Sources[name]; !ok {
		return fmt.Errorf("source %q is not configured%s", name, suggest(name, c.Sources))
	}
	return nil
}

// Expiry returns how long after its submission an event of the source is dropped; 0 is never.
func (c *Config) Expiry(source string) time.Duration {
	d, err := parseExpiry(c.Sources[source].ExpireEventsAfter)
	if err != nil {
		return 0 // Validate has refused it; never dropping is the careful answer
	}
	return d
}

// validSourceName holds names to what topics, paths and queries can all carry: [a-z0-9][a-z0-9._-]{0,63}, and not the name
// under which the topics of the platform itself stand.
func validSourceName(name string) error {
	if !wellFormed(name) {
		return fmt.Errorf("source %.80q must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit", name)
	}
	if name == "system" || strings.HasPrefix(name, "system.") {
		return fmt.Errorf("source %q is reserved for the platform's own topics: choose another name", name)
	}
	return nil
}

func wellFormed(name string) bool {
	if len(name) == 0 || len(name) > 64 {
		return false
	}
	for i, c := range []byte(name) {
		alphanumeric := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

const day = 24 * time.Hour

// expiryUnits are the reference's: a month is 30 days and a year 365.
var expiryUnits = map[string]time.Duration{"day": day, "week": 7 * day, "month": 30 * day, "year": 365 * day}

// maxExpiry keeps the arithmetic of time.Duration, which ends at 292 years, far from its end.
const maxExpiry = 100 * 365 * day

// parseExpiry reads "0", "" or "<n> days|weeks|months|years".
func parseExpiry(text string) (time.Duration, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 || len(fields) == 1 && fields[0] == "0" {
		return 0, nil
	}
	if len(fields) == 2 {
		n, err := strconv.Atoi(fields[0])
		unit := expiryUnits[strings.TrimSuffix(fields[1], "s")]
		if err == nil && unit > 0 && n > 0 && n <= int(maxExpiry/unit) {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%.40q must be \"0\" (never) or a number of days, weeks, months or years, at most 100 years, such as \"30 days\"", text)
}
