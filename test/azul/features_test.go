package azul

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lazuli/event"
)

// everyValue is what features.py gives, as text, a line each: name, type, value, label, offset, size.
var everyValue = []string{
	`every_integer integer "0" "" - -`,
	`every_integer integer "-1" "" - -`,
	`every_integer integer "18446744073709551616" "" - -`,
	`every_integer integer "42" "answer" 0 0`,
	`every_integer integer "43" "" 8 2`,
	`every_float float "0.1" "" - -`,
	`every_float float "-2.5e+300" "" - -`,
	`every_float float "inf" "" - -`,
	`every_float float "nan" "" - -`,
	`every_float float "1.5" "a label with blanks, and 'quotes'" - -`,
	`every_string string "features" "first word" 0 8`,
	`every_string string "" "" - -`,
	`every_string string "naïve ☃ 𝄞" "" - -`,
	`every_string string "line\nbreak, tab\t, nul \x00, escape \x1b[31m" "" - -`,
	`every_string string "half a pair \\ud800" "" - -`,
	`every_string string "<b>&amp;\"\u2028" "" - -`,
	`every_string string "` + strings.Repeat("x", 4000) + `" "" - -`,
	`every_binary binary "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==" "" - -`,
	`every_binary binary "" "" - -`,
	`every_binary binary "f0VMRg==" "magic" 1 4`,
	`local_time datetime "2020-02-29T01:02:03" "" - -`,
	`every_datetime datetime "1601-01-01T00:00:00+00:00" "compiled" - -`,
	`every_datetime datetime "9999-12-31T23:59:59.999999+10:30" "" - -`,
	`every_filepath filepath "C:\\Users\\a b\\evil.exe" "" - -`,
	`every_filepath filepath "/etc/../etc/passwd" "dropped" - -`,
	`every_filepath filepath "\\\\host\\share" "" - -`,
	`every_uri uri "https://user:pw@example.com:8443/a?b=c#d" "" - -`,
	`every_uri uri "HXXP://[not a uri" "defanged" - -`,
}

// testFeatures: values of every type come out as they went in, with labels and places; so do text and info.
func testFeatures(ctx context.Context, t *testing.T, s *suite) {
	s.run(t, "features.py")
	for content, action := range map[string]event.Action{"features": event.Enriched, "features and text": event.Augmented} {
		sha := s.submit(ctx, t, content)
		s.wantState(ctx, t, "Features", sha, event.Completed)
		found := s.binary(ctx, t, action, "Features", sha)
		wantEveryValue(t, found.Entity.Features)
		wantInfo(t, found.Entity.Info)
		i := slices.IndexFunc(found.Entity.Datastreams, func(d event.Datastream) bool { return d.Label == "text" })
		if (i >= 0) != (action == event.Augmented) || i >= 0 && (found.Entity.Datastreams[i].Language != "python" || found.Entity.Datastreams[i].Size != 19) {
			t.Errorf("%q: streams %+v", content, found.Entity.Datastreams)
		}
	}
}

func wantEveryValue(t *testing.T, features []event.Feature) {
	t.Helper()
	var got []string
	for _, f := range features {
		got = append(got, fmt.Sprintf("%s %s %q %q %s %s", f.Name, f.Type, f.Value, f.Label, place(f.Offset), place(f.Size)))
	}
	for _, line := range everyValue {
		if !slices.Contains(got, line) {
			t.Errorf("missing: %.200s", line)
		}
	}
	if len(got) != len(everyValue) {
		t.Errorf("%d values, want %d:\n%.4000s", len(got), len(everyValue), strings.Join(got, "\n"))
	}
}

func wantInfo(t *testing.T, got json.RawMessage) {
	t.Helper()
	var info, want any
	if err := json.Unmarshal(got, &info); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"nested":{"list":[1,2.5,null,true,"☃"]},"big":1152921504606846976,"empty":{}}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(info, want) {
		t.Errorf("info %v, want %v", info, want)
	}
}

func place(n *uint64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
