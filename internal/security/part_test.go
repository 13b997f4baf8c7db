package security

import "testing"

func TestParts(t *testing.T) {
	threshold := 100
	s, err := New(Config{
		Labels: Labels{
			Classification: Classifications{Options: []Classification{{"OPEN", 0}, {"TOP SECRET", 100}}},
			Caveat:         Caveats{Options: []Caveat{{Name: "EYES ONLY"}}},
			Releasability:  Releasability{Origin: "REL:HOME", OriginAltName: "US", Options: []Group{{Name: "REL:HOME"}, {Name: "REL:EAST"}}},
			TLP:            TLPs{Options: []TLP{{Name: "TLP:CLEAR"}, {Name: "TLP:RED", Enforce: true}}},
		},
		Default: "OPEN", RelPriority: &threshold,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label, part string
		has, group  bool
	}{
		{"TOP SECRET EYES ONLY REL:HOME", "top  secret", true, false},
		{"TOP SECRET EYES ONLY REL:HOME", "OPEN", false, false},
		{"TOP SECRET EYES ONLY REL:HOME", "eyes only", true, false},
		{"TOP SECRET EYES ONLY REL:HOME", "rel:us", true, true},
		{"TOP SECRET EYES ONLY REL:HOME", "REL:EAST", false, true},
		{"OPEN TLP:RED", "TLP:RED", true, false},
		{"OPEN TLP:RED", "TLP:CLEAR", false, false},
		{"OPEN", "TLP:CLEAR", false, false},
	} {
		label, err := s.Parse(c.label)
		if err != nil {
			t.Fatal(err)
		}
		part, err := s.Part(c.part)
		if err != nil {
			t.Fatal(err)
		}
		if s.Has(label, part) != c.has || s.Group(part) != c.group {
			t.Errorf("%s has %s: %v, a group: %v", c.label, c.part, !c.has, s.Group(part))
		}
	}
	if _, err := s.Part("SECRET"); err == nil {
		t.Error("SECRET is part of labels, and not configured")
	}
	if s.Has(Label{}, Part{}) {
		t.Error("the zero label has the zero part")
	}
}
