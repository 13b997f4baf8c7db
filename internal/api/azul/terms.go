package azul

import (
	"strings"
	"time"

	"lazuli/internal/index/query"
)

// everything matches every file.
var everything query.Expr = query.All{}

// equals says that a field of text has a value, letter by letter.
func equals(field, value string) query.Expr {
	return &query.Term{Field: query.Lookup(field), Op: query.Is, Text: value, Exact: true}
}

// same says that one document has all parts.
func same(parts ...query.Expr) query.Expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return query.Doc(parts)
}

// by adds to conditions who made the document; what is "" is anybody.
func by(author, version string, parts ...query.Expr) query.Expr {
	if author != "" {
		parts = append(parts, equals("author.name", author))
	}
	if version != "" {
		parts = append(parts, equals("author.version", version))
	}
	return same(parts...)
}

// partEquals says that a part of a feature's value is a text: false when it never is, because there is no such part or the text is no
// value of its type.
func partEquals(part, text string, now time.Time) (query.Expr, bool) {
	name := enrichedPrefix + part
	switch part {
	case "filepath_unix":
		name = enrichedPrefix + "filepath.tree"
	case "filepath_unixr":
		name = enrichedPrefix + "filepath.tree_reversed"
	}
	f := query.Lookup(name)
	if f == nil {
		return nil, false
	}
	if f.Type == query.Text {
		return equals(name, text), true
	}
	e, err := query.Parse(name+":\""+quoteEscaper.Replace(text)+"\"", now)
	return e, err == nil
}

var quoteEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
