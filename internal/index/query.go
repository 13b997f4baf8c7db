package index

import (
	"fmt"
	"strings"
)

// Expr is a parsed query: And or Term.
type Expr interface {
	// String writes the expression in brackets, for tests and for people who wonder what their query means.
	String() string
}

// And matches what all of its parts match; without parts it matches everything.
type And []Expr

// Term is one condition on a file. Op is = (exact), ^ (begins with), ~ (contains), > or <.
type Term struct {
	Field string // one of Fields, or "" for a bare word
	Op    string
	Value string
	Size  int64 // the value of the field size, in bytes
}

func (a And) String() string {
	parts := make([]string, len(a))
	for i, e := range a {
		parts[i] = e.String()
	}
	return "(and " + strings.Join(parts, " ") + ")"
}

func (t Term) String() string {
	field := t.Field
	if field == "" {
		field = "any"
	}
	if t.Field == "size" {
		return fmt.Sprintf("(%s size %d)", t.Op, t.Size)
	}
	return fmt.Sprintf("(%s %s %q)", t.Op, field, t.Value)
}

// Fields lists the names that a query may use before a colon, sorted.
func Fields() []string {
	return []string{"features.name", "features.value", "file_format", "filename", "md5", "mime", "sha1", "sha256", "size", "source.name"}
}

// QueryError says what is wrong with a query, and where: Column counts characters from 1.
type QueryError struct {
	Column int
	Want   string
}

func (e *QueryError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Want) }
