package query

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// alike compares expressions but for columns.
var alike = cmp.Options{
	cmpopts.IgnoreFields(Term{}, "Column"),
	cmp.Comparer(func(a, b Pattern) bool { return a.text == b.text && a.fold == b.fold }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// TestFormat: whatever Parse can make is written so that it reads the same.
func TestFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExpr(4).Draw(t, "expr")
		query := Format(e)
		again, err := Parse(query, testNow)
		if err != nil {
			t.Fatalf("%s is written as %s: %v", e, query, err)
		}
		if diff := cmp.Diff(e, again, alike); diff != "" {
			t.Fatalf("%s is written as %s: %s", e, query, diff)
		}
		if again.String() != e.String() {
			t.Fatalf("%s is written as %s and read as %s", e, query, again)
		}
	})
}

// TestFormatKeepsRelativeTimes: a search that is kept goes on to mean the last seven days.
func TestFormatKeepsRelativeTimes(t *testing.T) {
	e, err := Parse("timestamp:>now-7d", testNow)
	if err != nil {
		t.Fatal(err)
	}
	later := testNow.AddDate(0, 1, 0)
	again, err := Parse(Format(e), later)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.(*Term).Min.Value, later.AddDate(0, 0, -7).UnixMicro(); got != want {
		t.Errorf("%s means %s", Format(e), time.UnixMicro(got).UTC())
	}
}

func anyExpr(depth int) *rapid.Generator[Expr] {
	return rapid.Custom(func(t *rapid.T) Expr {
		kind := 0
		if depth > 0 {
			kind = rapid.IntRange(0, 7).Draw(t, "kind")
		}
		parts := func() []Expr { return rapid.SliceOfN(anyExpr(depth-1), 2, 4).Draw(t, "parts") }
		switch kind {
		case 1:
			return and(parts())
		case 2:
			return or(parts())
		case 3:
			return doc(parts())
		case 4:
			return Not{anyExpr(depth-1).Draw(t, "part")}
		case 5:
			return All{}
		}
		return anyTerm(t)
	})
}

// awkward is text of what has a meaning somewhere.
func awkward() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("aZ9:\\\"' \n\r\t*?()[]{}=<>-!&|/.,üC\u00a0恶")), 1, 12, -1),
		rapid.StringN(1, 12, -1).Filter(func(s string) bool { return strings.ToValidUTF8(s, "") == s }),
		rapid.SampledFrom([]string{"and", "OR", "Not", "docand", "to", "C:\n", "C:\\new", "C:*", "c:\t*", "a\\", "\\", "\\\\x\\y", "size:1", "size>1",
			"http://a/b", "-", "--", "!", "a\"", "1 TO 2", "[a TO b]", "a:", "host.example:80", "&&", "::1", "now"}),
	)
}

func anyTerm(t *rapid.T) *Term {
	if rapid.IntRange(0, 4).Draw(t, "bare") == 0 {
		return anyText(t, &Term{})
	}
	var f *Field
	if rapid.IntRange(0, 4).Draw(t, "of the map") == 0 {
		f = Lookup(featuresMap + awkward().Draw(t, "feature"))
	} else {
		f = rapid.SampledFrom(fields).Draw(t, "field")
	}
	term := &Term{Field: f}
	switch {
	case rapid.IntRange(0, 9).Draw(t, "exists") == 0:
		return term
	case f.Type == Text:
		return anyText(t, term)
	case f.Type == Hash:
		term.Op = Is
		term.Text = rapid.StringMatching("[0-9a-f]{128}").Draw(t, "hash")[:f.Digits]
		if digits := rapid.IntRange(1, f.Digits).Draw(t, "digits"); digits < f.Digits {
			term.Op, term.Text = Like, term.Text[:digits]+"*"
			term.Pattern, _ = Compile(term.Text, true)
		}
		return term
	}
	term.Op = Range
	low, high := anyBounds(t, f)
	term.Min, term.Max = low, high
	switch rapid.IntRange(0, 3).Draw(t, "ends") {
	case 0:
		if f.Type != Address {
			term.Min = Bound{}
		}
	case 1:
		if f.Type != Address {
			term.Max = Bound{}
		}
	}
	if f.Type == Address && low == high {
		return &Term{Field: f, Op: Is, Text: low.Addr.String()}
	}
	return term
}

func anyText(t *rapid.T, term *Term) *Term {
	term.Exact = rapid.Bool().Draw(t, "exact")
	text := awkward().Draw(t, "text")
	switch rapid.IntRange(0, 2).Draw(t, "op") {
	case 0:
		term.Op, term.Text = Is, text
		return term
	case 1: // a word
		term.Op, term.Exact = Like, false
		text = "a" + rapid.StringMatching(`[a-zü\\/0-9]{0,3}[*?][a-zü\\/0-9*?]{0,9}`).Draw(t, "pattern")
		term.Text = strings.ReplaceAll(text, `\`, `\\`)
	case 2:
		term.Op, term.Text = Like, escape(text)+"*"
	}
	term.Pattern, _ = Compile(term.Text, !term.Exact)
	return term
}

// anyBounds returns two bounds between which something may lie.
func anyBounds(t *rapid.T, f *Field) (low, high Bound) {
	low.Set, high.Set = true, true
	switch f.Type {
	case Float:
		low.Float = rapid.Float64Range(-1e300, 1e300).Draw(t, "low") + 0
		high.Float = max(low.Float, rapid.Float64Range(-1e300, 1e300).Draw(t, "high")+0)
	case Time:
		if rapid.IntRange(0, 4).Draw(t, "relative") == 0 {
			s, err := parseTime(rapid.SampledFrom([]string{"now", "now-7d", "now-1M+3h"}).Draw(t, "low"), testNow)
			if err != nil {
				t.Fatal(err)
			}
			return s.from, Bound{Value: s.from.Value + 1e9, Open: true, Set: true}
		}
		year := int64(365 * 24 * time.Hour / time.Microsecond)
		step := rapid.SampledFrom([]int64{1, 1000, 1e6, 60e6, 3600e6, 86400e6}).Draw(t, "step")
		low.Value = rapid.Int64Range(-1900*year, 7000*year).Draw(t, "low") / step * step
		high.Value = low.Value + step*rapid.Int64Range(1, 3).Draw(t, "steps")
		high.Open = true
		return low, high
	case Address:
		anyAddr := rapid.Custom(func(t *rapid.T) netip.Addr {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "bytes")))
		})
		if rapid.Bool().Draw(t, "network") {
			network := netip.PrefixFrom(anyAddr.Draw(t, "network"), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
			low.Addr, high.Addr = network.Addr(), lastOf(network)
			return low, high
		}
		low.Addr, high.Addr = anyAddr.Draw(t, "low"), anyAddr.Draw(t, "high")
		if high.Addr.Less(low.Addr) {
			low, high = high, low
		}
		if low.Addr == high.Addr {
			return low, high
		}
	default:
		low.Value = rapid.Int64().Draw(t, "low")
		high.Value = max(low.Value, rapid.Int64().Draw(t, "high"))
	}
	if low.Value < high.Value || low.Float < high.Float || f.Type == Address {
		low.Open, high.Open = rapid.Bool().Draw(t, "low open"), rapid.Bool().Draw(t, "high open")
	}
	return low, high
}

func TestShowTime(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "1970-01-01", 1: "1970-01-01T00:00:00.000001", 3600e6: "1970-01-01T01", 60e6: "1970-01-01T00:01", -1e6: "1969-12-31T23:59:59",
		math.MaxInt64 / 1000 * 1000: "9223372036854775",
	} {
		if got := showTime(micros); got != want {
			t.Errorf("%d: %s", micros, got)
		}
	}
}
