package security_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lazuli/internal/security"
)

// anyConfig is ladder, ladder without an origin, or names of so few words that they overlap wherever New lets them.
func anyConfig() *rapid.Generator[security.Config] {
	word := rapid.SampledFrom([]string{"A", "B", "C", "D"})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "words"), " ")
	})
	return rapid.Custom(func(t *rapid.T) security.Config {
		switch rapid.SampledFrom([]string{"ladder", "no origin", "few words"}).Draw(t, "kind") {
		case "ladder":
			return ladder()
		case "no origin":
			c := ladder()
			c.Labels.Releasability.Origin, c.Labels.Releasability.OriginAltName, c.Presets = "", "", nil
			return c
		}
		threshold := rapid.IntRange(0, 5).Draw(t, "threshold")
		c := security.Config{RelPriority: &threshold}
		for i, n := range rapid.SliceOfNDistinct(name, 1, 4, rapid.ID).Draw(t, "classes") {
			c.Labels.Classification.Options = append(c.Labels.Classification.Options, security.Classification{Name: n, Priority: i})
		}
		for _, n := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID).Draw(t, "caveats") {
			high := rapid.IntRange(0, 4).Draw(t, "high")
			c.Labels.Caveat.Options = append(c.Labels.Caveat.Options,
				security.Caveat{Name: n, MinPriority: rapid.IntRange(0, high).Draw(t, "low"), MaxPriority: &high})
		}
		for _, n := range rapid.SliceOfNDistinct(word, 0, 4, rapid.ID).Draw(t, "groups") {
			c.Labels.Releasability.Options = append(c.Labels.Releasability.Options, security.Group{Name: "REL:" + n})
		}
		if groups := c.Labels.Releasability.Options; len(groups) > 0 && rapid.Bool().Draw(t, "origin") {
			c.Labels.Releasability.Origin = groups[0].Name
		}
		tlps := rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(t, "tlps")
		enforced := rapid.IntRange(0, len(tlps)).Draw(t, "enforced from")
		for i, n := range tlps {
			c.Labels.TLP.Options = append(c.Labels.TLP.Options, security.TLP{Name: n, Enforce: i >= enforced})
		}
		c.Default = c.Labels.Classification.Options[0].Name
		return c
	}).Filter(func(c security.Config) bool { _, err := security.New(c); return err == nil })
}

// anyText is a label's text of the configuration's own words, mostly one that says something.
func anyText(c security.Config) *rapid.Generator[string] {
	var some []string
	for _, o := range c.Labels.Caveat.Options {
		some = append(some, o.Name)
	}
	for _, o := range c.Labels.TLP.Options {
		some = append(some, o.Name)
	}
	for _, o := range c.Labels.Releasability.Options {
		some = append(some, o.Name)
		if origin := c.Labels.Releasability.Origin; origin != "" {
			some = append(some, origin+","+strings.TrimPrefix(strings.ToUpper(o.Name), "REL:"))
		}
	}
	return rapid.Custom(func(t *rapid.T) string {
		words := []string{rapid.SampledFrom(c.Labels.Classification.Options).Draw(t, "class").Name}
		if len(some) > 0 {
			words = append(words, rapid.SliceOfN(rapid.SampledFrom(some), 0, 4).Draw(t, "more")...)
		}
		return strings.Join(words, rapid.SampledFrom([]string{" ", "//", `\`, "  "}).Draw(t, "gap"))
	})
}

// world is a configuration and labels of it.
type world struct {
	config security.Config
	*security.Scheme
}

func anyWorld(t *rapid.T) world {
	c := anyConfig().Draw(t, "config")
	s, err := security.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return world{c, s}
}

// labels draws some labels; every pair of them is looked at.
func (w world) labels(t *rapid.T) []security.Label {
	texts := anyText(w.config).Filter(func(text string) bool { _, err := w.Parse(text); return err == nil })
	var labels []security.Label
	for _, text := range rapid.SliceOfN(texts, 1, 12).Draw(t, "labels") {
		l, err := w.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		labels = append(labels, l)
	}
	return labels
}

func TestNormalFormsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for _, l := range w.labels(t) {
			again, err := w.Parse(l.String())
			if err != nil || again != l {
				t.Fatalf("%q is read as %q, %v", l, again, err)
			}
			if text, err := w.Normalise(l.String()); err != nil || text != l.String() {
				t.Fatalf("the normal form of %q is %q, %v", l, text, err)
			}
		}
	})
}

func TestAccessRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		labels := w.labels(t)
		models := make([]rights, len(labels))
		for i, l := range labels {
			models[i] = w.model(l)
			if !w.CanAccess(l, l) {
				t.Fatalf("%q cannot read itself", l)
			}
		}
		for i, reader := range labels {
			for k, guarded := range labels {
				may := w.CanAccess(reader, guarded)
				if want := models[i].reads(models[k]); may != want {
					t.Fatalf("%q reads %q: %v, the model says %v", reader, guarded, may, want)
				}
				for j, other := range labels {
					if may && models[j].covers(models[i]) && !w.CanAccess(other, guarded) {
						t.Fatalf("%q reads %q, and %q does not, which holds more", reader, guarded, other)
					}
				}
			}
		}
	})
}

func TestMaxRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		labels := w.labels(t)
		for _, a := range labels {
			if self, err := w.Max(a, a); err != nil || self != a {
				t.Fatalf("the maximum of %q with itself is %q, %v", a, self, err)
			}
			for _, b := range labels {
				both, err := w.Max(a, b)
				if other, otherErr := w.Max(b, a); other != both || (otherErr == nil) != (err == nil) {
					t.Fatalf("%q and %q are %q, %v, and the other way round %q, %v", a, b, both, err, other, otherErr)
				}
				if err == nil {
					w.restricts(t, both, []security.Label{a, b}, labels)
				}
				for _, c := range labels {
					w.associates(t, a, b, c)
				}
			}
		}
	})
}

// restricts checks that who reads the maximum reads every part.
func (w world) restricts(t *rapid.T, all security.Label, parts, readers []security.Label) {
	if again, err := w.Parse(all.String()); err != nil || again != all {
		t.Fatalf("the maximum %q is read as %q, %v", all, again, err)
	}
	for _, part := range parts {
		for _, reader := range append([]security.Label{all}, readers...) {
			if w.CanAccess(reader, all) && !w.CanAccess(reader, part) {
				t.Fatalf("%q reads %q, and not %q, which is in it", reader, all, part)
			}
		}
	}
}

func (w world) associates(t *rapid.T, a, b, c security.Label) {
	all, err := w.Max(a, b, c) // the first two first
	right, rightErr := w.Max(b, c)
	if rightErr == nil {
		right, rightErr = w.Max(a, right)
	}
	if right != all || (rightErr == nil) != (err == nil) {
		t.Fatalf("%q with the maximum of %q and %q is %q, %v, all three are %q, %v", a, b, c, right, rightErr, all, err)
	}
}

// rights is a label as sets of names, which is how the rules are written down: what is held, and what is asked for.
type rights struct{ class, exclusive, inclusive, enforced, held map[string]bool }

// model takes a label's text apart by the names of the configuration, longest first, and knows nothing of the package.
func (w world) model(l security.Label) rights {
	r := rights{class: map[string]bool{}, exclusive: map[string]bool{}, inclusive: map[string]bool{}, enforced: map[string]bool{}, held: map[string]bool{}}
	text := " " + l.String() + " "
	cut := func(list []string, found func(i int, name string)) {
		order := make([]int, len(list))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return len(list[b]) - len(list[a]) })
		for _, i := range order {
			if name := strings.ToUpper(list[i]); strings.Contains(text, " "+name+" ") {
				text = strings.Replace(text, " "+name+" ", " | ", 1)
				found(i, name)
			}
		}
	}
	labels := w.config.Labels
	var classes, caveats, tlps []string
	for _, o := range labels.Classification.Options {
		classes = append(classes, o.Name)
	}
	for _, o := range labels.Caveat.Options {
		caveats = append(caveats, o.Name)
	}
	for _, o := range labels.TLP.Options {
		tlps = append(tlps, o.Name)
	}
	cut(classes, func(i int, name string) {
		r.exclusive[name] = true
		for _, o := range labels.Classification.Options {
			if o.Priority <= labels.Classification.Options[i].Priority {
				r.held[strings.ToUpper(o.Name)] = true
			}
		}
	})
	cut(caveats, func(_ int, name string) { r.exclusive[name], r.held[name] = true, true })
	cut(tlps, func(i int, name string) {
		r.held[name] = true
		if labels.TLP.Options[i].Enforce {
			r.enforced[name] = true
		}
	})
	if _, list, ok := strings.Cut(text, "REL:"); ok {
		for name := range strings.SplitSeq(strings.Fields(list)[0], ",") {
			r.inclusive["REL:"+name], r.held["REL:"+name] = true, true
		}
	}
	return r
}

func (r rights) reads(guarded rights) bool {
	return subset(guarded.exclusive, r.held) &&
		(len(guarded.inclusive) == 0 || meet(guarded.inclusive, r.held)) &&
		(len(guarded.enforced) == 0 || meet(guarded.enforced, r.held))
}

func (r rights) covers(other rights) bool { return subset(other.held, r.held) }

func subset(part, whole map[string]bool) bool {
	for name := range maps.Keys(part) {
		if !whole[name] {
			return false
		}
	}
	return true
}

func meet(a, b map[string]bool) bool {
	for name := range maps.Keys(a) {
		if b[name] {
			return true
		}
	}
	return false
}

// FuzzParse: whatever the text, no panic, and what is a label is one again as its normal form.
func FuzzParse(f *testing.F) {
	s := scheme(f, ladder())
	for _, seed := range []string{"", "open", "CLOSED//REL:US,EAST", "OPEN: INNER DRAFT TLP:RED", "VERY CLOSED REL:,", "\xff OPEN", "ſ", "EYES ONLY EYES"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := s.Parse(text)
		if err != nil {
			if l != (security.Label{}) {
				t.Fatal("an error with a label")
			}
			if limit := 1024; len(err.Error()) > limit {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if again, err := s.Parse(l.String()); err != nil || again != l {
			t.Fatalf("%q is %q, which is read as %q, %v", text, l, again, err)
		}
		if !s.CanAccess(l, l) {
			t.Fatalf("%q cannot read itself", l)
		}
	})
}
