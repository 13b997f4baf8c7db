package event_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"lazuli/event"
	"lazuli/event/eventtest"
)

// realistic is an event of about 2.5 KB as an extracting plugin makes it: two nodes, two streams, three features, some info.
func realistic() *event.Binary {
	b := eventtest.Extracted(eventtest.Binary(), []byte("MZ"), "executable/windows/pe32")
	b.Entity.Info = json.RawMessage(`{"sections":[{"name":".text","entropy":6.1},{"name":".data","entropy":3.2}]}`)
	b.Entity.Datastreams = append(b.Entity.Datastreams, eventtest.Stream(event.LabelText, []byte("strings"), "text/plain"))
	for i := range 3 {
		b.Entity.Features = append(b.Entity.Features, event.Feature{
			Name: "pe_section_name", Type: event.String, Value: fmt.Sprintf(".section%d", i), Offset: ptr(uint64(i * 512))})
	}
	return b
}

func BenchmarkAppendJSON(b *testing.B) {
	ev := realistic()
	raw, err := event.AppendJSON(nil, ev)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if raw, err = event.AppendJSON(raw[:0], ev); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := json.Marshal(realistic())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(event.ModelBinary, raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	ev := realistic()
	b.ReportAllocs()
	for b.Loop() {
		if err := ev.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRouting(b *testing.B) {
	r := event.Route(realistic())
	header := r.Append(nil)
	b.SetBytes(int64(len(header)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseRouting(header); err != nil {
			b.Fatal(err)
		}
	}
}
