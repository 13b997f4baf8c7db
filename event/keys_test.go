package event_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lazuli/event"
	"lazuli/event/eventtest"
)

// goldenBinary is the event of the protocol reference, appendix A, whose key and tracking fields the reference's own models
// made.
func goldenBinary(t *testing.T) *event.Binary {
	t.Helper()
	ev, err := event.Decode(event.ModelBinary, []byte(`{
		"model_version": 6, "kafka_key": "", "timestamp": "2025-05-06T07:08:09.123456Z", "author": {"name": "Unbox"},
		"action": "extracted", "entity": {"sha256": "cc33"},
		"source": {
			"name": "samples", "security": "LOW TLP:CLEAR", "timestamp": "2025-05-05T01:02:03.5+00:00",
			"references": {"user": "bob", "description": "demo"}, "settings": {"remove_at_depth": "2", "passwords": "a;b"},
			"path": [
				{"author": {"category": "user", "name": "bob"}, "action": "sourced", "sha256": "aa11",
				 "timestamp": "2025-05-05T01:02:03.5Z"},
				{"author": {"category": "plugin", "name": "Entropy", "version": "1", "security": "MED"}, "action": "extracted",
				 "sha256": "bb22", "timestamp": "2025-05-05T02:02:03Z"},
				{"author": {"category": "plugin", "name": "Unbox", "version": "2.0", "security": "LOW"}, "action": "extracted",
				 "sha256": "cc33", "timestamp": "2025-05-06T07:08:09.123456Z"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return ev.(*event.Binary)
}

func TestDescriptor(t *testing.T) {
	plus10 := func(b *event.Binary) {
		if err := json.Unmarshal([]byte(`"2025-05-05T11:02:03.5+10:00"`), &b.Source.Timestamp); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		keys   event.Keys
		change func(*event.Binary)
		want   string
	}{
		{event.KeysAzul, nil, `samples.LOW TLP:CLEAR.2025-05-05T01:02:03.description.demo.user.bob.passwords.a;b.remove_at_depth.2.` +
			`LOW.MED.Entropy.extracted.bb22.Unbox.extracted.cc33.`},
		{event.KeysAzul, plus10, `samples.LOW TLP:CLEAR.2025-05-05T11:02:03.description.demo.user.bob.passwords.a;b.remove_at_depth.2.` +
			`LOW.MED.Entropy.extracted.bb22.Unbox.extracted.cc33.`},
		{event.KeysAzul, func(b *event.Binary) { b.Source.Path = b.Source.Path[:1] }, `samples.LOW TLP:CLEAR.2025-05-05T01:02:03.` +
			`description.demo.user.bob.passwords.a;b.remove_at_depth.2.bob.sourced.aa11.`},
		{event.KeysAzul, func(b *event.Binary) { b.Source = event.Source{} }, `..0001-01-01T00:00:00.`},
		// "a" sorts before "a.b" as a key, but "a.b.1" before "a.c" as a whole.
		{event.KeysAzul, func(b *event.Binary) { b.Source = event.Source{References: map[string]string{"a": "c", "a.b": "1"}} },
			`..0001-01-01T00:00:00.a.b.1.a.c.`},
		{event.KeysV2, nil, `samples.LOW TLP:CLEAR.2025-05-05T01:02:03.;description.demo.user.bob.;passwords.a\;b.remove_at_depth.2.;` +
			`LOW.MED.;bob.sourced.aa11.;Entropy.extracted.bb22.;Unbox.extracted.cc33.;`},
		{event.KeysV2, plus10, `samples.LOW TLP:CLEAR.2025-05-05T01:02:03.;description.demo.user.bob.;passwords.a\;b.remove_at_depth.2.;` +
			`LOW.MED.;bob.sourced.aa11.;Entropy.extracted.bb22.;Unbox.extracted.cc33.;`},
		{event.KeysV2, func(b *event.Binary) { b.Source.Path = b.Source.Path[:2] }, `samples.LOW TLP:CLEAR.2025-05-05T01:02:03.;` +
			`description.demo.user.bob.;passwords.a\;b.remove_at_depth.2.;MED.;bob.sourced.aa11.;Entropy.extracted.bb22.;`},
		{event.KeysV2, func(b *event.Binary) { b.Source = event.Source{Name: `a.b\c`} }, `a\.b\\c..0001-01-01T00:00:00.;;;;`},
	} {
		b := goldenBinary(t)
		if c.change != nil {
			c.change(b)
		}
		if got := c.keys.Descriptor(b); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.keys, got, c.want)
		}
	}
}

func TestGoldenKeys(t *testing.T) {
	status := &event.Status{Head: event.Head{Author: event.Author{Name: "Unbox-zip"}}}
	status.Entity.Input.Dequeued = "KEY.Unbox.2.0.1746515289"
	insert := &event.Insert{Entity: event.InsertEntity{ParentSHA256: "aa11", Child: event.Entity{SHA256: "dd44"},
		ChildHistory: event.PathNode{Author: event.Author{Name: "bob"}}}}
	for _, c := range []struct {
		ev   event.Event
		want string
	}{
		{goldenBinary(t), "915c3a113bc7afa0d3d3e9e2b801d0ea"},
		{status, "f49acf86d8bca9c793a10007e0ba3178"},
		{eventtest.Plugin("Unbox", "2.0"), "26532748d17a0a69b7a30ceea4d638f0"},
		{insert, "1f11489be2d0e44da0cee89d0b51fbdc"},
	} {
		c.ev.Header().KafkaKey = "sent by a client"
		if err := event.KeysAzul.Assign(c.ev); err != nil {
			t.Fatal(err)
		}
		if got := c.ev.Header().KafkaKey; got != c.want {
			t.Errorf("%s: got %s, want %s", c.ev.Model(), got, c.want)
		}
	}
}

func assigned(t *testing.T, k event.Keys, ev event.Event) string {
	t.Helper()
	if err := k.Assign(ev); err != nil {
		t.Fatal(err)
	}
	key := ev.Header().KafkaKey
	if len(key) != 32 || strings.Trim(key, "0123456789abcdef") != "" {
		t.Fatalf("key %q is not 32 hex digits", key)
	}
	return key
}

func TestKeysOfStatuses(t *testing.T) {
	id := event.JobID{Key: "k", Consumer: "Unbox.2.0", Feed: 'l', Cell: 7, Partition: 1, Offset: 5, Attempt: 1, Unix: 100}
	key := func(k event.Keys, dequeued, author string) string {
		s := eventtest.Status(eventtest.Binary(), event.Completed)
		s.Author.Name, s.Entity.Input.Dequeued = author, dequeued
		return assigned(t, k, s)
	}
	later, other := id, id
	later.Attempt, later.Unix = 2, 500
	other.Offset = 6
	for _, k := range []event.Keys{event.KeysV2, event.KeysAzul} {
		first := key(k, id.String(), "Unbox")
		if key(k, later.String(), "Unbox") != first {
			t.Errorf("%s: a second attempt has a row of its own", k)
		}
		if key(k, other.String(), "Unbox") == first || key(k, id.String(), "Unbox-zip") == first {
			t.Errorf("%s: different jobs or authors share a row", k)
		}
		if key(k, "KEY.Unbox.2.0.1746515289", "Unbox-zip") != "f49acf86d8bca9c793a10007e0ba3178" {
			t.Errorf("%s: a foreign id has another key than in the reference", k)
		}
	}
}

func TestKeysV2TellsPluginsApart(t *testing.T) {
	one, two := eventtest.Plugin("a.b", "c"), eventtest.Plugin("a", "b.c")
	if assigned(t, event.KeysV2, one) == assigned(t, event.KeysV2, two) {
		t.Error("a.b/c and a/b.c share a key")
	}
}

func TestRandomKeys(t *testing.T) {
	seen := map[string]bool{}
	for range 10 {
		for _, ev := range []event.Event{&event.Delete{}, &event.Download{}, &event.Retrohunt{}} {
			seen[assigned(t, event.KeysV2, ev)] = true
		}
	}
	if len(seen) != 30 {
		t.Errorf("30 events got %d keys", len(seen))
	}
}

func TestAssignRefuses(t *testing.T) {
	if err := event.KeysV2.Assign(&event.Binary{}); err == nil {
		t.Error("a binary event without a path gets a key")
	}
	for _, k := range []event.Keys{"", "V2"} {
		if k.Valid() == nil || k.Assign(eventtest.Binary()) == nil {
			t.Errorf("keys %q are accepted", k)
		}
	}
	if event.KeysV2.Valid() != nil || event.KeysAzul.Valid() != nil {
		t.Error("known keys are not accepted")
	}
}

// Many small events made of dots, backslashes, semicolons and one letter: no two of them that differ in what counts may have
// one descriptor. That many of them collide in azul mode shows that they are hard enough.
func TestV2DescriptorsDiffer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	part := func() string {
		b := make([]byte, random.IntN(3))
		for i := range b {
			b[i] = `.\;a`[random.IntN(4)]
		}
		return string(b)
	}
	pairs := func() map[string]string {
		m := map[string]string{}
		for range random.IntN(3) {
			m[part()] = part()
		}
		return m
	}
	draw := func() *event.Binary {
		b := &event.Binary{Source: event.Source{Name: part(), Security: part(), References: pairs(), Settings: pairs()}}
		b.Source.Timestamp = event.At(time.Unix(int64(random.IntN(2)), 0).In(time.FixedZone("", random.IntN(2)*3600)))
		for range 1 + random.IntN(4) {
			b.Source.Path = append(b.Source.Path, event.PathNode{
				Author: event.Author{Name: part(), Security: part()}, Action: event.Action(part()), SHA256: part()})
		}
		return b
	}
	counts := func(b *event.Binary) string { // what counts, written so that nothing can be mistaken
		s := &b.Source
		securities := map[string]bool{}
		nodes := [][3]string{}
		for i, n := range s.Path {
			if n.Author.Security != "" {
				securities[n.Author.Security] = true
			}
			if i == 0 || i >= len(s.Path)-2 {
				nodes = append(nodes, [3]string{n.Author.Name, string(n.Action), n.SHA256})
			}
		}
		return fmt.Sprintf("%q %q %d %q %q %q %q", s.Name, s.Security, s.Timestamp.Unix(), s.References, s.Settings,
			slices.Sorted(maps.Keys(securities)), nodes)
	}
	collisions := func(k event.Keys) (n int) {
		seen := map[string]string{}
		for range 30_000 {
			b := draw()
			d, c := k.Descriptor(b), counts(b)
			if before, ok := seen[d]; ok && before != c {
				if n++; n == 1 && k == event.KeysV2 {
					t.Errorf("one descriptor %q for\n%s\n%s", d, before, c)
				}
			}
			seen[d] = c
		}
		return n
	}
	if n := collisions(event.KeysV2); n > 0 {
		t.Errorf("%d collisions", n)
	}
	if n := collisions(event.KeysAzul); n == 0 {
		t.Error("no collision in azul mode: these events prove nothing")
	}
}

func TestTrackGolden(t *testing.T) {
	b := goldenBinary(t)
	b.TrackSourceReferences, b.TrackLinks, b.TrackAuthors = "sent by a client", []string{"x"}, []string{"y"}
	event.Track(b)
	if want := "samples.5776fcf959aee5869a3e0681dd01a616"; b.TrackSourceReferences != want {
		t.Errorf("track_source_references: got %s, want %s", b.TrackSourceReferences, want)
	}
	if diff := cmp.Diff([]string{
		"aa11.bb22.2025_05_05T02_02_03Z_00.plugin.Entropy.1", "bb22.cc33.2025_05_06T07_08_09Z_00.plugin.Unbox.2.0",
	}, b.TrackLinks); diff != "" {
		t.Errorf("track_links: %s", diff)
	}
	if diff := cmp.Diff([]string{"user.bob.", "plugin.Entropy.1", "plugin.Unbox.2.0"}, b.TrackAuthors); diff != "" {
		t.Errorf("track_authors: %s", diff)
	}

	root := &event.Binary{Source: event.Source{Name: "s", Path: event.Path{{}}}, TrackLinks: []string{"x"}}
	event.Track(root)
	if want := "s.d41d8cd98f00b204e9800998ecf8427e"; root.TrackSourceReferences != want || root.TrackLinks != nil {
		t.Errorf("got %s and links %q, want %s and none", root.TrackSourceReferences, root.TrackLinks, want)
	}
}

func TestTrackInsert(t *testing.T) {
	for zone, want := range map[string]string{"Z": "Z_00", "+00:00": "Z_00", "+09:30": "+09_00", "-10:00": "-10_00", "-03:30": "-03_00"} {
		n := &event.Insert{Entity: event.InsertEntity{ParentSHA256: "aa", ChildHistory: event.PathNode{
			SHA256: "bb", Author: event.Author{Category: "user", Name: "bob"}}}}
		if err := json.Unmarshal([]byte(`"2025-05-05T01:02:03.9`+zone+`"`), &n.Entity.ChildHistory.Timestamp); err != nil {
			t.Fatal(err)
		}
		event.Track(n)
		if want := "aa.bb.2025_05_05T01_02_03" + want + ".user.bob."; n.TrackLink != want {
			t.Errorf("%s: got %s, want %s", zone, n.TrackLink, want)
		}
		if n.TrackAuthor != "user.bob." {
			t.Errorf("track_author is %s", n.TrackAuthor)
		}
	}
}
