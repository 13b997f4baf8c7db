package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lazuli/event"
	"lazuli/test/goplugin"
)

var update = flag.Bool("update", false, "write testdata/avro.txt anew, with the other codec")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	goplugin.Cleanup()
	os.Exit(code)
}

const goldenFile = "testdata/avro.txt"

// golden is one line of testdata/avro.txt: one example, or all of a model as a bulk record, as another implementation writes it.
type golden struct {
	model   event.Model
	version int
	example string // its number among those of the model, or "bulk"
	raw     []byte
}

func readGolden(t *testing.T) []golden {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []golden
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var g golden
		if _, err := fmt.Sscan(line, &g.model, &g.version, &g.example, &line); err != nil {
			t.Fatalf("%.40q: %v", line, err)
		}
		if g.raw, err = base64.StdEncoding.DecodeString(line); err != nil {
			t.Fatal(err)
		}
		list = append(list, g)
	}
	return list
}

func examplesOf(model event.Model) []event.Event {
	return slices.DeleteFunc(examples(), func(ev event.Event) bool { return ev.Model() != model })
}

// oldDocument returns the example's document as it comes out of an old layout: version 4 had no settings of a source.
func oldDocument(t *testing.T, ev event.Event, version int) any {
	doc := document(t, ev)
	if version < 5 {
		dropSettings(doc)
	}
	return doc
}

func dropSettings(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "settings")
		for _, value := range v {
			dropSettings(value)
		}
	case []any:
		for _, value := range v {
			dropSettings(value)
		}
	}
}

// What another implementation wrote of every example, in every version, is read.
func TestAvroGolden(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	list := readGolden(t)
	if want := 3 * (len(examples()) + len(event.Models)); len(list) != want {
		t.Fatalf("%d lines, want %d: run with -update", len(list), want)
	}
	for _, g := range list {
		want := examplesOf(g.model)
		var got []event.Event
		var err error
		if g.example == "bulk" {
			got, err = event.DecodeAvroBulk(g.model, g.raw)
		} else {
			i, _ := strconv.Atoi(g.example)
			want = want[i : i+1]
			got = make([]event.Event, 1)
			got[0], err = event.DecodeAvro(g.model, g.raw)
		}
		if err != nil || len(got) != len(want) {
			t.Errorf("%s %d %s: %d events, %v", g.model, g.version, g.example, len(got), err)
			continue
		}
		for i := range got {
			if diff := cmp.Diff(oldDocument(t, want[i], g.version), document(t, got[i])); diff != "" {
				t.Errorf("%s %d %s, event %d: %s", g.model, g.version, g.example, i, diff)
			}
		}
	}
}

func writeGolden(t *testing.T) {
	var ask []goplugin.Conversion
	var heads []string
	for _, model := range event.Models {
		for version := 4; version <= 6; version++ {
			var all [][]byte
			for i, ev := range examplesOf(model) {
				one := oldJSON(t, ev, version)
				all = append(all, one)
				heads = append(heads, fmt.Sprint(model, " ", version, " ", i))
				ask = append(ask, goplugin.Conversion{Model: string(model), Version: version, JSON: one})
			}
			heads = append(heads, fmt.Sprint(model, " ", version, " bulk"))
			ask = append(ask, goplugin.Conversion{Model: string(model), Version: version, Bulk: true,
				JSON: fmt.Appendf(nil, `{"model_version":%d,"events":[%s]}`, version, bytes.Join(all, []byte(",")))})
		}
	}
	text := "# Written by github.com/hamba/avro/v2: go test ./event -run TestAvroGolden -update\n" +
		"# model, version, number of the example or bulk, bytes\n"
	for i, c := range goplugin.Convert(t, ask) {
		raw, err := hex.DecodeString(c.Avro)
		if err != nil {
			t.Fatal(err)
		}
		text += heads[i] + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
	}
	if err := os.WriteFile(goldenFile, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// oldJSON is an event as an old version says it; file_format_legacy, which is dropped, must not disturb what stands beside it.
func oldJSON(t *testing.T, ev event.Event, version int) json.RawMessage {
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), `"file_format":`, `"file_format_legacy":"LEGACY","file_format":`)
	return json.RawMessage(strings.ReplaceAll(text, `"model_version":6`, fmt.Sprintf(`"model_version":%d`, version)))
}

// compareWithOther draws events and compares, in both directions, with the other codec. It is one call of the other program.
func compareWithOther[T any](t *testing.T) {
	model := any(new(T)).(event.Event).Model()
	t.Run(string(model), func(t *testing.T) {
		var evs []event.Event
		var ask []goplugin.Conversion
		for seed := range 40 {
			ev := any(anyEvent[T]().Example(seed)).(event.Event)
			ev = throughAvro(t, ev) // takes away what Avro cannot say; the other program takes no number above 2^63-1 either
			text, err := json.Marshal(ev)
			if err != nil {
				t.Fatal(err)
			}
			evs = append(evs, ev)
			ask = append(ask, goplugin.Conversion{Model: string(model), Version: 6, JSON: text},
				goplugin.Conversion{Model: string(model), Version: 6, Avro: hex.EncodeToString(mustEncode(t, ev))})
		}
		for i, c := range goplugin.Convert(t, ask) {
			ev := evs[i/2]
			var back event.Event
			var err error
			if c.Avro != "" { // they wrote, we read
				raw, bad := hex.DecodeString(c.Avro)
				if bad != nil {
					t.Fatal(bad)
				}
				back, err = event.DecodeAvro(model, raw)
			} else { // we wrote, they read
				back, err = event.Decode(model, c.JSON)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(document(t, ev), document(t, throughAvro(t, back))); diff != "" {
				t.Fatalf("event %d, %t: %s", i/2, c.Avro != "", diff)
			}
		}
	})
}

// throughAvro takes away of an event what Avro cannot say.
func throughAvro(t *testing.T, ev event.Event) event.Event {
	back, err := event.DecodeAvro(ev.Model(), mustEncode(t, ev))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestAvroAgreesWithAnotherImplementation(t *testing.T) {
	compareWithOther[event.Binary](t)
	compareWithOther[event.Status](t)
	compareWithOther[event.Plugin](t)
	compareWithOther[event.Insert](t)
	compareWithOther[event.Delete](t)
	compareWithOther[event.Download](t)
	compareWithOther[event.Retrohunt](t)
}
