package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lazuli/event"
)

const minimal = `{"model_version":6,"kafka_key":"k","timestamp":"2025-05-05T01:02:03Z","author":{"name":"bob"},` +
	`"entity":{"sha256":"aa11"},"action":"mapped","source":{"name":"s","path":[],"timestamp":"2025-05-05T01:02:03Z"}}`

func TestDecodeIsLenient(t *testing.T) {
	for name, change := range map[string][2]string{
		"unknown key":         {`"kafka_key":"k"`, `"kafka_key":"k","zzz":{"a":[1]}`},
		"other case":          {`"kafka_key"`, `"KAFKA_Key"`},
		"null author version": {`{"name":"bob"}`, `{"name":"bob","version":null}`},
		"null path":           {`[]`, `null`},
		"null flags":          {`"action"`, `"flags":null,"action"`},
		"null info":           {`{"sha256":"aa11"}`, `{"sha256":"aa11","info":null}`},
		"offset":              {`"timestamp":"2025-05-05T01:02:03Z","author"`, `"timestamp":"2025-05-05T11:02:03+10:00","author"`},
	} {
		ev, err := event.Decode(event.ModelBinary, []byte(strings.Replace(minimal, change[0], change[1], 1)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		raw, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(minimal, `"timestamp":"2025-05-05T01:02:03Z"}}`, `"timestamp":"2025-05-05T01:02:03Z"},"flags":{}}`, 1)
		if string(raw) != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, raw, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for want, change := range map[string][2]string{
		"decode a binary event: model_version is not 6 but 5":                                                         {`"model_version":6`, `"model_version":5`},
		"decode a binary event: model_version is not 6 but 7":                                                         {`"model_version":6`, `"model_version":7`},
		"decode a binary event: model_version is not 6 but 0":                                                         {`"model_version":6,`, ``},
		"decode a binary event: author.name cannot be a JSON number":                                                  {`"bob"`, `1`},
		"decode a binary event: entity.size cannot be a JSON number -1":                                               {`"aa11"`, `"aa11","size":-1`},
		"decode a binary event: action cannot be a JSON object":                                                       {`"mapped"`, `{}`},
		"decode a binary event: it is a JSON array, not an object":                                                    {minimal, `[]`},
		`decode a binary event: time "2025-05-05T01:02:03" is not RFC 3339 with a zone, such as 2006-01-02T15:04:05Z`: {`03Z","author"`, `03","author"`},
		`decode a binary event: time "{\n}" is not a JSON string`:                                                     {`"2025-05-05T01:02:03Z","author"`, "{\n}" + `,"author"`},
		"decode a binary event: unexpected end of JSON input":                                                         {minimal, ``},
	} {
		_, err := event.Decode(event.ModelBinary, []byte(strings.Replace(minimal, change[0], change[1], 1)))
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if errors.Is(err, event.ErrVersion) != strings.Contains(want, "model_version") {
			t.Errorf("%v: ErrVersion or not?", err)
		}
	}
	if _, err := event.Decode("binaries", []byte(minimal)); err == nil {
		t.Error("an unknown model is decoded")
	}
}

func TestDecodeRefusesNegativeVersionsInside(t *testing.T) {
	for _, entity := range []string{`{"input":{"model_version":-1}}`, `{"input":{},"results":[{},{"model_version":-1}]}`} {
		_, err := event.Decode(event.ModelStatus, []byte(`{"model_version":6,"entity":`+entity+`}`))
		if err == nil || !strings.HasSuffix(err.Error(), "model_version is negative") {
			t.Errorf("%s: %v", entity, err)
		}
	}
}

func TestDecodeReplacesBadText(t *testing.T) {
	raw := strings.Replace(minimal, `"aa11"`, `"aa11","magic":"a`+"\xff"+`b","info":{"k`+"\xff"+`":"\ud800 \ud83d\ude00 \\ud800"}`, 1)
	ev, err := event.Decode(event.ModelBinary, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	b := ev.(*event.Binary)
	if want := "a\ufffdb"; b.Entity.Magic != want {
		t.Errorf("magic is %q, want %q", b.Entity.Magic, want)
	}
	if want := `{"k` + "\ufffd" + `":"\ufffd \ud83d\ude00 \\ud800"}`; string(b.Entity.Info) != want {
		t.Errorf("info is %s, want %s", b.Entity.Info, want)
	}
}

func TestDecodeList(t *testing.T) {
	for body, want := range map[string][]string{
		`{"a":1}`:                          {`{"a":1}`},
		" \r\n\t{\"a\":1}\n":               {`{"a":1}`},
		`[]`:                               {},
		" [ ] ":                            {},
		` [{"a":"}]\"{"} , {"b":[{}]},{}]`: {`{"a":"}]\"{"}`, `{"b":[{}]}`, `{}`},
	} {
		events, err := event.DecodeList(event.ModelBinary, []byte(body))
		got := make([]string, 0)
		for _, e := range events {
			got = append(got, string(e))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v", body, got, err)
		}
	}
	for body, want := range map[string]string{
		``:         "read status events: the body is empty",
		"  ":       "read status events: the body is empty",
		`[{}`:      "read status events: the body is not JSON: unexpected end of JSON input",
		`[{"a":"]`: "read status events: the body is not JSON: unexpected end of JSON input",
		`[{}{}]`:   "read status events: the body is not JSON: invalid character '{' after array element",
		`[,{}]`:    "read status events: the body is not JSON: invalid character ',' looking for beginning of value",
		`[{},]`:    "read status events: the body is not JSON: invalid character ']' looking for beginning of value",
		`[{}]x`:    "read status events: the body is not JSON: invalid character 'x' after top-level value",
		`nil`:      "read status events: the body is not JSON: invalid character 'i' in literal null (expecting 'u')",
		`{} {}`:    "read status events: the body is not JSON: invalid character '{' after top-level value",
		`"x"`:      "read status events: the body is neither a JSON object nor a list of objects",
		`null`:     "read status events: the body is neither a JSON object nor a list of objects",
		`[{},[1]]`: "read status events: event 1 of the list is not a JSON object",
		`[null]`:   "read status events: event 0 of the list is not a JSON object",
		"[" + strings.Repeat("{},", event.MaxListEvents) + "{}]": "read status events: the list has more than 100000 events: send them in several",
	} {
		if _, err := event.DecodeList(event.ModelStatus, []byte(body)); err == nil || err.Error() != want {
			t.Errorf("%.40s: got %v, want %s", body, err, want)
		}
	}
}

// DecodeList must cut where encoding/json does.
func TestDecodeListIsWhatJSONSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := rapid.SliceOfN(rapid.MapOfN(anyText(), rapid.SliceOfN(anyText(), 0, 3), 0, 3), 0, 4).Draw(t, "objects")
		body, err := json.MarshalIndent(objects, rapid.SampledFrom([]string{"", " "}).Draw(t, "indent"), "\t")
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodeList(event.ModelBinary, body)
		var want []json.RawMessage
		if err2 := json.Unmarshal(body, &want); err != nil || err2 != nil {
			t.Fatalf("%v, %v", err, err2)
		}
		same := func(a, b json.RawMessage) bool { return string(a) == string(b) }
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzDecodeList(f *testing.F) {
	f.Add([]byte(` [{"a":"}]\"{"} , {"b":[{}]},{}]`))
	f.Add([]byte(`{"a":1}`))
	f.Add([]byte(`{"a":1} {}`))
	f.Add([]byte(`[{"a":[}]`))
	f.Add([]byte(`[{"a":1]},{}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := event.DecodeList(event.ModelBinary, body)
		for _, e := range got {
			if !json.Valid(e) {
				return // Decode will refuse it
			}
		}
		var want []json.RawMessage
		refused := json.Unmarshal(body, &want) != nil || want == nil
		if object := json.RawMessage(bytes.Trim(body, " \t\r\n")); json.Valid(object) && object[0] == '{' {
			want, refused = []json.RawMessage{object}, false
		}
		for _, e := range want {
			refused = refused || e[0] != '{'
		}
		if (err != nil) != refused {
			t.Fatalf("%q: %v", body, err)
		}
		same := func(a, b json.RawMessage) bool { return string(a) == string(b) }
		if err == nil && !slices.EqualFunc(got, want, same) {
			t.Fatalf("%q: got %q, want %q", body, got, want)
		}
	})
}

func TestVocabulary(t *testing.T) {
	for _, m := range event.Models {
		if got, err := event.ParseModel(string(m)); err != nil || got != m {
			t.Errorf("%s: %v, %v", m, got, err)
		}
	}
	for _, a := range event.Actions {
		if got, err := event.ParseAction(string(a)); err != nil || got != a {
			t.Errorf("%s: %v, %v", a, got, err)
		}
	}
	if _, err := event.ParseModel("Binary"); err == nil {
		t.Error("models are not told apart by case")
	}
	_, err := event.ParseAction("")
	if want := `action "" is not known: use one of sourced, extracted, augmented, mapped, enriched`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !slices.IsSorted(event.Labels) {
		t.Error("Labels is not sorted")
	}
	for _, l := range event.Labels {
		if !l.Valid() {
			t.Errorf("label %s is not valid", l)
		}
	}
	if event.Label("").Valid() || event.Label("Content").Valid() {
		t.Error("an unknown label is valid")
	}
}

func TestStates(t *testing.T) {
	const valid, final, success, failure = 1, 2, 4, 8
	for state, want := range map[event.State]int{
		event.Completed: valid | final | success, event.CompletedEmpty: valid | final | success,
		event.CompletedWithErrors: valid | final | success, event.OptOut: valid | final,
		event.Heartbeat: valid, event.Dequeued: valid, event.DownloadRequested: valid,
		event.ErrorException: valid | final | failure, event.ErrorNetwork: valid | final | failure,
		event.ErrorRunner: valid | final | failure, event.ErrorInput: valid | final | failure,
		event.ErrorOutput: valid | final | failure, event.ErrorTimeout: valid | final | failure,
		event.ErrorOutOfMemory: valid | final | failure,
		"":                     0, "error-other": 0, "Completed": 0,
	} {
		got := 0
		for i, is := range []bool{state.Valid(), state.Final(), state.Success(), state.Error()} {
			if is {
				got |= 1 << i
			}
		}
		if got != want {
			t.Errorf("%q: got %04b, want %04b (error, success, final, valid)", state, got, want)
		}
	}
}
