// Package query is the language in which people and programs ask for files; docs/search.md teaches it.
//
// Parse makes an Expr of a text, Format a text of an Expr, and Complete says what may be written at a cursor. The package knows
// which fields there are and what they hold, but nothing of where that is kept: internal/index gives an Expr its answer.
//
// What an Expr says is said of a file, of which the platform knows through documents: one for each submission, extraction or
// plugin's result. A Term holds for a file when one of its documents says so. Start at parser.level, which holds the precedence.
package query

import (
	"fmt"
	"net/netip"
)

// Expr is All, And, Or, Not, Doc or *Term. Parse nests them at most maxDepth deep, so recursion over one is safe.
type Expr interface {
	// String writes the expression in brackets, for tests and for people who wonder what their query means.
	String() string
}

// All matches every file.
type All struct{}

// And matches a file when all parts do, each perhaps by another document of the file. It has two parts or more, none of them
// an And, and does not occur inside a Doc.
type And []Expr

// Or matches when one part does. It has two parts or more, none of them an Or.
type Or []Expr

// Not matches a file when Expr does not: of a Term or a Doc, when no document of the file matches. Inside a Doc it speaks of
// the document there.
type Not struct{ Expr Expr }

// Doc matches a file of which one document matches all parts (DOCAND). What its parts say of fields of the scope Feature must
// hold for one and the same feature of that document. It has two parts or more, none of them a Doc or an And.
type Doc []Expr

// Op is what a term asks of its field.
type Op int

// The operations. A field of text has Exists, Is and Like; a hash likewise, where a part of one is a Like; a number, size or
// time has Exists and Range, and an address all four.
const (
	Exists Op = iota // there is a value
	Is               // a value equals Text
	Like             // a value matches Pattern
	Range            // a value lies between Min and Max
)

// Term is one condition on one field, or a bare word.
type Term struct {
	Field   *Field // nil for a bare word, which is Is or Like
	Column  int    // where the term begins, counted in characters from 1
	Op      Op
	Text    string  // Is: the value, as written but for hashes (lower case) and addresses (canonical). Like: Pattern's text
	Exact   bool    // upper and lower case differ; otherwise compare what Fold makes of both sides. Never for hashes
	Pattern Pattern // Like; folds when Exact is not set
	Min     Bound   // Range; one of both is Set at least
	Max     Bound
}

// Bound is one end of a range. Min of a time is never open and Max always, so "in January" is [01-01, 02-01).
type Bound struct {
	Value    int64      // Integer; Size, in bytes; Time, in microseconds since 1970 in UTC
	Float    float64    // Float
	Addr     netip.Addr // Address
	Open     bool       // the value itself is outside
	Set      bool       // there is a bound
	Relative string     // a time that was written as now-7d: so that Format does not freeze it
}

// Error says what is wrong with a query. Every error of Parse is one.
type Error struct {
	Column  int    // counted in characters from 1; one behind the last when something is missing at the end
	Message string // what is wrong
	Want    string // what was expected there, or ""

	at         int  // the column in bytes from 0
	unfinished bool // more text could mend it: what somebody has who is still typing
}

func (e *Error) Error() string {
	return fmt.Sprintf("column %d: %s", e.Column, e.text())
}

// text is the error without its column.
func (e *Error) text() string {
	if e.Want == "" {
		return e.Message
	}
	return e.Message + "; expected " + e.Want
}

// Limits of a query.
const (
	maxLength = 10_000 // characters
	maxTerms  = 1_000
	maxDepth  = 100 // brackets and negations within one another
)
