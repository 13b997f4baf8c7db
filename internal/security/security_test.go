package security_test

import (
	"strings"
	"testing"
	"unicode"

	"lazuli/internal/security"
)

// ladder is a configuration with everything: OPEN and INNER have TLPs, CLOSED, VERY CLOSED and DEEP groups.
func ladder() security.Config {
	threshold, low, open := 30, 20, 1
	return security.Config{
		Labels: security.Labels{
			Classification: security.Classifications{Options: []security.Classification{
				{Name: "open", Priority: 1}, {Name: "OPEN: INNER", Priority: 20}, {Name: "CLOSED", Priority: 30},
				{Name: "VERY CLOSED", Priority: 40}, {Name: "DEEP", Priority: 50},
			}},
			Caveat: security.Caveats{Options: []security.Caveat{
				{Name: "EYES ONLY"}, {Name: "DRAFT", MaxPriority: &low}, {Name: "VAULT", MinPriority: 40}, {Name: "PRESS", MaxPriority: &open},
			}},
			Releasability: security.Releasability{Origin: "REL:HOME", OriginAltName: "US", Options: []security.Group{
				{Name: "REL:HOME"}, {Name: "rel:east"}, {Name: "REL:WEST"},
			}},
			TLP: security.TLPs{Options: []security.TLP{
				{Name: "TLP:CLEAR"}, {Name: "TLP:GREEN"}, {Name: "TLP:AMBER", Enforce: true}, {Name: "TLP:RED", Enforce: true},
			}},
		},
		Default: "open", Presets: []string{"open tlp:green", "closed rel:us"}, RelPriority: &threshold,
		Required: []string{"open", "REL:HOME"}, AdminRoles: []string{"admin"},
	}
}

func scheme(t testing.TB, c security.Config) *security.Scheme {
	t.Helper()
	s, err := security.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, s *security.Scheme, text string) security.Label {
	t.Helper()
	l, err := s.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNormalForm(t *testing.T) {
	s := scheme(t, ladder())
	for _, c := range []struct{ text, want string }{
		{"open", "OPEN"},
		{"  Open//tlp:green  ", "OPEN TLP:GREEN"},
		{`TLP:CLEAR\OPEN`, "OPEN TLP:CLEAR"},
		{"OPEN: INNER", "OPEN: INNER"},
		{"OPEN OPEN: INNER open", "OPEN: INNER"},
		{"VERY CLOSED", "VERY CLOSED"},
		{"CLOSED VERY CLOSED", "VERY CLOSED"},
		{"TLP:CLEAR TLP:AMBER OPEN TLP:GREEN", "OPEN TLP:AMBER"},
		{"CLOSED TLP:RED", "CLOSED"},
		{"CLOSED REL:WEST REL:HOME,EAST,,", "CLOSED REL:EAST,HOME,WEST"},
		{"CLOSED//REL:US", "CLOSED REL:HOME"},
		{"REL:HOME OPEN DEEP", "DEEP REL:HOME"},
		{"OPEN PRESS DRAFT EYES ONLY", "OPEN EYES ONLY DRAFT PRESS"},
		{"OPEN: INNER PRESS DRAFT", "OPEN: INNER DRAFT"},
		{"CLOSED VAULT EYES ONLY", "CLOSED EYES ONLY"},
		{"DEEP VAULT", "DEEP VAULT"},
	} {
		got, err := s.Normalise(c.text)
		if err != nil || got != c.want {
			t.Errorf("%q is %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestNoLabel(t *testing.T) {
	s := scheme(t, ladder())
	for _, c := range []struct{ text, want string }{
		{"", "no classification"},
		{"EYES ONLY TLP:GREEN", "no classification"},
		{"OPEN SECRET", `unknown label "SECRET"`},
		{"SECRET", `unknown label "SECRET"`},
		{"OPEN EYES", `unknown label "EYES"`},
		{"VERY OPEN", `unknown label "VERY"`},
		{"CLOSED REL:HOME,NOWHERE", `unknown label "REL:NOWHERE"`},
		{"CLOSED REL: HOME", "REL: must name a group"},
		{"CLOSED XREL:HOME", `unknown label "XREL:HOME"`},
		{"CLOSED REL:EAST", "REL:HOME must be among them"},
		{"OPEN REL:HOME", "OPEN must not name groups"},
		{"OPEN\xff", "unknown label"},
		{strings.Repeat("OPEN ", 1000), "too long"},
	} {
		l, err := s.Parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: %v, %v; want %q", c.text, l, err, c.want)
		}
		if l != (security.Label{}) || l.String() != "" {
			t.Errorf("%.80q: an error with the label %v", c.text, l)
		}
	}
}

func TestCanAccess(t *testing.T) {
	s := scheme(t, ladder())
	for _, c := range []struct {
		reader, guarded string
		want            bool
	}{
		{"OPEN", "OPEN", true},
		{"CLOSED", "OPEN", true},
		{"CLOSED", "VERY CLOSED", false},
		{"OPEN", "OPEN: INNER", false},
		{"OPEN: INNER", "OPEN", true},
		{"OPEN", "OPEN TLP:GREEN", true}, // only information
		{"OPEN TLP:GREEN", "OPEN", true},
		{"OPEN", "OPEN TLP:AMBER", false},
		{"OPEN TLP:GREEN", "OPEN TLP:AMBER", false},
		{"OPEN TLP:AMBER", "OPEN TLP:AMBER", true},
		{"OPEN TLP:RED", "OPEN TLP:AMBER", false}, // the very marking, as in Azul
		{"DEEP", "OPEN TLP:AMBER", false},
		{"OPEN EYES ONLY", "OPEN", true},
		{"OPEN", "OPEN EYES ONLY", false},
		{"OPEN EYES ONLY", "OPEN EYES ONLY DRAFT", false},
		{"DEEP EYES ONLY VAULT", "VERY CLOSED VAULT", true},
		{"CLOSED", "CLOSED REL:HOME", false},
		{"CLOSED REL:HOME", "CLOSED", true},
		{"CLOSED REL:HOME", "CLOSED REL:HOME,EAST", true},
		{"DEEP REL:HOME,EAST", "CLOSED REL:HOME,WEST", true},
	} {
		if got := s.CanAccess(parse(t, s, c.reader), parse(t, s, c.guarded)); got != c.want {
			t.Errorf("%s reads %s: %v", c.reader, c.guarded, got)
		}
	}
}

// TestStrangers: labels of no scheme, or of another, open nothing.
func TestStrangers(t *testing.T) {
	s, other := scheme(t, ladder()), scheme(t, ladder())
	ours, theirs := parse(t, s, "OPEN"), parse(t, other, "OPEN")
	for _, pair := range [][2]security.Label{{ours, {}}, {{}, ours}, {{}, {}}, {ours, theirs}, {theirs, ours}, {theirs, theirs}} {
		if s.CanAccess(pair[0], pair[1]) {
			t.Errorf("%q reads %q", pair[0], pair[1])
		}
		if l, err := s.Max(pair[0], pair[1]); err == nil {
			t.Errorf("the maximum of %q and %q is %q", pair[0], pair[1], l)
		}
	}
	if l, err := s.Max(); err == nil {
		t.Errorf("the maximum of nothing is %q", l)
	}
}

func TestMax(t *testing.T) {
	c := ladder()
	c.Labels.Releasability.Origin, c.Labels.Releasability.OriginAltName = "", ""
	c.Presets = nil
	s := scheme(t, c)
	for _, c := range []struct{ parts, want string }{ // a want that begins with ! is part of an error
		{"OPEN", "OPEN"},
		{"OPEN + DEEP + CLOSED", "DEEP"},
		{"OPEN EYES ONLY + OPEN DRAFT", "OPEN EYES ONLY DRAFT"},
		{"OPEN TLP:CLEAR + OPEN TLP:GREEN", "OPEN TLP:GREEN"},
		{"OPEN TLP:GREEN + OPEN: INNER TLP:RED", "OPEN: INNER TLP:RED"},
		{"OPEN TLP:GREEN + CLOSED", "CLOSED"},
		{"CLOSED REL:HOME,EAST + CLOSED REL:EAST,WEST", "CLOSED REL:EAST"},
		{"CLOSED REL:HOME + DEEP + OPEN", "DEEP REL:HOME"},
		{"CLOSED REL:EAST + CLOSED REL:WEST", "!nobody is in a group of both"},
		{"CLOSED REL:EAST,HOME + CLOSED REL:HOME,WEST + DEEP REL:EAST,WEST", "!nobody is in a group of both"},
		{"OPEN TLP:AMBER + CLOSED", "!TLP:AMBER would be lost"},
		{"OPEN TLP:AMBER + OPEN TLP:RED", "!TLP:AMBER would be lost"},
		{"OPEN PRESS + OPEN: INNER", "!PRESS does not go with OPEN: INNER"},
	} {
		var labels []security.Label
		for part := range strings.SplitSeq(c.parts, " + ") {
			labels = append(labels, parse(t, s, part))
		}
		got, err := s.Max(labels...)
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), want) || got != (security.Label{}) {
				t.Errorf("%s: %q, %v; want %q", c.parts, got, err, want)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("%s: %q, %v; want %q", c.parts, got, err, want)
		}
	}
}

func TestBadConfig(t *testing.T) {
	type config = security.Config
	class := func(name string, priority int) security.Classification {
		return security.Classification{Name: name, Priority: priority}
	}
	for _, c := range []struct {
		change func(*config)
		want   string
	}{
		{func(c *config) { c.Labels.Classification.Options = nil }, "labels.classification.options: must name at least one"},
		{func(c *config) { c.Labels.Classification.Options[1].Priority = 1 }, "labels.classification.options: number 2: priority 1"},
		{func(c *config) { c.Labels.Classification.Options[0].Name = "" }, "labels.classification.options: number 1: name"},
		{func(c *config) { c.Labels.Classification.Options[0].Name = "A/B" }, "slashes"},
		{func(c *config) { c.Labels.Classification.Options[0].Name = "A  B" }, "single spaces"},
		{func(c *config) { c.Labels.Classification.Options[0].Name = "A\x00" }, "printable"},
		{func(c *config) { c.Labels.Classification.Options[0].Name = "A\xff" }, "printable"},
		{func(c *config) { c.Labels.Classification.Options[0].Name = strings.Repeat("A", 200) }, "1 to 128 bytes"},
		{func(c *config) { c.Labels.Caveat.Options[0].Name = "Closed" }, `labels.caveat.options: number 1: name "CLOSED" is there twice`},
		{func(c *config) { c.Labels.Caveat.Options[0].Name = "NOT CLOSED" }, `labels: "NOT CLOSED" would be mixed up`},
		{func(c *config) { c.Labels.Caveat.Options[0].Name = "REL:X" }, `labels: "REL:X" would be mixed up with a group`},
		{func(c *config) { c.Labels.Caveat.Options = make([]security.Caveat, 300) }, "labels.caveat.options: 300 are too many"},
		{func(c *config) { c.Labels.Classification.Options[0] = class("VERY", 1) }, `labels: "VERY CLOSED" would be mixed up`},
		{func(c *config) { c.Labels.Caveat.Options[0].MinPriority = 2_000_000 }, "labels.caveat.options: number 1: min_priority"},
		{func(c *config) { c.Labels.Releasability.Options[1].Name = "EAST" }, "labels.releasability.options: number 2"},
		{func(c *config) { c.Labels.Releasability.Options[1].Name = "REL:" }, "labels.releasability.options: number 2"},
		{func(c *config) { c.Labels.Releasability.Options[1].Name = "REL:A,B" }, "without spaces and commas"},
		{func(c *config) { c.Labels.Releasability.Origin = "REL:MOON" }, "labels.releasability.origin:"},
		{func(c *config) { c.Labels.Releasability.Prefix = "R L" }, "labels.releasability.prefix:"},
		{func(c *config) { c.Labels.Releasability.OriginAltName = "EAST" }, "labels.releasability.origin_alt_name:"},
		{func(c *config) { c.Labels.Releasability.Origin = "" }, "labels.releasability.origin_alt_name: needs an origin"},
		{func(c *config) { c.Labels.TLP.Options[3].Enforce = false }, "labels.tlp.options: number 4"},
		{func(c *config) { c.RelPriority = nil }, "allow_releasability_priority_gte: must be set"},
		{func(c *config) { c.Default = " " }, "default: must be"},
		{func(c *config) { c.Default = "SECRET" }, `default: label "SECRET": unknown label`},
		{func(c *config) { c.Presets[1] = "OPEN REL:HOME" }, "presets: number 2:"},
		{func(c *config) { c.Required[0] = "TLP:RED" }, "minimum_required_access: number 1:"},
		{func(c *config) { c.AdminRoles[0] = "" }, "admin_roles: number 1"},
	} {
		config := ladder()
		c.change(&config)
		if _, err := security.New(config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
}

func TestDefault(t *testing.T) {
	s := scheme(t, security.Default())
	if got := s.Default().String(); got != "OFFICIAL TLP:CLEAR" {
		t.Errorf("the default is %q", got)
	}
	if got := len(s.Presets()); got != 4 {
		t.Errorf("%d presets", got)
	}
}

// TestUpperIsFinal: names are kept in upper case and read through it again.
func TestUpperIsFinal(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if once := strings.ToUpper(string(r)); strings.ToUpper(once) != once {
			t.Fatalf("upper case of %q is %q, and of that %q", r, once, strings.ToUpper(once))
		}
	}
}

func TestCanAccessAllocatesNothing(t *testing.T) {
	s := scheme(t, ladder())
	reader, guarded := parse(t, s, "DEEP EYES ONLY REL:HOME"), parse(t, s, "CLOSED EYES ONLY REL:HOME,EAST")
	if n := testing.AllocsPerRun(100, func() {
		if !s.CanAccess(reader, guarded) {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCanAccess(b *testing.B) {
	s := scheme(b, ladder())
	reader, guarded := parse(b, s, "DEEP EYES ONLY REL:HOME"), parse(b, s, "CLOSED EYES ONLY REL:HOME,EAST")
	for b.Loop() {
		s.CanAccess(reader, guarded)
	}
}

func BenchmarkParse(b *testing.B) {
	s := scheme(b, ladder())
	for b.Loop() {
		if _, err := s.Parse("CLOSED//EYES ONLY//REL:HOME,EAST"); err != nil {
			b.Fatal(err)
		}
	}
}
