package event_test

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lazuli/event"
)

func TestExamplesAreReadAndComeBack(t *testing.T) {
	r := newStrictReader(t)
	for _, ev := range examples() {
		if err := ev.Validate(); err != nil {
			t.Errorf("%s: %v", ev.Model(), err)
			continue
		}
		raw := r.mustBeRead(t, ev)
		back := reflect.New(reflect.TypeOf(ev).Elem()).Interface().(event.Event)
		if err := json.Unmarshal(raw, back); err != nil {
			t.Fatal(err)
		}
		again := r.mustBeRead(t, back)
		if diff := cmp.Diff(string(raw), string(again)); diff != "" {
			t.Errorf("%s changed: %s", ev.Model(), diff)
		}
	}
}

func TestEmptyEventsAreRead(t *testing.T) {
	r := newStrictReader(t)
	for _, ev := range []event.Event{
		&event.Binary{}, &event.Status{Entity: event.StatusEntity{Results: make([]event.Binary, 1)}}, &event.Plugin{}, &event.Insert{},
		&event.Delete{Entity: event.DeleteEntity{IDs: &event.DeleteIDs{}}}, &event.Download{}, &event.Retrohunt{},
		&event.Binary{Entity: event.Entity{Info: json.RawMessage("null")}},
		&event.Download{Entity: event.DownloadEntity{Metadata: json.RawMessage(" null\n")}},
		&event.Retrohunt{Entity: json.RawMessage("null")},
	} {
		r.mustBeRead(t, ev)
	}
}

// A model must be written the same by value as by pointer.
func TestValuesAreReadToo(t *testing.T) {
	r := newStrictReader(t)
	b := event.Binary{Entity: event.Entity{Info: json.RawMessage("null")}}
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.read(event.ModelBinary, raw, false); err != nil {
		t.Error(err)
	}
}

// anyText is text as clients may send it: much that is ordinary, and bytes that are no UTF-8.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringN(0, 8, 20),
		rapid.SampledFrom([]string{"", "<&>\u2028", "a\xffb", "\xed\xa0\x80", "null", `\ud800`, `"`, "\x00"}),
	)
}

// mixed draws known names, and now and then some other text.
func mixed[T ~string](known ...T) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
			return T(anyText().Draw(t, "text"))
		}
		return rapid.SampledFrom(known).Draw(t, "known")
	})
}

func anyTime() *rapid.Generator[event.Time] {
	return rapid.Custom(func(t *rapid.T) event.Time {
		if rapid.Bool().Draw(t, "zero") {
			return event.Time{}
		}
		at := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		return event.At(at.In(time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "zone"))))
	})
}

var rawObjects = []json.RawMessage{
	nil, {}, json.RawMessage("null"), json.RawMessage(" null "), json.RawMessage("{}"), json.RawMessage(`[]`), json.RawMessage(`1`),
	json.RawMessage(`{"a":[null,{"b":null}],"<":1e999}`), json.RawMessage(`{"a":"\ud800","b":"\ud83d\ude00\udc00\\ud800"}`),
	json.RawMessage("{\"a\":\"\xff\xfe\"}"), json.RawMessage(` { "a" : 1 } `),
}

// anyEvent draws an event as careless code might build it.
func anyEvent[T any]() *rapid.Generator[*T] {
	text := anyText().AsAny()
	return rapid.MakeCustom[*T](rapid.MakeConfig{
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[event.Time]():        anyTime().AsAny(),
			reflect.TypeFor[json.RawMessage]():   rapid.SampledFrom(rawObjects).AsAny(),
			reflect.TypeFor[event.Action]():      mixed(event.Actions...),
			reflect.TypeFor[event.Label]():       mixed(event.Labels...),
			reflect.TypeFor[event.State]():       mixed(event.Completed, event.Heartbeat, event.ErrorInput),
			reflect.TypeFor[event.FeatureType](): mixed(event.Integer, event.URI),
			reflect.TypeFor[string]():            text,
			reflect.TypeFor[int]():               rapid.IntRange(0, 10).AsAny(),
			reflect.TypeFor[float64]():           rapid.Float64Range(0, math.MaxFloat64).AsAny(),
			reflect.TypeFor[map[string]string](): rapid.MapOfN(anyText(), anyText(), 0, 3).AsAny(),
			reflect.TypeFor[[]string]():          rapid.OneOf(rapid.Just[[]string](nil), rapid.SliceOfN(anyText(), 0, 3)).AsAny(),
		},
	}).Filter(func(ev *T) bool { return ev != nil })
}

func checkBuilt[T any](t *testing.T, r *strictReader) {
	t.Run(reflect.TypeFor[T]().Name(), func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			r.mustBeRead(t, any(anyEvent[T]().Draw(t, "event")).(event.Event))
		})
	})
}

// No event, however it was built, has a null or a key that readers do not know.
func TestBuiltEventsAreRead(t *testing.T) {
	r := newStrictReader(t)
	checkBuilt[event.Binary](t, r)
	checkBuilt[event.Status](t, r)
	checkBuilt[event.Plugin](t, r)
	checkBuilt[event.Insert](t, r)
	checkBuilt[event.Delete](t, r)
	checkBuilt[event.Download](t, r)
	checkBuilt[event.Retrohunt](t, r)
}

// mutate changes one place of a JSON document as a careless or hostile client might.
func mutate(t *rapid.T, v any) any {
	junk := []any{nil, []any{}, []any{nil}, map[string]any{}, map[string]any{"zzz": nil}, "", "x", "BYTE", "HALF", 1.0, -1.0, 1e300, true,
		"2025-05-05T01:02:03.123456789+09:30", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59.9999999-01:00", hashA}
	if rapid.IntRange(0, 5).Draw(t, "here") == 0 {
		return rapid.SampledFrom(junk).Draw(t, "junk")
	}
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		if len(v) == 0 {
			return rapid.SampledFrom(junk).Draw(t, "junk")
		}
		key := rapid.SampledFrom(slices.Sorted(maps.Keys(v))).Draw(t, "key")
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0:
			delete(v, key)
		case 1:
			v["file_format_legacy"] = nil
		case 2:
			v[strings.ToUpper(key)] = mutate(t, v[key])
		default:
			v[key] = mutate(t, v[key])
		}
		return v
	case []any:
		v = slices.Clone(v)
		if len(v) == 0 {
			return rapid.SampledFrom(junk).Draw(t, "junk")
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "index")
		v[i] = mutate(t, v[i])
		return v
	}
	return rapid.SampledFrom(junk).Draw(t, "junk")
}

// mutated is the JSON of an event, changed in one to three places.
func mutated(t *rapid.T, ev event.Event) []byte {
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		document = mutate(t, document)
	}
	if raw, err = json.Marshal(document); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("BYTE", "\xff", "HALF", `\ud800`).Replace(string(raw)) // what no encoder would write
	return []byte(text)
}

// No event, however it was decoded, has a null or a key that readers do not know; a legal one is read by all.
func TestDecodedEventsAreRead(t *testing.T) {
	r := newStrictReader(t)
	originals := examples()
	rapid.Check(t, func(t *rapid.T) {
		ev := rapid.SampledFrom(originals).Draw(t, "original")
		checkDecoded(t, r, ev.Model(), mutated(t, ev))
	})
}

// checkDecoded decodes raw; if that works, readers must read it, and what is encoded must come back the same.
func checkDecoded(t interface{ Fatalf(string, ...any) }, r *strictReader, model event.Model, raw []byte) {
	ev, err := event.Decode(model, raw)
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Fatalf("error of several lines: %v", err)
		}
		return
	}
	once := r.mustBeRead(t, ev)
	back, err := event.Decode(model, once)
	if err != nil {
		t.Fatalf("%v\nof %s", err, once)
	}
	if twice := r.mustBeRead(t, back); string(once) != string(twice) {
		t.Fatalf("it changes from\n%s\nto\n%s", once, twice)
	}
	if ev.Validate() == nil && back.Validate() != nil {
		t.Fatalf("it is no longer legal: %v: %s", back.Validate(), once)
	}
}

func FuzzDecode(f *testing.F) {
	r := newStrictReader(f)
	for _, ev := range examples() {
		raw, err := json.Marshal(ev)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(slices.Index(event.Models, ev.Model())), raw)
	}
	f.Fuzz(func(t *testing.T, model uint8, raw []byte) {
		checkDecoded(t, r, event.Models[int(model)%len(event.Models)], raw)
	})
}
