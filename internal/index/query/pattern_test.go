package query

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		match, other    string // separated by spaces
	}{
		{"abc", "abc", "abc ABC", "ab abcd"},
		{"a*", "a", "a abc Axx", "ba"},
		{"*.exe", "", ".exe x.exe a.exe.EXE", "x.exe1 exe"},
		{"a*b*c", "a", "abc aXbXc abbcc", "acb ab bc"},
		{"a*a", "a", "aa aba", "a ab"},
		{"?", "", "a ü 恶", "aa"},
		{"a?c", "a", "abc aüc", "ac abbc"},
		{"*a?c*", "", "abc xxabcxx aaxc aabc", "ac axx"},
		{"*??", "", "ab abc", "a"},
		{`a\*b`, "a*b", "a*b", "aXb"},
		{`\?*`, "?", "? ?x", "x"},
		{`a\\*`, `a\`, `a\ a\b`, "a ab"},
		{`a\`, `a\`, `a\`, "a"},
		{"**", "", "a bc", ""},
		{"Ünï*", "ünï", "ünïcode ÜNÏ", "uni"},
	} {
		p, err := Compile(c.pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		if p.Prefix() != c.prefix {
			t.Errorf("%s begins with %q", c.pattern, p.Prefix())
		}
		for _, text := range strings.Fields(c.match) {
			if !p.Match(text) {
				t.Errorf("%s does not match %s", c.pattern, text)
			}
		}
		for _, text := range strings.Fields(c.other) {
			if p.Match(text) {
				t.Errorf("%s matches %s", c.pattern, text)
			}
		}
	}
	exact, _ := Compile("Ab*", false)
	if !exact.Match("Abc") || exact.Match("abc") || exact.Prefix() != "Ab" || !exact.IsPrefix() {
		t.Error("without folding, upper and lower case differ")
	}
	if (Pattern{}).Match("a") || !(Pattern{}).Match("") {
		t.Error("the zero pattern matches the empty text alone")
	}
}

// TestPatternLikeRegexp compares with regular expressions, over few letters so that much matches.
func TestPatternLikeRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("abü*?")), 0, 12, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abüA")), 0, 20, -1).Draw(t, "text")
		fold := rapid.Bool().Draw(t, "fold")
		p, err := Compile(pattern, fold)
		if err != nil {
			t.Fatal(err)
		}
		expr := strings.NewReplacer("*", ".*", "?", ".").Replace(regexp.QuoteMeta(pattern))
		expr = strings.NewReplacer(`\.*`, ".*", `\.`, ".").Replace(expr)
		re := regexp.MustCompile("^(?s:" + expr + ")$")
		if fold {
			re = regexp.MustCompile("^(?is:" + expr + ")$")
		}
		if got, want := p.Match(text), re.MatchString(text); got != want {
			t.Fatalf("%s matches %s: %v", pattern, text, got)
		}
		if p.Match(text) {
			if !strings.HasPrefix(text, p.Prefix()) && !strings.HasPrefix(Fold(text), p.Prefix()) {
				t.Fatalf("%s does not begin with %s", text, p.Prefix())
			}
		}
	})
}

func TestEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune(`a*?\ü`))).Draw(t, "text")
		p, err := Compile(escape(text), false)
		if err != nil || !p.Match(text) || p.Match(text+"x") || p.Prefix() != text || literalOf(escape(text)) != text {
			t.Fatalf("%q is escaped as %q: %v", text, escape(text), err)
		}
	})
}

// BenchmarkPatternHostile is a pattern that makes naive matchers go back and forth.
func BenchmarkPatternHostile(b *testing.B) {
	p, err := Compile("*"+strings.Repeat("a", 31)+"?"+strings.Repeat("a", 31)+"b*", false)
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("a", 10_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		p.Match(text)
	}
}
