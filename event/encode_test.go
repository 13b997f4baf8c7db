package event_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"lazuli/event"
)

// filler fills values by reflection, so that a field that is new in a struct and forgotten in AppendJSON is found.
type filler struct{ *rand.Rand }

var oddTexts = []string{"", "plain", "<a href=\"x\">&amp;</a>", "back\\slash /", "\x00\x01\b\f\n\r\t\x1f\x7f", "\u2028 \u2029 ü 漢 😀", "bad \xff\xc3( \xed\xa0\x80 utf-8", "\ufffd"}

func (f filler) text() string { return oddTexts[f.IntN(len(oddTexts))] }

func (f filler) fill(v reflect.Value) {
	if f.IntN(8) == 0 {
		return // empty
	}
	switch p := v.Addr().Interface().(type) {
	case *event.Time:
		zone := time.FixedZone("", f.IntN(40000)-20000)
		p.Time = time.Unix(f.Int64N(4e9), f.Int64N(1e9)).In(zone)
		return
	case *json.RawMessage:
		list := []string{`null`, `[1]`, ` {"b" : 1 , "a" : "<&>"} `, `{"x":"\u2028` + "\u2028" + `","y":[1e3,true,null]}`, "{\"bad\":\"\xff\"}", `{}`}
		*p = json.RawMessage(list[f.IntN(len(list))])
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.IntN(3), 3))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.IntN(4) {
			v.SetMapIndex(reflect.ValueOf(f.text()), reflect.ValueOf(f.text()))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.String:
		v.SetString(f.text())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(f.Int64N(1000) - 500)
	case reflect.Uint64:
		v.SetUint(f.Uint64())
	case reflect.Float64:
		v.SetFloat(math.Ldexp(f.Float64()-0.5, f.IntN(200)-100))
	default:
		panic("fill a " + v.Kind().String())
	}
}

func TestAppendJSONIsMarshal(t *testing.T) {
	f := filler{rand.New(rand.NewPCG(1, 2))}
	for range 3000 {
		for _, ev := range []event.Event{&event.Binary{}, &event.Status{}, &event.Insert{}} {
			f.fill(reflect.ValueOf(ev).Elem())
			want, wantErr := json.Marshal(ev)
			got, err := event.AppendJSON([]byte("before"), ev)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%v, want %v, of %+v", err, wantErr, ev)
			}
			if err == nil && string(got) != "before"+string(want) {
				t.Fatalf("got  %s\nwant %s", got[len("before"):], want)
			}
		}
	}
}

func TestAppendJSONRefuses(t *testing.T) {
	early, never := &event.Binary{}, &event.Status{}
	early.Source.Timestamp = event.At(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))
	never.Entity.Runtime = math.NaN()
	broken := &event.Binary{}
	broken.Entity.Info = json.RawMessage(`{"a":`)
	for _, ev := range []event.Event{early, never, broken} {
		if raw, err := event.AppendJSON(nil, ev); err == nil || raw != nil {
			t.Errorf("%+v is written as %s, %v", ev, raw, err)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, text := range oddTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := &event.Binary{Dequeued: text, Source: event.Source{Settings: map[string]string{text: text}}}
		b.Timestamp, b.Source.Timestamp = event.At(time.Unix(0, 0)), event.At(time.Unix(0, 0))
		want, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := event.AppendJSON(nil, b); err != nil || string(got) != string(want) {
			t.Fatalf("got  %s, %v\nwant %s", got, err, want)
		}
	})
}
