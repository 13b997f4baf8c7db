package access

import (
	"testing"

	"lazuli/internal/security"
)

func scheme(t *testing.T) *security.Scheme {
	t.Helper()
	threshold := 100
	s, err := security.New(security.Config{
		Labels: security.Labels{
			Classification: security.Classifications{Options: []security.Classification{{Name: "LOW"}, {Name: "HIGH", Priority: 100}}},
			Releasability:  security.Releasability{Options: []security.Group{{Name: "REL:A"}, {Name: "REL:B"}}},
			TLP:            security.TLPs{Options: []security.TLP{{Name: "TLP:CLEAR"}, {Name: "TLP:RED", Enforce: true}}},
		},
		Default: "LOW TLP:CLEAR", RelPriority: &threshold,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReader(t *testing.T) {
	s := scheme(t)
	up := func(texts ...string) *Access {
		a := &Access{Scheme: s}
		for _, text := range texts {
			l, err := s.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			a.Up = append(a.Up, l)
		}
		return a
	}
	all := &Access{Scheme: s, All: true}
	for _, c := range []struct {
		name           string
		who            *Access
		exclude, every []string
		label          string
		want           bool
	}{
		{"its own", up("LOW"), nil, nil, "LOW", true},
		{"above", up("LOW"), nil, nil, "HIGH", false},
		{"none counts as the default", up("LOW"), nil, nil, "", true},
		{"garbled", up("HIGH REL:A"), nil, nil, "NOPE", false},
		{"garbled, for all", all, nil, nil, "NOPE", true},
		{"garbled, for all but some", all, []string{"HIGH"}, nil, "NOPE", false},
		{"an enforced TLP", up("LOW TLP:CLEAR"), nil, nil, "LOW TLP:RED", false},
		{"one of several", up("HIGH REL:A", "LOW TLP:RED"), nil, nil, "LOW TLP:RED", true},
		{"blank says nothing", up("LOW"), []string{""}, []string{""}, "LOW", true},
		{"left out", all, []string{"high"}, nil, "HIGH REL:A", false},
		{"left out, one of two groups", all, []string{"REL:B"}, nil, "HIGH REL:A,B", false},
		{"all groups", all, nil, []string{"REL:A", "REL:B"}, "HIGH REL:A,B", true},
		{"not all groups", all, nil, []string{"REL:A", "REL:B"}, "HIGH REL:A", false},
		{"no groups", all, nil, []string{"REL:A"}, "LOW", false},
		{"groups do not give access", up("LOW"), nil, []string{"REL:A"}, "HIGH REL:A", false},
	} {
		r, err := c.who.Reader(c.exclude, c.every)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.See == nil || r.See(c.label); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for _, bad := range [][2][]string{{{"NOPE"}, nil}, {nil, {"HIGH"}}, {nil, {"NOPE"}}} {
		if _, err := all.Reader(bad[0], bad[1]); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if up("LOW").MaySubmit("HIGH") == nil || up("LOW").MaySubmit("LOW") != nil || all.MaySubmit("NOPE") == nil || all.MaySubmit("HIGH REL:A") != nil {
		t.Error("who may submit what")
	}
	if text, ok := all.Highest([]string{"LOW TLP:CLEAR", "HIGH REL:A"}); !ok || text != "HIGH REL:A" {
		t.Errorf("highest: %q %v", text, ok)
	}
	for _, none := range [][]string{nil, {"NOPE"}, {"HIGH REL:A", "HIGH REL:B"}} {
		if text, ok := all.Highest(none); ok {
			t.Errorf("highest of %v: %q", none, text)
		}
	}
}
