package query

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func (All) String() string   { return "(all)" }
func (a And) String() string { return list("and", a) }
func (o Or) String() string  { return list("or", o) }
func (d Doc) String() string { return list("doc", d) }
func (n Not) String() string { return list("not", []Expr{n.Expr}) }

func list(head string, parts []Expr) string {
	var b strings.Builder
	b.WriteString("(" + head)
	for _, part := range parts {
		b.WriteByte(' ')
		b.WriteString(part.String())
	}
	b.WriteByte(')')
	return b.String()
}

// String writes (has size), (= filename "a") or (== …) if upper and lower case differ, (~ filename "a*") or (~~ …) for patterns,
// and (>= size 10), (in size [10 20)) or (= size 10) for ranges.
func (t *Term) String() string {
	name := "any"
	if t.Field != nil {
		name = t.Field.Name
		if strings.ContainsFunc(name, func(r rune) bool { return !ordinary(r) }) {
			name = strconv.Quote(name)
		}
	}
	op := map[Op]string{Is: "=", Like: "~"}[t.Op]
	if t.Exact {
		op += op
	}
	switch {
	case t.Op == Exists:
		return "(has " + name + ")"
	case t.Op != Range:
		return "(" + op + " " + name + " " + strconv.Quote(t.Text) + ")"
	case !t.Max.Set:
		return "(" + pick(t.Min.Open, ">", ">=") + " " + name + " " + t.show(t.Min) + ")"
	case !t.Min.Set:
		return "(" + pick(t.Max.Open, "<", "<=") + " " + name + " " + t.show(t.Max) + ")"
	case t.Min == t.Max:
		return "(= " + name + " " + t.show(t.Min) + ")"
	}
	return "(in " + name + " " + pick(t.Min.Open, "(", "[") + t.show(t.Min) + " " + t.show(t.Max) + pick(t.Max.Open, ")", "]") + ")"
}

func pick(open bool, yes, no string) string {
	if open {
		return yes
	}
	return no
}

// show writes a bound as a query has it, so that its own first moment is meant.
func (t *Term) show(b Bound) string {
	switch t.Field.Type {
	case Float:
		return strconv.FormatFloat(b.Float, 'g', -1, 64)
	case Address:
		return b.Addr.String()
	case Time:
		if b.Relative != "" {
			return b.Relative
		}
		return showTime(b.Value)
	}
	return strconv.FormatInt(b.Value, 10)
}

// precisions are the ways to write a time, from a year to a microsecond, each with the first moment behind what it covers.
var precisions = []struct {
	layout string
	next   func(time.Time) time.Time
}{
	{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
	{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"2006-01-02T15", func(t time.Time) time.Time { return t.Add(time.Hour) }},
	{"2006-01-02T15:04", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04:05", func(t time.Time) time.Time { return t.Add(time.Second) }},
	{"2006-01-02T15:04:05.0", func(t time.Time) time.Time { return t.Add(time.Second / 10) }},
	{"2006-01-02T15:04:05.00", func(t time.Time) time.Time { return t.Add(time.Second / 100) }},
	{"2006-01-02T15:04:05.000", func(t time.Time) time.Time { return t.Add(time.Millisecond) }},
	{"2006-01-02T15:04:05.0000", func(t time.Time) time.Time { return t.Add(time.Millisecond / 10) }},
	{"2006-01-02T15:04:05.00000", func(t time.Time) time.Time { return t.Add(time.Millisecond / 100) }},
	{"2006-01-02T15:04:05.000000", func(t time.Time) time.Time { return t.Add(time.Microsecond) }},
}

// showTime writes a time as short as says it: a day, if it is a day's beginning, or else with hours, or more. What lies beyond
// the years 0 to 9999 was written in milliseconds, and is.
func showTime(micros int64) string {
	t := time.UnixMicro(micros).UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return strconv.FormatInt(micros/1000, 10)
	}
	for _, p := range precisions[2:] {
		if text := t.Format(p.layout); same(text, p.layout, t) {
			return text
		}
	}
	return strconv.FormatInt(micros/1000, 10)
}

func same(text, layout string, t time.Time) bool {
	back, err := time.Parse(layout, text)
	return err == nil && back.Equal(t)
}

// period returns how to write that a time lies in [min, max) if that is a year, a month, … or a microsecond.
func period(min, max int64) (string, bool) {
	t := time.UnixMicro(min).UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return strconv.FormatInt(min/1000, 10), max == min+1000
	}
	for _, p := range precisions {
		if text := t.Format(p.layout); p.next(t).UnixMicro() == max && same(text, p.layout, t) {
			return text, true
		}
	}
	return "", false
}

// Format writes a query that Parse reads as e: for links and for searches that are kept. Columns may differ, and relative times
// stay relative.
func Format(e Expr) string {
	if _, ok := e.(All); ok {
		return ""
	}
	return format(e, false)
}

// format puts brackets around what joins several terms when it is part of something.
func format(e Expr, inner bool) string {
	var parts []Expr
	var operator string
	switch e := e.(type) {
	case *Term:
		return e.format()
	case Not:
		return "NOT " + format(e.Expr, true)
	case And:
		parts, operator = e, " AND "
	case Or:
		parts, operator = e, " OR "
	case Doc:
		parts, operator = e, " DOCAND "
	default:
		return "*"
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = format(part, true)
	}
	text := strings.Join(texts, operator)
	if inner {
		return "(" + text + ")"
	}
	return text
}

func (t *Term) format() string {
	name := ""
	if t.Field != nil {
		name = t.Field.Name
		if strings.ContainsFunc(name, func(r rune) bool { return !ordinary(r) }) {
			name = quoted(name, '"', false)
		}
		name += ":"
	}
	switch t.Op {
	case Exists:
		return name
	case Is:
		return name + t.formatText()
	case Like:
		return name + t.formatPattern()
	}
	return name + t.formatRange()
}

func (t *Term) formatText() string {
	switch {
	case t.Exact:
		return quoted(t.Text, '"', false)
	case t.Field != nil && t.Field.Type == Address:
		return quoted(t.Text, '"', false)
	case t.simple(t.Text):
		return t.Text
	}
	return quoted(t.Text, '\'', false)
}

// formatPattern writes a pattern as a word, as which it must have come, unless all it has is a star at its end.
func (t *Term) formatPattern() string {
	prefix := t.Pattern.IsPrefix()
	literal := literalOf(strings.TrimSuffix(t.Text, "*"))
	switch {
	case t.Exact:
		return quoted(literal, '"', true)
	case prefix && !t.simple(literal):
		return quoted(literal, '\'', true)
	case prefix:
		return literal + "*"
	}
	return strings.ReplaceAll(t.Text, `\\`, `\`)
}

func (t *Term) formatRange() string {
	min, max := t.Min, t.Max
	switch {
	case !max.Set:
		return pick(min.Open, ">", ">=") + t.show(min)
	case !min.Set:
		return pick(max.Open, "<", "<=") + t.show(max)
	case t.Field.Type == Address:
		for bits := range max.Addr.BitLen() + 1 {
			if p := netip.PrefixFrom(min.Addr, bits); !min.Open && !max.Open && p.Masked().Addr() == min.Addr && lastOf(p) == max.Addr {
				return `"` + p.String() + `"`
			}
		}
	case min == max:
		return t.show(min)
	case t.Field.Type == Time && min.Relative == "" && max.Relative == "":
		if text, ok := period(min.Value, max.Value); ok {
			return text
		}
	}
	return pick(min.Open, "{", "[") + t.show(min) + " TO " + t.show(max) + pick(max.Open, "}", "]")
}

// simple tells whether a text means itself without quotes. It is careful: quotes are never wrong.
func (t *Term) simple(text string) bool {
	if text == "" || !unicode.IsLetter(rune(text[0])) && (text[0] < '0' || text[0] > '9') || slices.Contains(operators, strings.ToUpper(text)) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !ordinary(r) && (t.Field == nil || r > unicode.MaxASCII || !strings.ContainsRune(`:/\,;+=@#$%&~|<>!^`, r))
	})
}

// ordinary characters are never anything but themselves.
func ordinary(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-'
}

// quoted puts a text in quotes. A star at its end is escaped, unless it is one.
func quoted(text string, quote byte, star bool) string {
	var b strings.Builder
	b.WriteByte(quote)
	// Behind a drive these escapes would be taken as they stand: see scanner.quoted.
	drive := len(text) > 1 && letter(text[0]) && text[1] == ':'
	for i := 0; i < len(text); i++ {
		c := text[i]
		if n := strings.IndexByte("\n\r\t", c); n >= 0 && !drive {
			b.WriteByte('\\')
			c = "nrt"[n]
		} else if c == '\\' || c == quote || c == '*' && i+1 == len(text) && !star {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	if star {
		b.WriteByte('*')
	}
	b.WriteByte(quote)
	return b.String()
}
