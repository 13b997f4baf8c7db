package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lazuli/event"
)

// document returns what an event says as JSON, without what Avro cannot say: see event/avro.go.
func document(t interface{ Fatal(...any) }, ev event.Event) any {
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var doc map[string]any
	if err := decoder.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	doc = expressible(doc, "").(map[string]any)
	if del, ok := ev.(*event.Delete); ok {
		dropEmptyParts(doc["entity"].(map[string]any), del.Action)
	}
	return doc
}

func dropEmptyParts(entity map[string]any, action string) {
	empty := map[string]any{
		"submission": map[string]any{"track_source_references": ""}, "author": map[string]any{"track_author": ""},
		"link": map[string]any{"track_link": ""}, "ids": map[string]any{"ids": []any{}},
	}
	for part, nothing := range empty {
		if part != action && reflect.DeepEqual(entity[part], nothing) {
			delete(entity, part)
		}
		if _, there := entity[part]; part == action && !there {
			entity[part] = nothing
		}
	}
}

// expressible removes zeros that stand for nothing, and makes every version the one that is written.
func expressible(v any, parent string) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch {
			case parent == "features" && (key == "offset" || key == "size") && value == json.Number("0"):
				delete(v, key)
			case value == "0001-01-01T00:00:00Z" && (key == "timestamp" || key == "direct_expiry"):
				delete(v, key)
			case key == "model_version":
				v[key] = json.Number(fmt.Sprint(event.ModelVersion))
			case key == "retries" || key == "category_quota":
				if n, err := value.(json.Number).Int64(); err != nil || n == math.MaxInt64 {
					v[key] = "the largest"
				}
			case key != "info" && key != "metadata":
				v[key] = expressible(value, key)
			}
		}
	case []any:
		for i := range v {
			v[i] = expressible(v[i], parent)
		}
	}
	return v
}

func mustEncode(t interface{ Fatal(...any) }, ev event.Event) []byte {
	raw, err := event.EncodeAvro(ev)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAvroRoundTripOfExamples(t *testing.T) {
	byModel := map[event.Model][]event.Event{}
	for _, ev := range examples() {
		byModel[ev.Model()] = append(byModel[ev.Model()], ev)
		back, err := event.DecodeAvro(ev.Model(), mustEncode(t, ev))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(document(t, ev), document(t, back)); diff != "" {
			t.Errorf("%s changed: %s", ev.Model(), diff)
		}
		if err := back.Validate(); err != nil {
			t.Errorf("%s is no longer legal: %v", ev.Model(), err)
		}
	}
	for _, model := range event.Models {
		raw, err := event.EncodeAvroBulk(model, byModel[model])
		if err != nil {
			t.Fatal(err)
		}
		back, err := event.DecodeAvroBulk(model, raw)
		if err != nil {
			t.Fatal(err)
		}
		if len(back) != len(byModel[model]) {
			t.Fatalf("%d %s events became %d", len(byModel[model]), model, len(back))
		}
		for i := range back {
			if diff := cmp.Diff(document(t, byModel[model][i]), document(t, back[i])); diff != "" {
				t.Errorf("%s %d changed: %s", model, i, diff)
			}
		}
	}
}

func checkAvroRoundTrip[T any](t *testing.T, strict *strictReader) {
	t.Run(reflect.TypeFor[T]().Name(), func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			ev := any(anyEvent[T]().Draw(t, "event")).(event.Event)
			raw := mustEncode(t, ev)
			if again := mustEncode(t, ev); string(raw) != string(again) {
				t.Fatal("the same event has different bytes")
			}
			back, err := event.DecodeAvro(ev.Model(), raw)
			if err != nil {
				t.Fatal(err)
			}
			strict.mustBeRead(t, back)
			if diff := cmp.Diff(document(t, ev), document(t, back)); diff != "" {
				t.Fatalf("it changed: %s", diff)
			}
			if cut := rapid.IntRange(0, len(raw)-1).Draw(t, "cut"); decodes(ev.Model(), raw[:cut]) {
				t.Fatalf("it decodes when it is cut to %d of %d bytes", cut, len(raw))
			}
		})
	})
}

func decodes(model event.Model, raw []byte) bool {
	_, err := event.DecodeAvro(model, raw)
	return err == nil
}

// What is said in Avro is what is said in JSON, however the event was built.
func TestAvroRoundTrip(t *testing.T) {
	strict := newStrictReader(t)
	checkAvroRoundTrip[event.Binary](t, strict)
	checkAvroRoundTrip[event.Status](t, strict)
	checkAvroRoundTrip[event.Plugin](t, strict)
	checkAvroRoundTrip[event.Insert](t, strict)
	checkAvroRoundTrip[event.Delete](t, strict)
	checkAvroRoundTrip[event.Download](t, strict)
	checkAvroRoundTrip[event.Retrohunt](t, strict)
}

func TestAvroDecodeErrorsNameByteAndField(t *testing.T) {
	good := mustEncode(t, full())
	at := func(text string) int { return strings.Index(string(good), text) }
	changed := func(i int, bytes ...byte) []byte {
		raw := slices.Clone(good)
		return append(raw[:i], append(bytes, raw[min(i+len(bytes), len(raw)):]...)...)
	}
	name := at("\x06bob") // author.name and its length
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"nothing", nil, "model_version at byte 0 is no number"},
		{"newer", changed(0, 14), "model_version at byte 1 is 7"},
		{"negative version", changed(0, 13), "model_version at byte 1 is -7"},
		{"cut", good[:name+2], "author.name at byte "},
		{"negative length", changed(name, 0x01), "author.name at byte "},
		{"huge length", changed(name, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), "author.name at byte "},
		{"endless number", append(slices.Clone(good[:name]), strings.Repeat("\xff", 20)...), "author.name at byte "},
		{"more follows", append(slices.Clone(good), 0), "it is over, 1 more bytes follow"},
		{"info is no JSON", []byte(strings.Replace(string(good), `{"hello"`, `{hello"?`, 1)), "entity.info at byte "},
		{"flag", changed(at("k.Example.1.5")+len("k.Example.1.5")+1, 2), "flags.bypass_cache at byte "},
	} {
		_, err := event.DecodeAvro(event.ModelBinary, c.raw)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Lists may come in several blocks, and blocks may say how long they are (which is how the reference's library writes them).
func TestAvroBlocks(t *testing.T) {
	event4 := func(list ...byte) []byte { // a delete of ids, in bytes
		raw := []byte{12, 0, 0, 2, 'b', 0, 0, 0}              // head: author b
		raw = append(raw, 0, 0, 0, 0, 0, 0)                   // reason, submission, author, link
		return append(append(raw, list...), 6, 'i', 'd', 's') // ids, action
	}
	for _, c := range []struct {
		name string
		list []byte
		want string // the ids, or the error
	}{
		{"none", []byte{0}, "[]"},
		{"one block", []byte{4, 2, 'x', 2, 'y', 0}, "[x y]"},
		{"two blocks", []byte{2, 2, 'x', 2, 2, 'y', 0}, "[x y]"},
		{"with sizes", []byte{3, 8, 2, 'x', 2, 'y', 1, 4, 2, 'z', 0}, "[x y z]"},
		{"size too small", []byte{1, 2, 2, 'x', 0}, "entity.ids.ids at byte 18 has a block that should end at byte 17"},
		{"size too large", []byte{1, 6, 2, 'x', 0}, "entity.ids.ids at byte 18 has a block that should end at byte 19"},
		{"size past the end", []byte{1, 126, 2, 'x', 0}, "entity.ids.ids at byte 14 has a block of 63 bytes"},
		{"negative size", []byte{1, 1, 2, 'x', 0}, "entity.ids.ids at byte 14 has a block of -1 bytes"},
		{"more than fit", []byte{100, 2, 'x', 0}, "entity.ids.ids at byte 14 has a block of 50 elements"},
		{"more than fit the block", []byte{99, 4, 2, 'x', 0}, "entity.ids.ids at byte 14 has a block of 50 elements in 2 bytes"},
		{"the least count", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 4, 2, 'x', 0}, "entity.ids.ids at byte 14"},
		{"no end", []byte{2, 2, 'x'}, "entity.ids.ids[1] at byte"},
	} {
		ev, err := event.DecodeAvro(event.ModelDelete, event4(c.list...))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(ev.(*event.Delete).Entity.IDs.IDs)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAvroBulk(t *testing.T) {
	for _, model := range event.Models {
		empty, err := event.EncodeAvroBulk(model, nil)
		if err != nil || string(empty) != "\x0c\x00" {
			t.Errorf("an empty bulk of %s is %x, %v", model, empty, err)
		}
		for _, nothing := range []string{"\x0c\x00", "\x0a\x00", "\x08\x00", "\x00"} { // of versions 6, 5 and twice 4
			if events, err := event.DecodeAvroBulk(model, []byte(nothing)); err != nil || len(events) > 0 {
				t.Errorf("%x is %d events of %s, %v", nothing, len(events), model, err)
			}
		}
	}
	if _, err := event.EncodeAvroBulk(event.ModelStatus, []event.Event{full()}); err == nil {
		t.Error("a binary event is in a bulk of statuses")
	}
	many := event.JoinAvro(slices.Repeat([][]byte{mustEncode(t, &event.Retrohunt{})}, event.MaxListEvents+1))
	if _, err := event.DecodeAvroBulk(event.ModelRetrohunt, many); err == nil || !strings.Contains(err.Error(), "more than 100000") {
		t.Errorf("a very long bulk: %v", err)
	}
	if _, err := event.DecodeAvroBulk("zzz", []byte("\x0c\x00")); err == nil {
		t.Error("there is a model zzz")
	}
}

// What is before an error is not lost, nor what was read of the event that it is in.
func TestAvroBulkGivesWhatIsBeforeAnError(t *testing.T) {
	first, second := full(), full()
	second.Action = event.Mapped
	raw, err := event.EncodeAvroBulk(event.ModelBinary, []event.Event{first, second, full()})
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.Index(string(raw), string(event.Mapped)) + len(event.Mapped)
	events, err := event.DecodeAvroBulk(event.ModelBinary, raw[:cut])
	if err == nil || !strings.Contains(err.Error(), "events[1].dequeued at byte") {
		t.Error(err)
	}
	if len(events) != 2 || events[0].Validate() != nil || events[1].(*event.Binary).Action != event.Mapped {
		t.Errorf("got %v", events)
	}
}

func TestAvroEncodeErrorsNameTheField(t *testing.T) {
	binary := func(change func(*event.Binary)) event.Event {
		b := full()
		change(b)
		return b
	}
	late := event.At(event.Now().AddDate(9000, 0, 0))
	for _, c := range []struct {
		ev   event.Event
		want string
	}{
		{binary(func(b *event.Binary) { b.Timestamp = late }), "timestamp is outside"},
		{binary(func(b *event.Binary) { b.Source.Path[0].Timestamp = late }), "source.path[0].timestamp is outside"},
		{binary(func(b *event.Binary) { b.Entity.Info = json.RawMessage(`{x}`) }), "entity.info is not JSON"},
		{&event.Status{Entity: event.StatusEntity{Runtime: math.NaN()}}, "entity.runtime is no finite number"},
		{&event.Status{Entity: event.StatusEntity{Results: []event.Binary{{}, {Head: event.Head{Timestamp: late}}}}},
			"entity.results[1].timestamp is outside"},
	} {
		if _, err := event.EncodeAvro(c.ev); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// No input makes the decoder take more than some 50 times its size.
func TestAvroDecodeAllocatesWithTheInput(t *testing.T) {
	head := "\x0c\x00\x00\x02b\x00\x00\x00"
	source := "\x00\x00\x00\x00\x00\x00"
	entity := strings.Repeat("\x00", 21)
	binary := head + source + entity + strings.Repeat("\x00", 9)
	list := func(n int, element string) string { return string(zigzag(n)) + strings.Repeat(element, n) }
	for _, c := range []struct {
		name  string
		model event.Model
		raw   string
	}{
		{"texts", event.ModelDelete, head + strings.Repeat("\x00", 6) + list(100_000, "\x00") + "\x00\x06ids"},
		{"blocks of texts", event.ModelDelete, head + strings.Repeat("\x00", 6) + strings.Repeat("\x02\x00", 100_000) + "\x00\x06ids"},
		{"pairs", event.ModelBinary, head + "\x00" + list(100_000, "\x00\x00") + "\x00"},
		{"nodes", event.ModelBinary, head + "\x00\x00\x00" + list(10_000, strings.Repeat("\x00", 19)) + "\x00"},
		{"features", event.ModelBinary, head + source + entity[:19] + list(10_000, strings.Repeat("\x00", 20)) + "\x00"},
		{"results", event.ModelStatus, head + binary + strings.Repeat("\x00", 11) + list(10_000, binary) + "\x00"},
		{"claims", event.ModelStatus, head + binary + strings.Repeat("\x00", 11) + string(zigzag(10_000)) + strings.Repeat("\xff", 400_000)},
		{"bad text", event.ModelBinary, "\x0c" + string(zigzag(400_000)) + strings.Repeat("\xff", 400_000)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ev, err := event.DecodeAvro(c.model, []byte(c.raw))
		runtime.ReadMemStats(&after)
		taken := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes for %d, %.1f times: %v", c.name, taken, len(c.raw), float64(taken)/float64(len(c.raw)), err)
		if taken > uint64(50*len(c.raw)) {
			t.Errorf("%s: %d bytes were taken for an input of %d", c.name, taken, len(c.raw))
		}
		runtime.KeepAlive(ev)
	}
}

// zigzag writes a long as Avro does.
func zigzag(n int) []byte {
	u := uint64(n)<<1 ^ uint64(n>>63)
	var b []byte
	for ; u > 127; u >>= 7 {
		b = append(b, byte(u)|128)
	}
	return append(b, byte(u))
}

func TestDecodeRecord(t *testing.T) {
	for _, ev := range examples() {
		text, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range [][]byte{text, mustEncode(t, ev)} {
			back, err := event.DecodeRecord(ev.Model(), value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(document(t, ev), document(t, back)); diff != "" {
				t.Errorf("%s changed: %s", ev.Model(), diff)
			}
		}
	}
	for _, value := range []string{"", "[]", "null", "{", "\x0c"} {
		if _, err := event.DecodeRecord(event.ModelBinary, []byte(value)); err == nil {
			t.Errorf("%q is an event", value)
		}
	}
}
