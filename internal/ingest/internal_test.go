package ingest

import (
	"fmt"
	"testing"
)

// TestFeedBound: what waits for one subscriber is bounded, comes once and in order, and there is room again when it is taken.
func TestFeedBound(t *testing.T) {
	f := newFeed()
	f.add(map[string]bool{"fills the channel": true})
	for range 2 {
		for i := range maxChanges + 50 {
			f.add(map[string]bool{fmt.Sprint(i): true})
		}
	}
	for i := range maxChanges {
		if sha, ok := f.take(); !ok || sha != fmt.Sprint(i) {
			t.Fatalf("turn %d: %q %t", i, sha, ok)
		}
	}
	if sha, ok := f.take(); ok {
		t.Errorf("%q is over the bound", sha)
	}
	f.add(map[string]bool{"again": true}) // the channel is full still
	if sha, ok := f.take(); !ok || sha != "again" {
		t.Errorf("%q %t", sha, ok)
	}
}

func TestKind(t *testing.T) {
	in := New(nil, nil, Options{Prefix: "p"})
	for topic, want := range map[string]string{
		"azul.p.src.binary.sourced": "binary", "azul.p.src.binary.enriched": "binary", "azul.p.a.b.binary.mapped": "binary", "azul.p.system.expedite": "binary",
		"azul.p.system.status": "status", "azul.p.system.plugin": "plugin", "azul.p.system.dead": "dead", "azul.p.system.delete": "delete",
		"azul.p.system.download": "download", "azul.p.system.annotation": "annotation",
		"azul.p.system.progress": "", "azul.p.system.insert": "", "azul.p.src.binary.other": "", "azul.p.binary.sourced": "", "azul.p.system.binary.sourced": "",
		"azul.q.src.binary.sourced": "", "azul.p": "", "": "", "azul.pq.system.status": "",
	} {
		if got := in.kind(topic); got != want {
			t.Errorf("%s: %q, want %q", topic, got, want)
		}
	}
}
