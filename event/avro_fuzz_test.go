package event_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lazuli/event"
)

// What can be decoded can be encoded, read by the strictest, and comes back the same.
func FuzzDecodeAvro(f *testing.F) {
	strict := newStrictReader(f)
	for _, ev := range examples() {
		f.Add(uint8(slices.Index(event.Models, ev.Model())), mustEncode(f, ev))
	}
	f.Fuzz(func(t *testing.T, number uint8, raw []byte) {
		model := event.Models[int(number)%len(event.Models)]
		ev, err := event.DecodeAvro(model, raw)
		if err != nil {
			return
		}
		_ = ev.Validate() // must not panic
		strict.mustBeRead(t, ev)
		once := mustEncode(t, ev)
		back, err := event.DecodeAvro(model, once)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(document(t, ev), document(t, back)); diff != "" {
			t.Fatalf("it changed: %s", diff)
		}
		if twice := mustEncode(t, back); string(once) != string(twice) {
			t.Fatalf("%x became %x", once, twice)
		}
	})
}

func FuzzDecodeAvroBulk(f *testing.F) {
	for _, ev := range examples() {
		raw, err := event.EncodeAvroBulk(ev.Model(), []event.Event{ev, ev})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(slices.Index(event.Models, ev.Model())), raw)
	}
	f.Fuzz(func(t *testing.T, number uint8, raw []byte) {
		model := event.Models[int(number)%len(event.Models)]
		events, err := event.DecodeAvroBulk(model, raw)
		for _, ev := range events { // a broken event, too, can be encoded
			mustEncode(t, ev)
			if _, err := json.Marshal(ev); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			return
		}
		if _, err := event.EncodeAvroBulk(model, events); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkEncodeAvro(b *testing.B) {
	ev := realistic()
	b.SetBytes(int64(len(mustEncode(b, ev))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.EncodeAvro(ev); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeAvro(b *testing.B) {
	raw := mustEncode(b, realistic())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.DecodeAvro(event.ModelBinary, raw); err != nil {
			b.Fatal(err)
		}
	}
}
