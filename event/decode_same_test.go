package event_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lazuli/event"
)

// checkSameDecoded fails unless Decode's first decoder and encoding/json make the same of raw: the same event to the last
// nil, or both nothing.
func checkSameDecoded(t interface{ Fatalf(string, ...any) }, model event.Model, raw []byte) {
	got, err := event.Unmarshal(model, raw)
	want := newEvent(model)
	wantErr := json.Unmarshal(raw, want)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("got error %v, encoding/json says %v\nof %q", err, wantErr, raw)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("got\n%#v\nencoding/json reads\n%#v\nof %q", got, want, raw)
	}
}

// newEvent returns an empty event of a model.
func newEvent(model event.Model) event.Event {
	for _, ev := range examples() {
		if ev.Model() == model {
			return reflect.New(reflect.TypeOf(ev).Elem()).Interface().(event.Event)
		}
	}
	panic("no example of " + model)
}

// Places where decoders of JSON are known to differ.
var oddJSON = []string{
	`null`, ` null `, `[]`, `{}`, `{}x`, `{"entity":null,"author":null,"timestamp":null,"source":null,"flags":null}`,
	`{"author":{"name":"a","NAME":"b","Name":null}}`, `{"author":{"na\u006de":"a","NaMe":"b"},"model_verſion":6,"Kafka_Key":"K"}`,
	`{"author":{"name":"a"},"author":{"version":"1"}}`, `{"modelversion":6,"model-version":6}`, `{"Head":{"kafka_key":"k"}}`,
	`{"entity":{"features":[{"name":"a","label":"l","size":1},{"name":"b"}],"features":[{"name":"c"}]}}`,
	`{"entity":{"features":[{"name":"a","label":"l"}],"features":[]}}`, `{"entity":{"features":[null,{"offset":null,"size":0}]}}`,
	`{"entity":{"features":[{"offset":1,"offset":2,"size":3,"size":null}]}}`, `{"entity":{"features":{}}}`,
	`{"entity":{"info":null}}`, `{"entity":{"info":{"a":1},"info":null}}`, `{"entity":{"info":[1, 2 ,"` + "\xff" + `"]}}`,
	`{"entity":{"size":18446744073709551615}}`, `{"entity":{"size":18446744073709551616}}`, `{"entity":{"size":1.0}}`,
	`{"entity":{"size":1e2}}`, `{"entity":{"size":-0}}`, `{"entity":{"size":"1"}}`, `{"model_version":9223372036854775808}`,
	`{"entity":{"runtime":1e999,"results":null}}`, `{"entity":{"runtime":1e-999}}`, `{"entity":{"runtime":-0.0}}`, `{"entity":{"runtime":01}}`,
	`{"source":{"references":{"a":"1","a":"2"},"references":{"b":null}}}`, `{"source":{"references":{"` + "\xff" + `":"1","` + "\xfe" + `":"2"}}}`,
	`{"source":{"settings":null,"path":null}}`, `{"source":{"path":[],"path":[{}]}}`, `{"track_links":["a",null],"track_links":[null,"b"]}`,
	`{"kafka_key":"\ud800\udc00 \ud800 \udc00\ud800 \u0000` + "\xff\xfe\xed\xa0\x80" + `"}`, "{\"kafka_key\":\"a\nb\"}", "{\"kafka_key\":\"\x7f\u2028\"}",
	`{"kafka_key":"\x"}`, `{"timestamp":"2025-05-05T01:02:03\u002b10:00"}`, `{"timestamp":"2025-05-05T01:02:03Z\n"}`, `{"timestamp":1}`,
	`{"timestamp":"2025-05-05T01:02:03Z","timestamp":"x"}`, `{"timestamp":"2025-05-05T24:00:00Z"}`, `{"timestamp":""}`,
	`{"zzz":{"a":[nul]}}`, `{"zzz":1e99999,"":2}`, `{"a":1,}`, `{"flags":{"retry":"true"}}`, `{"flags":{"retry":1}}`, `{"author":[]}`,
	`{"entity":{"submission":{},"submission":{"timestamp":null},"ids":{"ids":null}}}`, `{"entity":{"ids":{"ids":["a"]},"ids":null}}`,
	`{"zzz":` + strings.Repeat("[", 9_998) + strings.Repeat("]", 9_998) + `}`, `{"zzz":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`,
}

func TestOddJSONIsDecodedAsByEncodingJSON(t *testing.T) {
	for _, model := range event.Models {
		for _, raw := range oddJSON {
			checkSameDecoded(t, model, []byte(raw))
		}
	}
}

func TestMutatedEventsAreDecodedAsByEncodingJSON(t *testing.T) {
	originals := examples()
	rapid.Check(t, func(t *rapid.T) {
		ev := rapid.SampledFrom(originals).Draw(t, "original")
		checkSameDecoded(t, ev.Model(), mutated(t, ev))
	})
}

func FuzzDecodersAgree(f *testing.F) {
	models := map[event.Model]uint8{}
	for i, model := range event.Models {
		models[model] = uint8(i)
	}
	for _, ev := range examples() {
		raw, err := json.Marshal(ev)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(models[ev.Model()], raw)
	}
	for _, raw := range oddJSON {
		if len(raw) > 1000 {
			continue // the fuzzer would spend its time on the making short of it
		}
		f.Add(models[event.ModelBinary], []byte(raw))
		f.Add(models[event.ModelStatus], []byte(raw))
	}
	f.Fuzz(func(t *testing.T, model uint8, raw []byte) {
		checkSameDecoded(t, event.Models[int(model)%len(event.Models)], raw)
	})
}
