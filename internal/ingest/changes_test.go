package ingest_test

import (
	"context"
	"fmt"
	"testing"

	"lazuli/event"
)

// TestSubscribe: a subscriber learns of every file that changed, once however often it changed while nobody listened, and does
// not hold anything up.
func TestSubscribe(t *testing.T) {
	b := newBench(t)
	b.start()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := b.in.Subscribe(ctx)
	asleep := b.in.Subscribe(ctx) // never read
	for i := range 20 {
		b.append(record(t, sourced, binary(fmt.Sprint("k", i), "a", i), "", ""))
		b.settle()
	}
	child := binary("child", "c", 1)
	child.Source.Path = event.Path{{SHA256: sha("b")}, {SHA256: sha("c")}}
	b.append(record(t, sourced, child, "", ""), record(t, status, ended("s", "d", "P", event.Completed, 1), "", ""))
	b.settle()
	got := map[string]int{}
	for len(got) < 4 {
		got[<-changes]++
	}
	for _, letter := range "abcd" {
		// One may be in the channel and one in the feed's hand while the same file changes again.
		if n := got[sha(string(letter))]; n < 1 || n > 3 {
			t.Errorf("%c came %d times", letter, n)
		}
	}
	if <-asleep == "" {
		t.Error("the one that slept gets nothing")
	}
}
