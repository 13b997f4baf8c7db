package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"

	"lazuli/internal/index/query"
)

type completeInput struct {
	Narrowed
	Q     string `query:"q" maxLength:"40000" doc:"the query as far as it is written"`
	At    int    `query:"at" default:"-1" minimum:"-1" doc:"where the cursor stands, in UTF-16 units as browsers count; -1 is the end"`
	Limit int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
}

// completions replace what stands in the query between two places, counted in UTF-16 units.
type completions struct {
	From  int          `json:"from"`
	To    int          `json:"to"`
	Items []completion `json:"items"`
}

// completion is one text that may stand there, and what to say of it: what a field holds, or how many files have a value.
type completion struct {
	Insert string `json:"insert"`
	Detail string `json:"detail"`
}

// Likely fields: those offered when nothing is written, and those whose values a bare word may be the beginning of.
var (
	firstFields = []string{"filename", "file_format", "source.name", "binary.tag", "features.name", "features.value", "author.name", "size", "timestamp", "action"}
	wordFields  = []string{"filename", "file_format", "binary.tag", "source.name", "author.name"}
)

// Bounds on what is offered for a bare word: so many names of fields in front of values, and so many values of each field.
const (
	wordNames  = 8
	wordValues = 4
)

// written are beginnings of values of types whose values are not counted.
var written = map[query.Type][]completion{
	query.Time: {{">now-1d", "in the last day"}, {">now-7d", "in the last seven days"}, {">now-1M", "in the last month"}, {"<now-1y", "over a year ago"}},
	query.Size: {{"<10KiB", "smaller than 10,240 bytes"}, {">1MiB", "larger than 1,048,576 bytes"}, {"[1KiB TO 1MiB]", "between two sizes"}},
}

func (a *API) complete(ctx context.Context, in *completeInput) (*struct{ Body completions }, error) {
	at := len(in.Q)
	if in.At >= 0 {
		at = bytesOfUTF16(in.Q, in.At)
	}
	c := completer{a: a, ctx: ctx, limit: in.Limit, list: []completion{}}
	found := query.Complete(in.Q, len([]rune(in.Q[:at])))
	if err := c.complete(&found); err != nil {
		return nil, a.problem(err)
	}
	out := completions{From: unitsUTF16(in.Q, found.Start), To: unitsUTF16(in.Q, found.End), Items: c.list}
	if found.Kind == query.KindInitial || found.Kind == query.KindNone { // nothing is there to be replaced
		out.From = len(utf16.Encode([]rune(in.Q[:at])))
		out.To = out.From
	}
	return &struct{ Body completions }{out}, nil
}

// bytesOfUTF16 is the place in bytes of one that is counted in UTF-16 units; the end for what is beyond it.
func bytesOfUTF16(text string, units int) int {
	for i, r := range text {
		if units <= 0 {
			return i
		}
		units -= max(utf16.RuneLen(r), 1)
	}
	return len(text)
}

// unitsUTF16 counts the UTF-16 units of the first n characters of a text.
func unitsUTF16(text string, n int) int {
	r := []rune(text)
	return len(utf16.Encode(r[:min(max(n, 0), len(r))]))
}

// completer gathers what may be offered.
type completer struct {
	a     *API
	ctx   context.Context
	limit int
	list  []completion
}

func (c *completer) add(insert, detail string) {
	if len(c.list) < c.limit {
		c.list = append(c.list, completion{insert, detail})
	}
}

func (c *completer) complete(at *query.Completion) error {
	switch at.Kind {
	case query.KindInitial, query.KindNone:
		for _, name := range firstFields {
			c.add(name+":", query.Lookup(name).Doc)
		}
	case query.KindFieldName:
		for _, f := range at.Names {
			c.add(f.Name, f.Doc)
		}
		if name, ok := strings.CutPrefix(at.Prefix, featurePrefix); ok {
			return c.features(name, "", c.limit)
		}
	case query.KindFieldValue:
		if at.Field != nil {
			return c.values(at)
		}
		if at.Key == "" {
			return c.word(at)
		}
	}
	return nil
}

// values offers the values of a field, in quotes if there are some already.
func (c *completer) values(at *query.Completion) error {
	if at.PrefixType == query.PrefixEmpty {
		for _, beginning := range written[at.Field.Type] {
			c.add(beginning.Insert, beginning.Detail)
		}
	}
	list, err := c.a.Index.Complete(c.ctx, readerOf(c.ctx), at.Field, at.Prefix, c.limit)
	for _, v := range list {
		c.add(valueText(at.Field, v.Value, at.PrefixType == query.PrefixExact), counted(at.Field, v.Count))
	}
	return ignoreUnsearchable(err)
}

const featurePrefix = "features_map."

// word offers what a bare word may become: the name of a field, a feature, or a value.
func (c *completer) word(at *query.Completion) error {
	if name, ok := strings.CutPrefix(at.Prefix, featurePrefix); ok {
		return c.features(name, ":", c.limit)
	}
	for _, f := range at.Names[:min(len(at.Names), wordNames)] {
		c.add(f.Name+":", f.Doc)
	}
	if at.Prefix == "" {
		return nil
	}
	if err := c.features(at.Prefix, ":", wordValues); err != nil {
		return err
	}
	for _, name := range wordFields {
		f := query.Lookup(name)
		list, err := c.a.Index.Complete(c.ctx, readerOf(c.ctx), f, at.Prefix, wordValues)
		if ignoreUnsearchable(err) != nil {
			return err
		}
		for _, v := range list {
			c.add(name+":"+valueText(f, v.Value, at.PrefixType == query.PrefixExact), counted(f, v.Count))
		}
	}
	return nil
}

// features offers fields that are named after features.
func (c *completer) features(prefix, behind string, limit int) error {
	names := query.Lookup("features.name")
	list, err := c.a.Index.Complete(c.ctx, readerOf(c.ctx), names, prefix, limit)
	for _, v := range list {
		exists := query.Format(&query.Term{Field: query.Lookup(featurePrefix + v.Value), Op: query.Exists})
		c.add(strings.TrimSuffix(exists, ":")+behind, "a feature of "+counted(names, v.Count))
	}
	return ignoreUnsearchable(err)
}

// valueText writes a value as it stands behind the colon.
func valueText(f *query.Field, value string, exact bool) string {
	term := &query.Term{Field: f, Op: query.Is, Text: value, Exact: exact}
	name := query.Format(&query.Term{Field: f, Op: query.Exists})
	return strings.TrimPrefix(query.Format(term), name)
}

func counted(f *query.Field, n int64) string {
	of := "file"
	if f.Name == "feature.tag" {
		of = "value"
	}
	if n != 1 {
		of += "s"
	}
	return strconv.FormatInt(n, 10) + " " + of
}

// ignoreUnsearchable: that an index cannot look for something is no error of who did not choose it.
func ignoreUnsearchable(err error) error {
	var bad *query.Error
	if errors.As(err, &bad) {
		return nil
	}
	return err
}
