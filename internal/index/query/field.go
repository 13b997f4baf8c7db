package query

import (
	"slices"
	"strings"
)

// Type is what a field holds: how its values are written and which operations make sense.
type Type int

// The types of fields.
const (
	Text    Type = iota
	Hash         // hex digits; a part of one is searched for from its beginning
	Integer      // a whole number
	Float
	Size    // bytes
	Time    // microseconds
	Address // IPv4 or IPv6
)

func (t Type) String() string {
	return [...]string{"text", "hash", "integer", "float", "size", "time", "address"}[t]
}

// want says how values of the type are written, for errors.
func (t Type) want() string {
	return [...]string{
		Text:    "text",
		Hash:    "hex digits, at least 4 of them",
		Integer: "a whole number such as 3, -1, 0x1f4 or 10kb",
		Float:   "a number such as 7.25 or -1e-3",
		Size:    "bytes such as 1024, 10kb (10,000 bytes) or 1.5MiB",
		Time:    "a time such as 2024-01-31, 2024-01, 2024-01-31T08:30Z, now-7d (s m h d w M y) or milliseconds since 1970",
		Address: "an address such as 10.0.0.1, a network such as 10.0.0.0/8 or a pattern such as 10.0.*",
	}[t]
}

// Scope is what a field is said of: what two terms of a Doc speak of in common.
type Scope int

// The scopes.
const (
	Document Scope = iota
	Feature        // one of a document's features
	File           // the file as a whole, whatever the document: its tags
)

// Field is one name that may stand before a colon.
type Field struct {
	Name    string
	Type    Type
	Scope   Scope
	Doc     string // one line
	Hidden  bool   // not offered to people, and not in the model that clients read
	Feature string // the NAME of features_map.NAME; such a term speaks of a feature of its own
	Digits  int    // of a whole Hash
}

// featuresMap is the beginning of fields that are named after features.
const featuresMap = "features_map."

// Fields returns all fields but those of features_map, sorted by name. The list is shared: do not change it.
func Fields() []*Field { return fields }

// Lookup finds a field by its name in any case, or returns nil. A name in features_map is made for the feature, whose case counts.
func Lookup(name string) *Field {
	if len(name) > len(featuresMap) && strings.EqualFold(name[:len(featuresMap)], featuresMap) {
		feature := name[len(featuresMap):]
		return &Field{Name: featuresMap + feature, Feature: feature, Doc: "a value of the feature " + feature}
	}
	if f, ok := byName[name]; ok {
		return f
	}
	return byName[strings.ToLower(name)]
}

var byName = func() map[string]*Field {
	names := make(map[string]*Field, len(fields))
	for _, f := range fields {
		names[f.Name] = f
	}
	return names
}()

// similar names up to three fields that somebody may have meant by name, best first.
func similar(name string) []string {
	name = strings.ToLower(name)
	var near, related []string
	best := 3 // edits; one in four characters at most
	for _, f := range fields {
		if f.Hidden {
			continue
		}
		if d := edits(name, f.Name); d < best && d*4 <= len(name)+3 {
			best, near = d, append(near[:0], f.Name)
		} else if d == best {
			near = append(near, f.Name)
		}
		if parts := strings.Split(f.Name, "."); len(parts) == 2 && slices.Contains(parts, name) {
			related = append(related, f.Name)
		}
	}
	if best == 3 {
		near = related
	}
	return near[:min(len(near), 3)]
}

// edits counts the letters to insert, remove, replace or swap with their neighbour to make b of a (optimal string alignment).
// Names that are too different by their length are 99 apart.
func edits(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 99
	}
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(old[j]+cost, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}

// Fold makes one text of those that differ in upper and lower case only, character by character.
func Fold(text string) string { return strings.ToLower(text) }
