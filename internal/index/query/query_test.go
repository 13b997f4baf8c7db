package query

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"
)

var testNow = time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC)

// TestParse reads testdata/parse: each line is a query and what it is understood as.
func TestParse(t *testing.T) {
	datadriven.Walk(t, "testdata/parse", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				fmt.Fprintln(&out, understood(t, strings.TrimSuffix(line, "\n")))
			}
			return out.String()
		})
	})
}

// understood writes what a query means, or what is wrong with it.
func understood(t *testing.T, query string) string {
	e, err := Parse(query, testNow)
	if err != nil {
		return err.Error()
	}
	again, err := Parse(Format(e), testNow)
	if err != nil || again.String() != e.String() {
		t.Errorf("%s\nis written as %s\nwhich is %v, %v\ninstead of %s", query, Format(e), again, err, e)
	}
	return e.String()
}

func TestEmpty(t *testing.T) {
	for _, query := range []string{"", " ", "\t\n\u00a0\u3000"} {
		if e, err := Parse(query, testNow); err != nil || e != (All{}) {
			t.Errorf("%q: %v, %v", query, e, err)
		}
	}
}

func TestColumns(t *testing.T) {
	e, err := Parse("é (ü\tOR size:>1)", testNow)
	if err != nil {
		t.Fatal(err)
	}
	parts := e.(And)
	if got := []int{parts[0].(*Term).Column, parts[1].(Or)[0].(*Term).Column, parts[1].(Or)[1].(*Term).Column}; fmt.Sprint(got) != "[1 4 9]" {
		t.Errorf("columns %v", got)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		query, want string
	}{
		{strings.Repeat("ü", 10_000), ""},
		{strings.Repeat("ü", 10_001), "column 10001: the query is too long"},
		{strings.Repeat("x ", 1_000), ""},
		{strings.Repeat("x ", 1_001), "column 2001: the query has too many terms"},
		{strings.Repeat("(", 100) + "x" + strings.Repeat(")", 100), ""},
		{strings.Repeat("(", 101) + "x" + strings.Repeat(")", 101), "column 101: the query is nested too deep"},
		{strings.Repeat("!", 100) + "x", ""},
		{strings.Repeat("!", 9_999) + "x", "column 101: the query is nested too deep"},
		{strings.Repeat("not ", 101) + "x", "column 401: the query is nested too deep"},
		{strings.Repeat("(", 5_000), "column 101: the query is nested too deep"},
		{strings.Repeat(")", 5_000), "column 1: this bracket closes none"},
		{strings.Repeat(`"`, 9_999), "column 3: the text goes on behind the closing quote"},
		{strings.Repeat("*", 9_000), ""},
		{"ü\xff", "column 2: this is not UTF-8"},
		{"\xed\xa0\x80", "column 1: this is not UTF-8"}, // a surrogate
		{"\ufffd x", ""},
		{"a\x00b", ""},
	} {
		_, err := Parse(c.query, testNow)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.20q…: %v", c.query, err)
		}
	}
}

// TestWideScope: alternating operators within one another are joined without doing the same again and again.
func TestWideScope(t *testing.T) {
	query := strings.Repeat("a DOCAND (b OR (", 49) + strings.Repeat("x AND ", 800) + "y" + strings.Repeat("))", 49)
	if _, err := Parse(query, testNow); err != nil {
		t.Fatal(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"", "a:b", `filename:"x y" OR NOT (size:{1kb TO 2.5MiB] DOCAND -b)`, "timestamp:[now-7d TO 2024-01]", `features.value:"C:\temp\"`,
		`'a\'b*' *a?b* "features_map.a b":x`, "features.enriched.ip:10.0.0.0/8 sha256:abcd", "x\xff", "size: AND a", "features.enriched.float:>-1e5",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		e, err := Parse(query, testNow)
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Column < 1 || bad.Column > utf8.RuneCountInString(query)+1 || bad.Message == "" {
				t.Fatalf("%q: %v names no column of it", query, err)
			}
			return
		}
		again, err := Parse(Format(e), testNow)
		if err != nil {
			if len(query) > 1_000 { // quotes and escapes may make it too long
				return
			}
			t.Fatalf("%q is written as %q: %v", query, Format(e), err)
		}
		if again.String() != e.String() {
			t.Fatalf("%q is %s, but written as %q it is %s", query, e, Format(e), again)
		}
	})
}

func FuzzComplete(f *testing.F) {
	for _, text := range []string{"", "file", "source.name:te", `source.name:"te`, "size:[1 TO", "a AND ", "(source.na", "sorce.name:x", "timestamp:>now-"} {
		f.Add(text, len(text)-1)
	}
	f.Fuzz(func(t *testing.T, text string, offset int) {
		c := Complete(text, offset)
		n := utf8.RuneCountInString(text)
		if c.Kind == KindError && (c.Column < 1 || c.Column > n+1 || c.Message == "") || c.Start < 0 || c.Start > c.End || c.End > n {
			t.Fatalf("%q at %d: %+v", text, offset, c)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const query = `source.name:"testing" OR source.name:"b" !depth:1 size:>100kb features_map.domain:"evil.example" DOCAND timestamp:>now-7d filename:inv*.pdf`
	b.ReportAllocs()
	b.SetBytes(int64(len(query)))
	for b.Loop() {
		if _, err := Parse(query, testNow); err != nil {
			b.Fatal(err)
		}
	}
}
